/* fuzz_design: a design file of any bytes. It is refused with a text that names the file and a line, or it becomes a
 * design whose every value can be printed and that passes its own checks again. */
#include <stdlib.h>
#include <string.h>

#include "plan/design.h"

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void print_all(const struct plan_design *d) {
    struct plan_item it = {0}, found;
    char path[PLAN_PATH_MAX], value[256];
    while (plan_item_next(d, &it)) {
        plan_item_path(&it, path, sizeof path);
        plan_value_text(it.var, it.base, value, sizeof value);
        PROMISE(path[0] && strlen(value) < sizeof value);
        if (it.i_var == 0) PROMISE(plan_design_find(d, path, &found));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct sil_error e = {0};
    struct plan_design *d = malloc(sizeof *d);
    if (!d) return 0;
    sil_err err = plan_design_parse((struct str){(const char *)p, n}, "f.yaml", d, &e);
    PROMISE(err == SIL_OK || (err == e.code && strncmp(e.text, "f.yaml", 6) == 0));
    if (err == SIL_OK) print_all(d);
    free(d);
    return 0;
}
