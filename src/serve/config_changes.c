/* config_changes: what of a new configuration needs a restart, by the tables of config_fields.c. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "serve/config_fields.h"

static bool same_text(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static uint32_t count_of(const struct config_field *f, const void *base) {
    return *(const uint32_t *)(const void *)((const char *)base + f->count_at);
}

/* Two structs of one table; settings that are taken over do not count. */
static bool same_table(const struct config_table *t, const char *a, const char *b);

static bool same_field(const struct config_field *f, const char *a, const char *b) {
    const char *x = a + f->at, *y = b + f->at;
    if (f->live) return true;
    if (config_is_number(f)) return config_number(f, a) == config_number(f, b);
    switch (f->kind) {
    case CONFIG_BOOL: return *(const bool *)(const void *)x == *(const bool *)(const void *)y;
    case CONFIG_CHOICE: return *(const int *)(const void *)x == *(const int *)(const void *)y;
    case CONFIG_GROUP: return same_table(f->table, x, y);
    case CONFIG_LIST:
    case CONFIG_TEXTS:
        if (count_of(f, a) != count_of(f, b)) return false;
        for (uint32_t i = 0; i < count_of(f, a); i++, x += f->size, y += f->size)
            if (f->kind == CONFIG_LIST ? !same_table(f->table, x, y) : !same_text(x, y)) return false;
        return true;
    default: return same_text(x, y);
    }
}

static bool same_table(const struct config_table *t, const char *a, const char *b) {
    for (size_t i = 0; i < t->n; i++)
        if (!same_field(&t->fields[i], a, b)) return false;
    return true;
}

static sil_err name(struct buf *out, const char *group, const char *key) {
    return buf_printf(out, "%s%s%s%s", out->n ? ", " : "", group, *group ? "." : "", key);
}

sil_err config_changes(const struct config *a, const struct config *b, struct buf *out) {
    const char *x = (const char *)a, *y = (const char *)b;
    for (size_t i = 0; i < config_root.n; i++) {
        const struct config_field *f = &config_root.fields[i];
        if (same_field(f, x, y)) continue;
        if (f->kind != CONFIG_GROUP) {
            SIL_TRY(name(out, "", f->key));
            continue;
        }
        for (size_t k = 0; k < f->table->n; k++)
            if (!same_field(&f->table->fields[k], x + f->at, y + f->at))
                SIL_TRY(name(out, f->key, f->table->fields[k].key));
    }
    return SIL_OK;
}
