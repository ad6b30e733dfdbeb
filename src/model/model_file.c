#include "model/model_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/checked.h"
#include "base/err.h"
#include "base/file.h"
#include "formats/llama2c.h"

enum { PATH_MAX_BYTES = 4096, SHARD_SUFFIX = sizeof "-00001-of-00002.gguf" - 1 };

struct model_file {
    struct mem mem;
    struct arena arena;
    struct file_map *maps; /* n_maps open ones */
    uint32_t n_maps;
    struct gguf *gguf;
};

static bool ends_with(const char *path, const char *suffix) {
    size_t n = strlen(path), k = strlen(suffix);
    return n >= k && strcmp(path + n - k, suffix) == 0;
}

/* Says what a file that is not GGUF is, where that can be seen. */
static sil_err not_gguf(const char *path, struct str bytes, struct sil_error *e) {
    struct llama2c m;
    bool zip = str_starts(bytes, STR("PK\x03\x04")), json = str_starts(bytes, STR("{"));
    /* safetensors: a length of 8 bytes, then a JSON object */
    bool safetensors = bytes.n > 9 && bytes.p[8] == '{' && memcmp(bytes.p + 5, "\0\0\0", 3) == 0;
    if (safetensors || ends_with(path, ".safetensors"))
        return err_set(e, SIL_UNSUPPORTED, "%s: safetensors are not supported yet; give the model as a .gguf file",
                       path);
    if (zip)
        return err_set(e, SIL_UNSUPPORTED, "%s: a ZIP or PyTorch file, which is not supported; give a .gguf file",
                       path);
    if (llama2c_parse(bytes, &m, NULL) == SIL_OK)
        return err_set(e, SIL_UNSUPPORTED,
                       "%s is a llama2.c model; convert it first: sillok convert %s %s.gguf --tokenizer tokenizer.bin",
                       path, path, path);
    if (json) return err_set(e, SIL_FORMAT, "%s is JSON, not a model; give the model's .gguf file", path);
    if (bytes.n == 0) return err_set(e, SIL_FORMAT, "%s is empty", path);
    return SIL_OK; /* gguf_parse will find the words */
}

/* The number and count in a name like NAME-00002-of-00003.gguf; false for other names. */
static bool shard_name(const char *path, uint32_t *no, uint32_t *count) {
    size_t n = strlen(path);
    if (n < SHARD_SUFFIX) return false;
    static const char shape[] = "-#####-of-#####.gguf";
    const char *p = path + n - SHARD_SUFFIX;
    uint32_t value[2] = {0, 0};
    for (size_t i = 0; i < SHARD_SUFFIX; i++) {
        bool digit = p[i] >= '0' && p[i] <= '9';
        if (shape[i] == '#' ? !digit : p[i] != shape[i]) return false;
        if (shape[i] == '#') value[i > 6] = value[i > 6] * 10 + (uint32_t)(p[i] - '0');
    }
    *no = value[0];
    *count = value[1];
    return true;
}

/* The path of shard i (from 0) of n, of which `path` is one. */
static sil_err shard_path(const char *path, uint32_t i, uint32_t n, char out[PATH_MAX_BYTES], struct sil_error *e) {
    size_t stem = strlen(path) - SHARD_SUFFIX;
    if (strlen(path) >= PATH_MAX_BYTES) return err_set(e, SIL_LIMIT, "a path longer than %d bytes", PATH_MAX_BYTES - 1);
    memcpy(out, path, stem);
    snprintf(out + stem, PATH_MAX_BYTES - stem, "-%05u-of-%05u.gguf", i + 1, n);
    return SIL_OK;
}

/* How many files the model has, by the name of the one that was given. */
static sil_err count_shards(const char *path, uint32_t *n, struct sil_error *e) {
    uint32_t no, count;
    char first[PATH_MAX_BYTES];
    *n = 1;
    if (!shard_name(path, &no, &count)) return SIL_OK;
    if (count == 0 || count > GGUF_SHARDS_MAX || no == 0 || no > count)
        return err_set(e, SIL_FORMAT, "%s: shard %u of %u; there can be 1 to %d", path, no, count, GGUF_SHARDS_MAX);
    *n = count;
    if (no == 1) return SIL_OK;
    SIL_TRY(shard_path(path, 0, count, first, e));
    return err_set(e, SIL_ARG, "%s is shard %u of %u; give the first: %s", path, no, count, first);
}

