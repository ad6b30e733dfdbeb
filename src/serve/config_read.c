/* config_read: YAML over the defaults, by the tables of config_fields.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/near.h"
#include "base/utf8.h"
#include "base/yamlx.h"
#include "serve/config_fields.h"

enum { TEXT_MAX_BYTES = 1024, PATH_MAX_BYTES = 4096, KEYS_MAX = 32, KEY_PATH = 96, CONFIG_MEMORY_MAX = 8 << 20 };

struct reader {
    struct yamlx y;
    struct arena *a;
    const char *folder; /* of the file, with its slash; "" */
    struct sil_error *e;
};

static struct config_place place_of(const yaml_node_t *n) {
    return (struct config_place){(uint32_t)n->start_mark.line + 1, (uint32_t)n->start_mark.column + 1};
}

/* ---- values ---- */

struct unit {
    const char *name;
    double factor;
};
static const struct unit ms_units[] = {{"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}, {NULL, 0}};
static const struct unit byte_units[] = {{"", 1},          {"B", 1},        {"KiB", 1024}, {"MiB", 1048576},
                                         {"GiB", 1 << 30}, {"TiB", 0x1p40}, {NULL, 0}};

/* "10 s", "10s", "2.5 GiB". */
static bool read_with_unit(struct str s, const struct unit *units, double *out) {
    char text[8];
    size_t n = 0;
    double digits = 0, scale = 1;
    bool any = false, point = false;
    for (; n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || (s.p[n] == '.' && !point)); n++) {
        if (s.p[n] == '.') {
            point = true;
            continue;
        }
        any = true;
        digits = digits * 10 + (s.p[n] - '0');
        if (point) scale *= 10;
    }
    size_t skip = n < s.n && s.p[n] == ' ' ? n + 1 : n;
    if (!any || s.n - skip >= sizeof text) return false;
    memcpy(text, s.p + skip, s.n - skip);
    text[s.n - skip] = '\0';
    for (; units->name; units++) {
        if (strcmp(units->name, text) != 0) continue;
        *out = digits * units->factor / scale;
        return true;
    }
    *out = 0;
    return digits == 0 && text[0] == '\0'; /* nothing needs no unit */
}

static bool read_octal(struct str s, double *out) {
    unsigned v = 0;
    if (s.n == 0 || s.n > 5) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '7') return false;
        v = v * 8 + (unsigned)(s.p[i] - '0');
    }
    *out = v;
    return true;
}

static void put_number(const struct config_field *f, double v, void *base) {
    void *p = (char *)base + f->at;
    if (f->kind == CONFIG_U16) *(uint16_t *)p = (uint16_t)v;
    else if (f->kind == CONFIG_U64 || (f->kind == CONFIG_BYTES && !f->narrow)) *(uint64_t *)p = (uint64_t)v;
    else if (f->kind == CONFIG_F32) *(float *)p = (float)v;
    else if (f->kind == CONFIG_F64) *(double *)p = v;
    else *(uint32_t *)p = (uint32_t)v;
}

static sil_err read_number(struct reader *r, const struct config_field *f, const yaml_node_t *n, const char *key,
                           void *base) {
    struct str s = yamlx_text(n);
    double v = 0;
    if (f->kind == CONFIG_MS) {
        if (!read_with_unit(s, ms_units, &v))
            return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\", not a time such as 500 ms, 10 s, 5 min or 1 h", key,
                               STR_ARG(s));
    } else if (f->kind == CONFIG_BYTES) {
        if (!read_with_unit(s, byte_units, &v))
            return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\", not a size such as 4096, 32 KiB, 16 MiB or 2 GiB", key,
                               STR_ARG(s));
    } else if (f->kind == CONFIG_MODE) {
        if (!read_octal(s, &v))
            return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\", not octal digits such as 0660", key, STR_ARG(s));
    } else if (!yamlx_number(n, &v)) {
        return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\", not a number", key, STR_ARG(s));
    }
    if (!(v >= f->low && v <= f->high)) {
        const char *unit = f->kind == CONFIG_MS ? " ms" : f->kind == CONFIG_BYTES ? " bytes" : "";
        if (f->kind == CONFIG_MODE)
            return yamlx_error(&r->y, n, r->e, "%s is %.*s; allowed: 0000 to %04o", key, STR_ARG(s), (unsigned)f->high);
        return yamlx_error(&r->y, n, r->e, "%s is %.10g%s; allowed: %.10g to %.10g%s", key, v, unit, f->low, f->high,
                           unit);
    }
    if (f->kind != CONFIG_F32 && f->kind != CONFIG_F64 && v != floor(v))
        return yamlx_error(&r->y, n, r->e, "%s must be a whole number", key);
    put_number(f, v, base);
    return SIL_OK;
}

