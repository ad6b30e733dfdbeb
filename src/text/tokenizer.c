#include "text/tokenizer.h"

#include <assert.h>

#include "base/err.h"
#include "text/split_regex.h"
#include "text/tok_impl.h"

void tok_close(struct tokenizer *t) {
    if (!t) return;
    for (size_t i = 0; i < t->n_split; i++) split_step_free(&t->split[i]);
    for (size_t i = 0; i < t->n_norm; i++) split_step_free(&t->norm[i].match);
    arena_free(&t->arena);
    mem_free(t->mem, t);
}

void tok_ids_init(struct tok_ids *ids, struct mem mem, size_t max) {
    *ids = (struct tok_ids){.mem = mem, .max = max};
}

void tok_ids_free(struct tok_ids *ids) {
    mem_free(ids->mem, ids->p);
    ids->p = NULL;
    ids->n = ids->cap = 0;
}

uint32_t tok_count(const struct tokenizer *t) {
    return t->n_tokens;
}

enum tok_type tok_type_of(const struct tokenizer *t, uint32_t id) {
    assert(id < t->n_tokens);
    return (enum tok_type)t->type[id];
}

struct str tok_text(const struct tokenizer *t, uint32_t id) {
    assert(id < t->n_tokens);
    return (struct str){t->text + t->text_off[id], t->text_off[id + 1] - t->text_off[id]};
}

int32_t tok_find(const struct tokenizer *t, struct str text) {
    int32_t id = strtab_find(&t->by_text, text.p, text.n);
    if (id >= 0 || !t->byte_level) return id >= 0 ? id : strtab_find(&t->by_key, text.p, text.n);
    char bytes[4096];
    size_t n;
    if (text.n > sizeof(bytes) || !tok_alphabet(text, bytes, &n)) return -1;
    id = strtab_find(&t->by_key, bytes, n);
    return id >= 0 && str_eq(tok_text(t, (uint32_t)id), text) ? id : -1;
}

int32_t tok_bos(const struct tokenizer *t) {
    return t->bos;
}

int32_t tok_eos(const struct tokenizer *t) {
    return t->eos;
}

bool tok_is_end(const struct tokenizer *t, uint32_t id) {
    return id < t->n_tokens && t->is_end[id];
}