/* Maps and parses one file as the next shard. */
static sil_err add_shard(struct model_file *f, const char *path, bool lenient, struct gguf **out, struct sil_error *e) {
    struct file_map *m = &f->maps[f->n_maps];
    SIL_TRY(file_map_open(path, m, e));
    f->n_maps++;
    struct str bytes = {(const char *)m->p, m->n};
    if (!str_starts(bytes, STR("GGUF"))) SIL_TRY(not_gguf(path, bytes, e));
    if (!size_add(f->arena.limit, gguf_arena_limit(m->n), &f->arena.limit))
        return err_set(e, SIL_LIMIT, "%s: too large", path);
    sil_err err = gguf_parse(&f->arena, bytes, lenient, out, e);
    return err == SIL_OK ? SIL_OK : err_prefix(e, err, "%s", path);
}

/* A shard under another name would otherwise pass for a whole model. */
static sil_err check_whole(const char *path, const struct gguf *g, uint32_t n, struct sil_error *e) {
    uint32_t count;
    if (n != 1 || !gguf_find(g, "split.count")) return SIL_OK;
    SIL_TRY(gguf_u32(g, "split.count", &count, e));
    if (count <= 1) return SIL_OK;
    return err_set(
        e, SIL_FORMAT,
        "%s is one of %u shards of a model; keep their names (NAME-00001-of-%05u.gguf ...) and give the first", path,
        count, count);
}

static sil_err open_shards(struct model_file *f, const char *path, uint32_t n, bool lenient, struct sil_error *e) {
    char name[PATH_MAX_BYTES];
    f->maps = mem_array(f->mem, n, sizeof *f->maps);
    struct gguf **shards = ARENA_ARRAY(&f->arena, n, struct gguf *);
    if (!f->maps || !shards) return err_nomem(e, "the list of a model's files", n * sizeof *f->maps);
    for (uint32_t i = 0; i < n; i++) {
        if (n > 1) SIL_TRY(shard_path(path, i, n, name, e));
        SIL_TRY(add_shard(f, n > 1 ? name : path, lenient, &shards[i], e));
    }
    SIL_TRY(check_whole(path, shards[0], n, e));
    sil_err err = gguf_join(&f->arena, shards, n, &f->gguf, e);
    return err == SIL_OK ? SIL_OK : err_prefix(e, err, "%s", path);
}

static sil_err open_any(const char *path, struct mem mem, bool lenient, struct model_file **out, struct sil_error *e) {
    struct stat st;
    uint32_t n;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(e, SIL_UNSUPPORTED,
                       "%s is a directory; Hugging Face directories are not supported yet, give a .gguf file", path);
    SIL_TRY(count_shards(path, &n, e));
    struct model_file *f = mem_array(mem, 1, sizeof *f);
    if (!f) return err_nomem(e, "a model file", sizeof *f);
    f->mem = mem;
    arena_init(&f->arena, mem, 1 << 20);
    sil_err err = open_shards(f, path, n, lenient, e);
    if (err != SIL_OK) {
        model_file_close(f);
        return err;
    }
    *out = f;
    return SIL_OK;
}

sil_err model_file_open(const char *path, struct mem mem, struct model_file **out, struct sil_error *e) {
    return open_any(path, mem, false, out, e);
}

sil_err model_file_inspect(const char *path, struct mem mem, struct model_file **out, struct sil_error *e) {
    return open_any(path, mem, true, out, e);
}

void model_file_close(struct model_file *f) {
    if (!f) return;
    for (uint32_t i = 0; i < f->n_maps; i++) file_map_close(&f->maps[i]);
    mem_free(f->mem, f->maps);
    arena_free(&f->arena);
    mem_free(f->mem, f);
}

const struct gguf *model_file_gguf(const struct model_file *f) {
    return f->gguf;
}

uint32_t model_file_shards(const struct model_file *f) {
    return f->n_maps;
}

struct str model_file_bytes(const struct model_file *f, uint32_t i) {
    return (struct str){(const char *)f->maps[i].p, f->maps[i].n};
}

static sil_err to_file(void *ctx, const void *p, size_t n, struct sil_error *e) {
    return file_write(ctx, p, n, e);
}

sil_err model_file_write(struct gguf_writer *w, const char *path, struct sil_error *e) {
    struct file_out out;
    SIL_TRY(file_create(path, &out, e));
    sil_err err = gguf_write(w, (struct gguf_sink){.write = to_file, .ctx = &out}, e);
    if (err == SIL_OK) return file_commit(&out, e);
    file_discard(&out);
    return err;
}

void model_file_release(const struct model_file *f, const void *p, size_t n) {
    (void)f;
    file_map_release(p, n);
}
