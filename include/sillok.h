/* sillok.h: the one public header of libsillok.
 *
 * Ownership: what an open function gives belongs to the caller, who gives it back to the matching close function;
 * every other pointer that a function gives stays valid until the object that gave it is closed or changed.
 * Threads: a model is immutable after opening and may be used from any thread; an engine and its sessions belong to
 * one thread at a time (the engine's own worker threads are hidden).
 * Errors: fallible calls return sil_err and, where `e` is not NULL, fill it with a text that says what is wrong,
 * where, and what to do. Nothing here prints, exits or aborts on bad input. */
#ifndef SILLOK_H
#define SILLOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIL_VERSION "0.1.0"

/* The arithmetic profile that every result here obeys; see docs/arithmetic.md. It enters every receipt. */
#define SIL_PROFILE "CA/1"

/* Stable error codes; new ones are added at the end. */
typedef enum sil_err {
    SIL_OK = 0,
    SIL_NOMEM,       /* memory could not be had */
    SIL_IO,          /* a file could not be opened, read or written */
    SIL_FORMAT,      /* a file or text breaks its own format */
    SIL_UNSUPPORTED, /* well-formed, but of a kind that Sillok does not know */
    SIL_LIMIT,       /* a stated limit would be passed */
    SIL_ARG,         /* the caller's argument is out of its range */
    SIL_NONFINITE,   /* the model's numbers overflowed: infinity or NaN where CA/1 allows none */
    SIL_CONTEXT,     /* the sequence would outgrow its context */
    SIL_CANCELLED    /* the caller asked to stop */
} sil_err;

enum { SIL_ERROR_TEXT = 512 };

/* An error with its words. Owned by the caller, who passes it zeroed or reused; text is NUL-terminated UTF-8. */
struct sil_error {
    sil_err code;
    char text[SIL_ERROR_TEXT];
};

/* The name of a code, such as "SIL_FORMAT". Never NULL. */
const char *sil_err_name(sil_err code);

/* ---- models ---- */

/* A model file, opened and validated; its weights stay in the file's mapping. */
struct sil_model;

struct sil_model_config {
    const char *cpu;    /* kernels: "scalar", "avx2", "avx512", "neon", "native"; NULL: native. They change the speed,
                           never a bit of a result */
    uint32_t n_threads; /* for packing weights; 0: what the affinity mask and the cgroup allow */
    bool pack_later;    /* weights are rearranged for the kernels by the first steps of the engines instead of here: the
                           first token behind a short prompt comes sooner, the dozen after it later */
};

/* Opens a GGUF file (of a split model: its first part). c may be NULL for the defaults. */
sil_err sil_model_open(const char *path, const struct sil_model_config *c, struct sil_model **out, struct sil_error *e);
/* NULL is allowed. Engines that use the model are closed before it. */
void sil_model_close(struct sil_model *m);

struct sil_model_info {
    const char *architecture; /* "llama", "qwen3" */
    uint32_t n_vocab, n_ctx;  /* n_ctx: the longest context the model was made for */
    uint32_t n_layers, d_model;
    uint64_t n_params, n_bytes; /* of all tensors */
    bool has_tokenizer, has_chat_template;
    const char *cpu; /* kernels in use: "avx512+vnni" */
};
void sil_model_describe(const struct sil_model *m, struct sil_model_info *out);

enum { SIL_DIGEST = 65 /* 64 hexadecimal digits and a NUL */ };
/* SHA-256 of the model's files, one behind the other (for one file: what sha256sum prints). Reads all of them. */
void sil_model_digest(const struct sil_model *m, char out[SIL_DIGEST]);

/* ---- text ---- */

enum {
    SIL_ADD_SPECIAL = 1,  /* add BOS/EOS where the model wants them */
    SIL_PARSE_SPECIAL = 2 /* control tokens written in the text become their ids (for rendered templates only: a user's
                             own words must never be able to forge one) */
};

/* The token ids of n bytes of UTF-8. *ids is the caller's, to be given to sil_free. SIL_UNSUPPORTED when the model
 * file has no tokenizer. */
sil_err sil_tokenize(const struct sil_model *m, const char *text, size_t n, unsigned flags, uint32_t **ids,
                     size_t *n_ids, struct sil_error *e);
/* The text of n ids, NUL-terminated, without control tokens; the caller's, to be given to sil_free. */
sil_err sil_detokenize(const struct sil_model *m, const uint32_t *ids, size_t n, char **text, size_t *n_text,
                       struct sil_error *e);
/* True for a token that ends an answer. */
bool sil_is_end(const struct sil_model *m, uint32_t id);
void sil_free(void *p);

/* ---- engines and sessions ---- */

/* What keys and values are rounded to as they are stored. Each is an arithmetic profile of its own: other bits. */
enum sil_kv {
    SIL_KV_F16,  /* binary16, the default */
    SIL_KV_INT8, /* 8-bit integers with a scale for each token and head: about half the memory */
    SIL_KV_KINDS
};

