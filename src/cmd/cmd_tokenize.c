/* sillok tokenize: text to token ids and back, with the tokenizer of a model or a tokenizer.json. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "cmd/cmd.h"
#include "model/model_file.h"
#include "model/vocab.h"
#include "text/encode.h"

static const char NAME[] = "tokenize";
enum { INPUT_MAX = 1 << 30, IDS_MAX = 1 << 28 };

struct args {
    const char *model, *text, *decode;
    bool jsonl, special, pieces, add_special;
};

static sil_err open_tokenizer(const char *path, struct tokenizer **out, struct sil_error *e) {
    size_t n = strlen(path);
    if (n < 5 || strcmp(path + n - 5, ".json") != 0) {
        struct model_file *f;
        SIL_TRY(model_file_inspect(path, mem_libc(), &f, e));
        sil_err err = vocab_open(model_file_gguf(f), mem_libc(), out, e);
        model_file_close(f);
        return err == SIL_OK ? SIL_OK : err_prefix(e, err, "%s", path);
    }
    struct file_map m;
    SIL_TRY(file_map_open(path, &m, e));
    sil_err err = tok_open_json(mem_libc(), (struct str){(const char *)m.p, m.n}, out, e);
    file_map_close(&m);
    return err == SIL_OK ? SIL_OK : err_prefix(e, err, "%s", path);
}

static void print_ids(const struct tok_ids *ids, char separator) {
    for (size_t i = 0; i < ids->n; i++) {
        if (i) putchar(separator);
        printf("%u", ids->p[i]);
    }
}

static void print_pieces(const struct tokenizer *t, const struct tok_ids *ids) {
    for (size_t i = 0; i < ids->n; i++) {
        printf("%u\t", ids->p[i]);
        cmd_print_safe(stdout, tok_text(t, ids->p[i]), false);
        putchar('\n');
    }
}

static unsigned flags_of(const struct args *a) {
    return (a->special ? TOK_PARSE_SPECIAL : 0u) | (a->add_special ? TOK_ADD_SPECIAL : 0u);
}

static int one_text(const struct tokenizer *t, const struct args *a, struct str text) {
    struct sil_error e = {0};
    struct tok_ids ids;
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    sil_err err = tok_encode(t, text, flags_of(a), &ids, &e);
    if (err == SIL_OK && a->pieces) print_pieces(t, &ids);
    if (err == SIL_OK && !a->pieces) {
        print_ids(&ids, ' ');
        putchar('\n');
    }
    tok_ids_free(&ids);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}

/* {"ids":[...]} to {"text":...}. */
static sil_err decode_line(const struct tokenizer *t, const json_t *list, const struct args *a, struct tok_ids *ids,
                           struct sil_error *e) {
    struct buf out;
    char *json = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= tok_count(t))
            return err_set(e, SIL_ARG, "ids[%zu] is not a token id below %u", i, tok_count(t));
    }
    tok_ids_free(ids);
    ids->cap = json_array_size(list);
    ids->p = mem_array(ids->mem, ids->cap, sizeof(uint32_t));
    if (!ids->p) return err_nomem(e, "the ids", ids->cap);
    while (ids->n < ids->cap) {
        ids->p[ids->n] = (uint32_t)json_integer_value(json_array_get(list, ids->n));
        ids->n++;
    }
    buf_init(&out, mem_libc(), INPUT_MAX);
    sil_err err = tok_decode(t, ids->p, ids->n, a->special, &out);
    json_t *text = err == SIL_OK ? json_pack("{s:s%}", "text", out.p ? out.p : "", out.n) : NULL;
    if (text) json = json_dumps(text, JSON_COMPACT);
    if (json) puts(json);
    else err = err_nomem(e, "the text", out.n);
    free(json);
    json_decref(text);
    buf_free(&out);
    return err;
}

/* One line of --jsonl. */
static sil_err json_line(const struct tokenizer *t, struct tok_scratch *s, struct str line, const struct args *a,
                         struct tok_ids *ids, struct sil_error *e) {
    json_t *o;
    SIL_TRY(jsonx_parse(line, "JSON", &o, e));
    const json_t *text = json_object_get(o, "text"), *list = json_object_get(o, "ids");
    sil_err err = SIL_OK;
    ids->n = 0;
    if (json_is_string(text)) {
        err = tok_encode_with(s, (struct str){json_string_value(text), json_string_length(text)},
                              flags_of(a) & ~(unsigned)TOK_ADD_SPECIAL, ids, e);
        if (err == SIL_OK) {
            fputs("{\"ids\":[", stdout);
            print_ids(ids, ',');
            fputs("]}\n", stdout);
        }
    } else if (json_is_array(list)) {
        err = decode_line(t, list, a, ids, e);
    } else {
        err = err_set(e, SIL_FORMAT, "an object with a string \"text\" (or an array \"ids\") is expected");
    }
    json_decref(o);
    return err;
}

