/* fuzz_openai: the first byte chooses the endpoint, the rest is a body. Whatever it is: a refusal has a status, a code
 * and words, and leaves nothing behind; what is accepted is inside its limits, goes through the template, and is
 * answered (with its own prompt) in JSON that can be read, the same text in a stream and whole. */
#include <stdlib.h>
#include <string.h>

#include "base/jsonx.h"
#include "base/utf8.h"
#include "serve/openai.h"
#include "serve/prompt.h"

enum { BYTES = 256, N_TOKENS = BYTES + 3, OUT_MAX = 64 << 20 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static const char chatml[] = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
                             "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/* The 256 bytes as GPT-2 writes them, and ChatML's marks. */
static struct tokenizer *tokenizer_new(void) {
    static char text[BYTES][4];
    struct str tokens[N_TOKENS] = {[BYTES] = STR("<|endoftext|>"), STR("<|im_start|>"), STR("<|im_end|>")};
    uint8_t types[N_TOKENS];
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < BYTES; b++) {
        bool plain = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        tokens[b] = (struct str){text[b], utf8_encode(plain ? b : next++, text[b])};
    }
    for (size_t i = 0; i < N_TOKENS; i++) types[i] = i < BYTES ? TOK_NORMAL : TOK_CONTROL;
    struct tok_spec spec = {.kind = TOK_BYTE_BPE,
                            .pre = STR("gpt-2"),
                            .n_tokens = N_TOKENS,
                            .tokens = tokens,
                            .types = types,
                            .bos = BYTES,
                            .eos = BYTES + 2,
                            .eot = -1,
                            .unk = -1};
    struct tokenizer *t;
    PROMISE(tok_open(mem_libc(), &spec, &t, NULL) == SIL_OK);
    return t;
}

/* One model, made once. */
static const struct catalog *catalog(void) {
    static struct config_model config = {.name = "tiny",
                                         .think_begin = "<think>",
                                         .think_end = "</think>",
                                         .sampling = {.top_p = 1, .repeat_penalty = 1}};
    static struct catalog_model m = {.config = &config, .n_ctx = 4096, .fingerprint = "fp_0"};
    static const struct catalog c = {.models = &m, .n = 1};
    if (m.tok) return &c;
    struct template_limits limits = template_limits_default();
    struct template *t;
    limits.steps = 200000;
    PROMISE(template_parse(mem_libc(), STR(chatml), &limits, &t, NULL) == SIL_OK);
    m.chat = t;
    m.tok = tokenizer_new();
    m.info.n_vocab = N_TOKENS;
    return &c;
}

static json_t *parsed(struct str s) {
    json_t *j = NULL;
    PROMISE(jsonx_parse(s, "what was written", &j, NULL) == SIL_OK);
    return j;
}

static void check_fault(const struct fault *f) {
    struct buf b;
    buf_init(&b, mem_libc(), OUT_MAX);
    PROMISE(f->status >= 400 && f->status < 504 && f->type && f->code && f->message[0]);
    PROMISE(utf8_valid(f->message, strlen(f->message), NULL));
    PROMISE(openai_fault(f, &b) == SIL_OK);
    json_decref(parsed(buf_view(&b)));
    buf_free(&b);
}

static void check_request(const struct request *r) {
    PROMISE(r->model && r->n >= 1 && r->n_prompts >= 1 && request_choices(r) <= 16 && r->n_top <= ANSWER_TOP_MAX);
    PROMISE(r->n_stops <= REQUEST_STOPS_MAX && r->sampling.n_bias <= REQUEST_BIAS_MAX && r->priority <= 0);
    PROMISE(r->sampling.temperature >= 0 && r->sampling.temperature <= 2 && r->sampling.top_p > 0);
    for (uint32_t i = 0; i < r->n_stops; i++) PROMISE(r->stops[i].n > 0 && r->stops[i].p[r->stops[i].n] == '\0');
    for (uint32_t i = 0; i < r->sampling.n_bias; i++) PROMISE(r->sampling.bias[i].token < N_TOKENS);
}