struct sil_engine_config {
    uint32_t n_ctx;      /* positions of one session; 0: the model's own, at most 4,096 */
    uint32_t n_sessions; /* sessions that can be full at once (sets the KV memory); 0: 1 */
    uint32_t n_batch;    /* tokens computed in one pass; 0: 256. It changes speed and memory, never a bit of a result */
    uint32_t n_logits;   /* rows of logits that one step can give; 0: 16 */
    uint32_t n_threads;  /* 0: what the affinity mask and the cgroup allow */
    uint32_t n_pages;    /* pages of 64 positions for keys and values; 0: enough for n_sessions full sessions */
    enum sil_kv kv;      /* the storage of keys and values */
};

/* Threads, buffers and KV memory around one model. */
struct sil_engine;

/* c may be NULL for the defaults. The model must outlive the engine. */
sil_err sil_engine_open(const struct sil_model *m, const struct sil_engine_config *c, struct sil_engine **out,
                        struct sil_error *e);
/* NULL is allowed. Its sessions are closed before it. */
void sil_engine_close(struct sil_engine *eng);
uint32_t sil_engine_threads(const struct sil_engine *eng);
uint32_t sil_engine_ctx(const struct sil_engine *eng);
/* The profile of everything that the engine computes: SIL_PROFILE, with ";kv=int8" behind it for SIL_KV_INT8. */
const char *sil_engine_profile(const struct sil_engine *eng);

struct sil_engine_stats {
    uint32_t n_pages;                  /* KV pages in all */
    uint32_t n_free, n_idle;           /* of these unused, and held for reuse only (given up when pages run out) */
    size_t page_bytes;                 /* keys and values of 64 positions */
    uint64_t reuse_asked, reuse_found; /* tokens that sil_session_reuse looked for in shared sessions, and found */
};
void sil_engine_stats(const struct sil_engine *eng, struct sil_engine_stats *out);

/* One sequence of tokens and its keys and values. */
struct sil_session;

sil_err sil_session_open(struct sil_engine *eng, struct sil_session **out, struct sil_error *e);
/* A session that shares what it computes: every 64 tokens become a page that later sessions of the same space (a
 * tenant's number; never another's) can take over by sil_session_reuse, also after this one is closed, for as long as
 * there is room. A page that is shared is copied before it is written. No result changes by a bit. */
sil_err sil_session_open_shared(struct sil_engine *eng, uint64_t space, struct sil_session **out, struct sil_error *e);
void sil_session_close(struct sil_session *s); /* NULL is allowed */
/* Brings the session to the longest beginning of tokens[n] that is computed already: by itself or, in a shared session,
 * by one of the same space. The rest of what it had is dropped. Returns how many tokens that is; at least one is left
 * for a step to compute. */
uint32_t sil_session_reuse(struct sil_session *s, const uint32_t *tokens, uint32_t n);
/* The tokens so far; valid until the session's next step. */
const uint32_t *sil_session_tokens(const struct sil_session *s, uint32_t *n);
/* Goes back to the first n tokens (n at most the present length). What is computed afterwards is the same, bit for
 * bit, as if the dropped tokens had never been there. */
void sil_session_truncate(struct sil_session *s, uint32_t n);

/* Writes the session, keys and values included, to a checksummed file, which takes its name only when it is whole. The
 * first save or load of an engine reads the model's files for their digest. */
sil_err sil_session_save(const struct sil_session *s, const char *path, struct sil_error *e);
/* A session as it was saved, on any machine, with the same model and profile; the caller's to close. It goes on with
 * the same bits. Anything else in the file is refused: SIL_FORMAT (damaged, or no session), SIL_UNSUPPORTED (another
 * version), SIL_ARG (another model or profile), SIL_CONTEXT, SIL_NOMEM (too few free pages). The session shares no
 * pages: what a file says is not given to others. */
sil_err sil_session_load(struct sil_engine *eng, const char *path, struct sil_session **out, struct sil_error *e);

/* When a context is full: drops the tokens from <= i < to and computes what follows again, at its new positions, so
 * that everything is, bit for bit, as in a session that never had them. *logits (unless logits is NULL): the row of the
 * last token, valid until the engine's next step. cancel: as in sil_step_item, or NULL. SIL_ARG for a range that is
 * none; on any other failure the session is left with its first `from` tokens. */
sil_err sil_session_drop(struct sil_session *s, uint32_t from, uint32_t to, const volatile int *cancel,
                         const float **logits, struct sil_error *e);