static int json_lines(const struct tokenizer *t, const struct args *a) {
    struct sil_error e = {0};
    struct tok_scratch *s;
    struct tok_ids ids;
    char *line = NULL;
    size_t cap = 0, number = 0;
    if (tok_scratch_new(t, mem_libc(), true, &s, &e) != SIL_OK) return cmd_fail(NAME, &e);
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    sil_err err = SIL_OK;
    errno = 0;
    for (ssize_t n; err == SIL_OK && (n = getline(&line, &cap, stdin)) >= 0;) {
        number++;
        struct str v = {line, (size_t)n};
        while (v.n && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r')) v.n--;
        if (v.n == 0) continue;
        err = json_line(t, s, v, a, &ids, &e);
        if (err != SIL_OK) err_prefix(&e, err, "line %zu", number);
    }
    if (err == SIL_OK && ferror(stdin))
        err = err_set(&e, SIL_IO, "standard input: %s", errno ? strerror(errno) : "cannot be read");
    free(line);
    tok_ids_free(&ids);
    tok_scratch_free(s);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}

/* Ids separated by commas or white space, into ids, which has room. */
static sil_err parse_ids(const char *p, uint32_t count, struct tok_ids *ids, struct sil_error *e) {
    while (*p) {
        if (*p == ',' || *p == ' ' || *p == '\n' || *p == '\t') {
            p++;
            continue;
        }
        char *end = NULL;
        unsigned long v = *p >= '0' && *p <= '9' ? strtoul(p, &end, 10) : ULONG_MAX;
        if (v >= count)
            return err_set(e, SIL_ARG, "--decode: \"%.20s\" does not begin with a token id below %u", p, count);
        ids->p[ids->n++] = (uint32_t)v;
        p = end;
    }
    return SIL_OK;
}

static int decode_ids(const struct tokenizer *t, const struct args *a) {
    struct buf out;
    struct sil_error e = {0};
    size_t cap = strlen(a->decode) + 1;
    struct tok_ids ids = {.mem = mem_libc(), .p = mem_array(mem_libc(), cap, sizeof(uint32_t)), .max = cap};
    buf_init(&out, mem_libc(), INPUT_MAX);
    sil_err err = ids.p ? parse_ids(a->decode, tok_count(t), &ids, &e) : err_nomem(&e, "the ids", cap);
    if (err == SIL_OK) {
        err = tok_decode(t, ids.p, ids.n, a->special, &out);
        if (err != SIL_OK) err_set(&e, err, "no memory for the text");
    }
    if (err == SIL_OK) {
        fwrite(out.p ? out.p : "", 1, out.n, stdout);
        putchar('\n');
    }
    buf_free(&out);
    tok_ids_free(&ids);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}

static int standard_input(const struct tokenizer *t, const struct args *a) {
    struct buf b;
    struct sil_error e = {0};
    buf_init(&b, mem_libc(), INPUT_MAX);
    sil_err err = file_read("-", &b, &e);
    int rc = err == SIL_OK ? one_text(t, a, buf_view(&b)) : cmd_fail(NAME, &e);
    buf_free(&b);
    return rc;
}

int cmd_tokenize(int argc, char **argv) {
    struct args a = {0};
    const struct cmd_opt opts[] = {
        {"text", 't', CMD_TEXT, &a.text, "TEXT", "the text, instead of standard input", 0, 0},
        {"jsonl", 0, CMD_FLAG, &a.jsonl, NULL,
         "lines {\"text\":...} in, lines {\"ids\":[...]} out; and the other way round", 0, 0},
        {"decode", 'd', CMD_TEXT, &a.decode, "IDS", "ids (1,2,3) to text instead", 0, 0},
        {"special", 's', CMD_FLAG, &a.special, NULL, "control tokens in the text (<|im_end|>) are tokens, not text", 0,
         0},
        {"bos", 0, CMD_FLAG, &a.add_special, NULL, "add the tokens that the model wants around a text", 0, 0},
        {"pieces", 'p', CMD_FLAG, &a.pieces, NULL, "one token a line, with its text in the vocabulary", 0, 0},
    };
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis = "MODEL|tokenizer.json [--text T | --jsonl | --decode IDS]",
        .about = "Prints the token ids of a text (standard input, unless --text is given).",
        .opts = opts,
        .n_opts = sizeof(opts) / sizeof(opts[0]),
        .min_args = 1,
        .max_args = 1,
        .missing = "a model file or a tokenizer.json",
    };
    int n_args;
    int rc = cmd_parse(&spec, argc, argv, &a.model, &n_args);
    if (rc != CMD_GO) return rc;
    if ((a.text != NULL) + (a.decode != NULL) + a.jsonl > 1)
        return cmd_usage(NAME, "--text, --jsonl and --decode exclude one another");
    struct tokenizer *t;
    struct sil_error e = {0};
    if (open_tokenizer(a.model, &t, &e) != SIL_OK) return cmd_fail(NAME, &e);
    if (a.jsonl) rc = json_lines(t, &a);
    else if (a.decode) rc = decode_ids(t, &a);
    else if (a.text) rc = one_text(t, &a, str_of(a.text));
    else rc = standard_input(t, &a);
    tok_close(t);
    return rc;
}