/* Each choice is answered with its prompt's text, cut here and there at whole characters. */
static void answer(struct request *r) {
    struct sil_logprob top[ANSWER_TOP_MAX] = {{0}};
    struct buf text;
    const uint64_t entries[REQUEST_CHOICES_MAX] = {0};
    const struct str receipts[REQUEST_CHOICES_MAX] = {{0}};
    buf_init(&text, mem_libc(), OUT_MAX);
    for (uint32_t i = 0; i < ANSWER_TOP_MAX; i++) top[i].token = 0xe8 + i / 2;
    for (uint32_t c = 0; c < request_choices(r); c++) {
        const struct request_prompt *p = &r->prompts[c / r->n];
        buf_clear(&text);
        PROMISE(tok_decode(r->model->tok, p->ids, p->n_ids, true, &text) == SIL_OK);
        for (size_t at = 0, n, k = 0; at < text.n; at += n, k++) {
            uint32_t id = p->ids[k % p->n_ids];
            /* Token 0 is NUL, and jansson, which checks what was written, takes no such key. */
            struct answer_token t = {.id = id ? id : 1, .top = top, .n_top = r->n_top};
            n = 1 + k % 7;
            if (n > text.n - at) n = text.n - at;
            while (at + n < text.n && ((unsigned char)text.p[at + n] & 0xc0) == 0x80) n++;
            PROMISE(answer_delta(&r->answer, c, (struct str){text.p + at, n}, &t, 1) == SIL_OK);
        }
        PROMISE(answer_finish(&r->answer, c, FINISH_STOP, NULL) == SIL_OK);
    }
    const struct answer_record record = {.n = request_choices(r), .entries = entries, .receipts = receipts};
    const struct answer_usage usage = {.energy_j = -1};
    PROMISE(answer_done(&r->answer, &usage, &record) == SIL_OK);
    buf_free(&text);
}

/* How long the texts of all choices are together. */
static size_t text_bytes(const json_t *body, const char *in, const char *const *members) {
    const json_t *choices = json_object_get(body, "choices");
    size_t n = 0;
    PROMISE(json_is_array(choices));
    for (size_t i = 0; i < json_array_size(choices); i++) {
        const json_t *c = json_array_get(choices, i);
        const json_t *o = in ? json_object_get(c, in) : c;
        for (const char *const *m = members; *m; m++) n += jsonx_str(o, *m).n;
    }
    return n;
}

static void check_answer(struct request *r) {
    static const char *const of_chat[] = {"content", "reasoning_content", NULL}, *const of_text[] = {"text", NULL};
    bool chat = r->kind == REQUEST_CHAT;
    const char *const *members = chat ? of_chat : of_text;
    struct openai_writer w;
    struct buf b;
    size_t streamed = 0;
    buf_init(&b, mem_libc(), OUT_MAX);
    PROMISE(openai_begin(&w, r) == SIL_OK);
    for (const struct answer_event *e; (e = answer_next(&r->answer));) PROMISE(openai_event(&w, e, &b) == SIL_OK);
    const char *at = b.p;
    for (const char *end; strcmp(at, "data: [DONE]\n\n") != 0; at = end + 2) {
        PROMISE(strncmp(at, "data: ", 6) == 0 && (end = strstr(at, "\n\n")));
        json_t *j = parsed((struct str){at + 6, (size_t)(end - at - 6)});
        streamed += text_bytes(j, chat ? "delta" : NULL, members);
        json_decref(j);
    }
    buf_clear(&b);
    PROMISE(openai_begin(&w, r) == SIL_OK && openai_whole(&w, &b) == SIL_OK);
    json_t *j = parsed(buf_view(&b));
    PROMISE(text_bytes(j, chat ? "message" : NULL, members) == streamed);
    json_decref(j);
    buf_free(&b);
}

static void run_request(bool chat, struct str body) {
    const struct config_limits limits = {.choices = 16};
    struct request *r;
    struct fault f = {0};
    PROMISE(request_new(mem_libc(), &r) == SIL_OK);
    bool ok = chat ? openai_read_chat(body, catalog(), &limits, r, &f)
                   : openai_read_completion(body, catalog(), &limits, r, &f);
    if (ok) check_request(r);
    ok = ok && prompt_build(r, &f);
    if (ok) {
        answer(r);
        check_answer(r);
    } else {
        check_fault(&f);
    }
    request_release(r);
}

static void run_text(int which, struct str body) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, mem_libc(), OUT_MAX);
    bool ok = which == 0   ? openai_tokenize(body, catalog(), 1700000000, &b, &f)
              : which == 1 ? openai_detokenize(body, catalog(), &b, &f)
                           : openai_apply_template(body, catalog(), 1700000000, &b, &f);
    if (ok) json_decref(parsed(buf_view(&b)));
    else check_fault(&f);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    if (n == 0) return 0;
    char *copy = malloc(n); /* so that a sanitizer sees a read past the end */
    if (!copy) return 0;
    memcpy(copy, p + 1, n - 1);
    struct str body = {copy, n - 1};
    switch (p[0]) {
    case 'c': run_request(true, body); break;
    case 'p': run_request(false, body); break;
    case 't': run_text(0, body); break;
    case 'd': run_text(1, body); break;
    default: run_text(2, body); break;
    }
    free(copy);
    return 0;
}