/* Text without control characters. */
static sil_err read_text(struct reader *r, const yaml_node_t *n, const char *key, bool path, const char **out) {
    if (n->type != YAML_SCALAR_NODE) return yamlx_error(&r->y, n, r->e, "%s must be one value", key);
    struct str s = yamlx_text(n);
    size_t k = path && s.n > 0 && s.p[0] != '/' ? strlen(r->folder) : 0;
    if (s.n + k > (path ? (size_t)PATH_MAX_BYTES : (size_t)TEXT_MAX_BYTES))
        return yamlx_error(&r->y, n, r->e, "%s is too long", key);
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return yamlx_error(&r->y, n, r->e, "%s holds a control character", key);
    *out = NULL;
    if (s.n == 0) return SIL_OK;
    char *p = arena_alloc(r->a, k + s.n + 1, 1);
    if (!p) return err_nomem(r->e, "a configuration", k + s.n);
    memcpy(p, r->folder, k);
    memcpy(p + k, s.p, s.n);
    *out = p;
    return SIL_OK;
}

static sil_err read_choice(struct reader *r, const struct config_field *f, const yaml_node_t *n, const char *key,
                           void *base) {
    int index = 0;
    for (const char *p = f->choices; *p; index++) {
        size_t k = strcspn(p, "|");
        if (str_eq((struct str){p, k}, yamlx_text(n))) {
            *(int *)(void *)((char *)base + f->at) = index;
            return SIL_OK;
        }
        p += k + (p[k] == '|');
    }
    return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\"; allowed: %s", key, STR_ARG(yamlx_text(n)), f->choices);
}

static sil_err read_bool(struct reader *r, const yaml_node_t *n, const char *key, bool *out) {
    struct str s = yamlx_text(n);
    *out = str_eq(s, STR("true"));
    if (*out || str_eq(s, STR("false"))) return SIL_OK;
    return yamlx_error(&r->y, n, r->e, "%s is \"%.*s\"; allowed: true, false", key, STR_ARG(s));
}

static sil_err read_scalar(struct reader *r, const struct config_field *f, const yaml_node_t *n, const char *key,
                           void *base) {
    void *p = (char *)base + f->at;
    if (n->type != YAML_SCALAR_NODE) return yamlx_error(&r->y, n, r->e, "%s must be one value", key);
    switch (f->kind) {
    case CONFIG_TEXT:
    case CONFIG_PATH: return read_text(r, n, key, f->kind == CONFIG_PATH, p);
    case CONFIG_BOOL: return read_bool(r, n, key, p);
    case CONFIG_CHOICE: return read_choice(r, f, n, key, base);
    default: return read_number(r, f, n, key, base);
    }
}

/* ---- mappings and lists ---- */

static sil_err read_table(struct reader *r, const struct config_table *t, const yaml_node_t *map, const char *prefix,
                          void *base);