/* What one session contributes to a step. */
struct sil_step_item {
    struct sil_session *session; /* each session at most once in a step (else SIL_ARG) */
    const uint32_t *tokens;      /* appended to the session: one for decoding, many for a prompt */
    uint32_t n_tokens;           /* at least 1 */
    uint32_t n_logits;           /* rows of logits wanted, for the last n_logits of the tokens */
    const volatile int *cancel;  /* unless NULL: becoming nonzero, from any thread or a signal handler, ends this item
                                    with  SIL_CANCELLED: within one layer when all items of the pass are cancelled,
                                    otherwise  after the pass (at most n_batch tokens). The neighbours go on */
    const float *logits;         /* out: [n_logits][n_vocab], valid until the engine's next step */
    sil_err status;              /* out: SIL_OK, or why this session did not advance (it is then as before):
                                    SIL_CONTEXT, SIL_NONFINITE, SIL_ARG, SIL_LIMIT, SIL_NOMEM, SIL_CANCELLED */
};

/* Steps all items in shared passes. A session's result does not depend on its neighbours. Gives SIL_OK when every
 * item advanced, otherwise the first failed item's status with its text; the others have advanced all the same. */
sil_err sil_step(struct sil_engine *eng, struct sil_step_item *items, size_t n_items, struct sil_error *e);

/* ---- sampling ---- */

/* Added to one token's logit before anything else. */
struct sil_bias {
    uint32_t token;
    float bias; /* -1000 to 1000 */
};

struct sil_sampling {
    float temperature;                         /* 0: greedy, the highest logit, ties to the lower id */
    uint32_t top_k;                            /* 0: all */
    float top_p;                               /* 1: all */
    float min_p;                               /* 0: all */
    float repeat_penalty;                      /* 1: none; counts prompt and answer */
    float frequency_penalty, presence_penalty; /* 0: none; count the answer only */
    uint64_t seed;
    const struct sil_bias *bias; /* n_bias of them, the caller's, applied in this order */
    uint32_t n_bias;             /* 0: none; at most 4,096 */
};

/* Greedy, no penalties, no bias. */
struct sil_sampling sil_sampling_default(void);

/* The next token of a session from a row of logits (which stay as they are). prompt_length: how many of the session's
 * tokens are the prompt; choice: which of several parallel answers. A pure function of logits, tokens and parameters:
 * the same everywhere. SIL_ARG names a parameter that is out of range. */
sil_err sil_sample(const struct sil_session *s, const struct sil_sampling *p, const float *logits,
                   uint32_t prompt_length, uint32_t choice, uint32_t *token, struct sil_error *e);

struct sil_logprob {
    uint32_t token;
    float logprob; /* natural logarithm of the model's probability, before temperature, penalties and bias */
};

enum { SIL_TOP_MAX = 64 };

/* How likely the model held `token` (chosen, unless NULL), and the n_top likeliest tokens, best first, ties to the
 * lower id (top, n_top of them, at most SIL_TOP_MAX and the vocabulary). A pure function of the row of logits. */
sil_err sil_logprobs(const struct sil_engine *eng, const float *logits, uint32_t token, struct sil_logprob *chosen,
                     uint32_t n_top, struct sil_logprob *top, struct sil_error *e);

/* ---- decoding, with or without guessing ahead ---- */

enum { SIL_DRAFT_MAX = 15 };

/* One answer being written. The caller sets the first group and zeroes the rest. With n_draft > 0 each step also
 * computes tokens that are guessed from the sequence itself (what followed the same tokens before) and keeps those that
 * come true: the tokens, greedy or drawn, are the same with any n_draft, and so is the session after each of them. */
struct sil_decoder {
    struct sil_session *session;
    struct sil_sampling sampling;
    uint32_t prompt_length, choice; /* as for sil_sample */
    uint32_t n_draft;               /* guesses in a step, at most SIL_DRAFT_MAX; 0: none */

    uint64_t n_drafted, n_accepted; /* counted */

    uint32_t tokens[1 + SIL_DRAFT_MAX]; /* the token to compute next, and guesses */
    uint32_t window;
    bool plain;
};

/* The first token, from the logits of the session's last token. */
sil_err sil_decode_first(struct sil_decoder *d, const float *logits, uint32_t *token, struct sil_error *e);
/* Fills an item for sil_step (together with other sequences' items): the last token given, which the session does not
 * hold yet, and guesses. It wants at most 1 + n_draft rows of logits, and no KV page that the one token would not need.
 * item->cancel is the caller's. */
void sil_decode_item(struct sil_decoder *d, struct sil_step_item *item);
/* After the step: 1 to `max` new tokens (max at most 1 + SIL_DRAFT_MAX; a token that ends an answer is the last). *n is
 * 0 where the guesses were refused; the next item then has none. Fails with the item's status. */
sil_err sil_decode_take(struct sil_decoder *d, const struct sil_step_item *item, uint32_t max, uint32_t *tokens,
                        uint32_t *n, struct sil_error *e);

#ifdef __cplusplus
}
#endif
#endif
