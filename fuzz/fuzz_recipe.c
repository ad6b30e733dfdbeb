/* fuzz_recipe: a recipe of any bytes. It is refused with a text that names the file, or it becomes a recipe whose sizes
 * go together and whose settings are within their limits, and it reads the same when it is read again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/recipe.h"

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

enum { ARENA_BYTES = 64 << 20, TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_sources(const struct recipe_source *list, uint32_t n) {
    PROMISE(n <= RECIPE_SOURCES_MAX);
    for (uint32_t i = 0; i < n; i++) {
        PROMISE(list[i].path && strlen(list[i].path) < 4096);
        PROMISE(list[i].kind >= SOURCE_LINES && list[i].kind <= SOURCE_DIALOGUE);
        PROMISE(list[i].weight > 0 && list[i].from >= 0 && list[i].from < list[i].to && list[i].to <= 1);
        PROMISE(list[i].repeat >= 0);
    }
}

static void check(const struct recipe *r) {
    struct learn_shape s = r->shape;
    s.vocab = 2;
    PROMISE(learn_shape_check(&s, NULL) == SIL_OK);
    PROMISE(r->steps >= 1 && r->batch >= s.ctx && r->accumulate >= 1 && r->n_data >= 1);
    PROMISE(r->tokenizer && r->out && r->name && r->license && r->pre);
    PROMISE(isfinite(r->lr) && r->min_lr <= r->lr && isfinite(r->decay) && r->eps > 0 && r->clip > 0);
    PROMISE(r->beta1 >= 0 && r->beta1 < 1 && r->beta2 >= 0 && r->beta2 < 1);
    PROMISE(r->eval_every && r->sample_every && r->checkpoint_every);
    PROMISE(r->n_prompts <= RECIPE_PROMPTS_MAX);
    for (uint32_t i = 0; i < r->n_prompts; i++) PROMISE(r->prompts[i]);
    check_sources(r->data, r->n_data);
    check_sources(r->eval, r->n_eval);
}

/* The settings that decide the weights, appended to out. */
static sil_err read(struct str text, struct recipe *r, struct buf *out, struct sil_error *e) {
    struct arena a;
    arena_init(&a, mem_libc(), ARENA_BYTES);
    sil_err err = recipe_parse(&a, text, "d/f.yaml", r, e);
    if (err == SIL_OK) check(r);
    if (err == SIL_OK) PROMISE(recipe_canonical(r, out) == SIL_OK);
    arena_free(&a);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct sil_error e = {0};
    struct str text = {(const char *)p, n};
    struct recipe *r = malloc(sizeof *r);
    struct buf once, again;
    if (!r) return 0;
    buf_init(&once, mem_libc(), TEXT_MAX);
    buf_init(&again, mem_libc(), TEXT_MAX);
    sil_err err = read(text, r, &once, &e);
    PROMISE(err == SIL_OK || (err == e.code && strncmp(e.text, "d/f.yaml", 8) == 0));
    PROMISE(read(text, r, &again, NULL) == err);
    PROMISE(str_eq(buf_view(&once), buf_view(&again)));
    buf_free(&once);
    buf_free(&again);
    free(r);
    return 0;
}