/* Sequences: of texts, or of mappings. What was there before (a default) is replaced. */
static sil_err read_list(struct reader *r, const struct config_field *f, const yaml_node_t *n, const char *key,
                         void *base) {
    size_t k = yamlx_count(n);
    char *one = (char *)base + f->at;
    if (n->type != YAML_SEQUENCE_NODE || k > f->max)
        return yamlx_error(&r->y, n, r->e, "%s must be a list (lines that begin with -) of at most %u", key, f->max);
    for (size_t i = 0; i < k; i++, one += f->size) {
        const yaml_node_t *item = yamlx_item(&r->y, n, i);
        if (f->kind == CONFIG_TEXTS) {
            SIL_TRY(read_text(r, item, key, false, (const char **)(void *)one));
            if (!*(const char **)(void *)one) return yamlx_error(&r->y, item, r->e, "%s: an empty name", key);
            continue;
        }
        memset(one, 0, f->size);
        if (f->fill) f->fill(one);
        *(struct config_place *)(void *)(one + f->place_at) = place_of(item);
        SIL_TRY(read_table(r, f->table, item, key, one));
    }
    *(uint32_t *)(void *)((char *)base + f->count_at) = (uint32_t)k;
    return SIL_OK;
}

/* A complaint with the nearest key that is allowed. */
static sil_err unknown_key(struct reader *r, const struct config_table *t, const yaml_node_t *key) {
    const char *names[KEYS_MAX];
    char given[64], all[320];
    size_t n = 0, len = 0;
    struct str s = yamlx_text(key);
    snprintf(given, sizeof given, "%.*s", (int)(s.n < 60 ? s.n : 60), s.p);
    all[0] = '\0';
    for (; n < t->n && n < KEYS_MAX; n++) {
        names[n] = t->fields[n].key;
        if (len < sizeof all) len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", n ? ", " : "", names[n]);
    }
    const char *near = near_name(given, names, n);
    return yamlx_error(&r->y, key, r->e, "unknown key \"%s\"%s%s%s; allowed here: %s", given,
                       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", all);
}

/* Goes as deep as the tables do, whatever the file says. */
static sil_err read_table(struct reader *r, const struct config_table *t, const yaml_node_t *map, const char *prefix,
                          void *base) {
    SIL_TRY(yamlx_check_keys(&r->y, map, r->e));
    for (size_t i = 0; i < yamlx_count(map); i++) {
        const yaml_node_t *key, *value;
        const struct config_field *f = t->fields, *end = t->fields + t->n;
        char path[KEY_PATH];
        yamlx_pair(&r->y, map, i, &key, &value);
        while (f < end && !str_eq(yamlx_text(key), str_of(f->key))) f++;
        if (f == end) return unknown_key(r, t, key);
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", f->key);
        if (f->kind == CONFIG_GROUP) SIL_TRY(read_table(r, f->table, value, path, (char *)base + f->at));
        else if (f->kind == CONFIG_LIST || f->kind == CONFIG_TEXTS) SIL_TRY(read_list(r, f, value, path, base));
        else SIL_TRY(read_scalar(r, f, value, path, base));
    }
    return SIL_OK;
}

/* ---- files ---- */

static sil_err parse(struct reader *r, struct str yaml, const char *name, struct config *c) {
    const char *slash = strrchr(name, '/');
    r->folder = slash ? arena_copy(r->a, name, (size_t)(slash - name) + 1) : "";
    c->file = arena_copy(r->a, name, strlen(name));
    if (!r->folder || !c->file) return err_nomem(r->e, "a configuration", strlen(name));
    SIL_TRY(yamlx_parse(yaml, CONFIG_BYTES_MAX, name, "a configuration", &r->y, r->e));
    sil_err err = read_table(r, &config_root, yaml_document_get_root_node(&r->y.doc), "", c);
    yamlx_free(&r->y);
    return err;
}

sil_err config_parse(struct mem mem, struct str yaml, const char *name, struct config *c, struct sil_error *e) {
    config_default(c);
    arena_init(&c->arena, mem, CONFIG_MEMORY_MAX);
    struct reader r = {.a = &c->arena, .e = e};
    sil_err err = parse(&r, yaml, name, c);
    if (err != SIL_OK) config_free(c);
    return err;
}

sil_err config_read(const char *path, struct config *c, struct sil_error *e) {
    struct buf text;
    config_default(c);
    buf_init(&text, mem_libc(), CONFIG_BYTES_MAX + 1);
    sil_err err = file_read(path, &text, e);
    if (err == SIL_OK) err = config_parse(mem_libc(), buf_view(&text), path, c, e);
    buf_free(&text);
    return err;
}
