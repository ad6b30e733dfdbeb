/* Building the tables of a tokenizer, whatever file it came from. */
#include <assert.h>

#include "base/checked.h"
#include "base/err.h"
#include "base/utf8.h"
#include "text/tok_impl.h"

static sil_err no_memory(struct sil_error *e) {
    return err_set(e, SIL_NOMEM, "no memory for the tables of a tokenizer");
}

#define NEW_ARRAY(t, n, T) ARENA_ARRAY(&(t)->arena, (n), T)

sil_err tok_new(struct mem mem, uint32_t n_tokens, const struct str *texts, const uint8_t *types,
                struct tokenizer **out, struct sil_error *e) {
    *out = NULL;
    if (n_tokens == 0) return err_set(e, SIL_FORMAT, "a tokenizer without tokens");
    if (n_tokens > TOK_TOKENS_MAX)
        return err_set(e, SIL_LIMIT, "a tokenizer of %u tokens; at most %d are allowed", n_tokens, TOK_TOKENS_MAX);
    size_t total = 0;
    for (uint32_t i = 0; i < n_tokens; i++)
        if (!size_add(total, texts[i].n, &total) || total > TOK_VOCAB_BYTES_MAX)
            return err_set(e, SIL_LIMIT, "the texts of a vocabulary exceed %d bytes", TOK_VOCAB_BYTES_MAX);
    struct tokenizer *t = mem_array(mem, 1, sizeof(*t));
    if (!t) return no_memory(e);
    *t = (struct tokenizer){.mem = mem, .n_tokens = n_tokens, .unk = -1, .bos = -1, .eos = -1, .eot = -1};
    arena_init(&t->arena, mem, SIZE_MAX / 2);
    *out = t;
    t->text = NEW_ARRAY(t, total, char);
    t->text_off = NEW_ARRAY(t, (size_t)n_tokens + 1, uint32_t);
    t->type = NEW_ARRAY(t, n_tokens, uint8_t);
    t->direct = NEW_ARRAY(t, n_tokens, uint8_t);
    t->is_end = NEW_ARRAY(t, n_tokens, uint8_t);
    if (!t->text || !t->text_off || !t->type || !t->direct || !t->is_end) return no_memory(e);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n_tokens; i++) {
        if (texts[i].n) memcpy(t->text + at, texts[i].p, texts[i].n);
        t->text_off[i] = at;
        at += (uint32_t)texts[i].n;
        t->type[i] = types ? types[i] : TOK_NORMAL;
        if (t->type[i] == TOK_CONTROL || t->type[i] == TOK_UNKNOWN) t->direct[i] = 2;
    }
    t->text_off[n_tokens] = at;
    uchar_init(&t->uchar);
    return SIL_OK;
}

/* GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes for U+0100 and up, in order. */
static int alphabet_byte(uint32_t cp) {
    if ((cp >= 0x21 && cp <= 0x7e) || (cp >= 0xa1 && cp <= 0xac) || (cp >= 0xae && cp <= 0xff)) return (int)cp;
    if (cp >= 0x100 && cp <= 0x120) return (int)(cp - 0x100);
    if (cp >= 0x121 && cp <= 0x142) return (int)(cp - 0x121 + 0x7f);
    return cp == 0x143 ? 0xad : -1;
}

bool tok_alphabet(struct str s, char *out, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t len = utf8_decode(s.p + i, s.n - i, &cp);
        int b = len ? alphabet_byte(cp) : -1;
        if (b < 0) return false;
        out[(*n)++] = (char)b;
        i += len;
    }
    return true;
}

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The byte that "<0xNN>" names, or -1. */
static int byte_of(struct str s) {
    if (s.n != 6 || memcmp(s.p, "<0x", 3) != 0 || s.p[5] != '>' || hex(s.p[3]) < 0 || hex(s.p[4]) < 0) return -1;
    return hex(s.p[3]) * 16 + hex(s.p[4]);
}

static size_t unspace(struct str s, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        bool bar = s.n - i >= 3 && memcmp(s.p + i, "\xe2\x96\x81", 3) == 0;
        out[n++] = bar ? ' ' : s.p[i];
        i += bar ? 3 : 1;
    }
    return n;
}

sil_err tok_pieces(struct tokenizer *t, bool metaspace, const uint8_t *raw, uint8_t *in_merges, struct sil_error *e) {
    t->piece = NEW_ARRAY(t, t->text_off[t->n_tokens], char); /* no token becomes longer */
    t->piece_off = NEW_ARRAY(t, (size_t)t->n_tokens + 1, uint32_t);
    if (!t->piece || !t->piece_off) return no_memory(e);
    uint32_t at = 0;
    for (uint32_t i = 0; i < t->n_tokens; i++) {
        struct str s = tok_text(t, i);
        size_t n = s.n;
        int byte = t->byte_fallback && (t->type[i] == TOK_BYTE || t->type[i] == TOK_NORMAL) ? byte_of(s) : -1;
        t->piece_off[i] = at;
        bool as_is = raw && raw[i];
        if (!as_is && t->byte_level) as_is = !tok_alphabet(s, t->piece + at, &n), in_merges[i] &= !as_is;
        else if (!as_is && byte >= 0) t->piece[at] = (char)byte, n = 1;
        else if (!as_is && metaspace) n = unspace(s, t->piece + at);
        else as_is = true;
        if (as_is && s.n) memcpy(t->piece + at, s.p, s.n);
        at += (uint32_t)(as_is ? s.n : n);
    }
    t->piece_off[t->n_tokens] = at;
    return SIL_OK;
}

static void index_bytes(struct tokenizer *t) {
    for (int b = 0; b < 256; b++) {
        static const char digits[] = "0123456789ABCDEF";
        char name[6] = {'<', '0', 'x', digits[b >> 4], digits[b & 15], '>'}, byte = (char)b;
        int32_t id = t->byte_level ? strtab_find(&t->by_key, &byte, 1) : tok_find(t, (struct str){name, 6});
        t->byte_id[b] = id < 0 || (!t->byte_level && !t->byte_fallback) ? TOK_NONE : (uint32_t)id;
    }
}

static sil_err collide(struct sil_error *e, uint32_t id) {
    return err_set(e, SIL_LIMIT, "the vocabulary is made to collide (token %u)", id);
}

sil_err tok_index(struct tokenizer *t, const uint8_t *in_merges, const uint8_t *raw, struct sil_error *e) {
    const char *blob = t->byte_level ? t->piece : t->text;
    const uint32_t *off = t->byte_level ? t->piece_off : t->text_off;
    size_t keys = 0, texts = 0;
    for (uint32_t i = 0; i < t->n_tokens; i++) {
        keys += in_merges[i] != 0;
        texts += !in_merges[i] || raw[i];
    }
    if (strtab_init(&t->by_key, &t->arena, keys, blob, off) != SIL_OK ||
        strtab_init(&t->by_text, &t->arena, texts, t->text, t->text_off) != SIL_OK)
        return no_memory(e);
    for (uint32_t i = 0; i < t->n_tokens; i++) {
        if (t->text_off[i + 1] == t->text_off[i]) continue;
        if (in_merges[i] && raw[i] && strtab_put(&t->by_key, i, false) != SIL_OK) return collide(e, i);
        if ((!in_merges[i] || raw[i]) && strtab_put(&t->by_text, i, false) != SIL_OK) return collide(e, i);
    }
    for (uint32_t i = 0; i < t->n_tokens; i++) /* these win over raw tokens of the same bytes */
        if (in_merges[i] && !raw[i] && t->text_off[i + 1] > t->text_off[i] && strtab_put(&t->by_key, i, true) != SIL_OK)
            return collide(e, i);
    index_bytes(t);
    return SIL_OK;
}

/* The id of left + right (in the form of by_key), and of both sides. */
static sil_err merge_ids(struct tokenizer *t, const char *p, size_t left_n, size_t n, uint32_t ids[3]) {
    int32_t l = strtab_find(&t->by_key, p, left_n), r = strtab_find(&t->by_key, p + left_n, n - left_n);
    int32_t whole = strtab_find(&t->by_key, p, n);
    if (l < 0 || r < 0 || whole < 0) return SIL_FORMAT;
    ids[0] = (uint32_t)l;
    ids[1] = (uint32_t)r;
    ids[2] = (uint32_t)whole;
    return SIL_OK;
}

enum { MERGE_TEXT_MAX = 4096 };

sil_err tok_merge_put(struct tokenizer *t, struct str left, struct str right, bool replace, struct sil_error *e) {
    char text[MERGE_TEXT_MAX];
    size_t ln = left.n, rn = right.n;
    uint32_t ids[3];
    bool ok = ln <= MERGE_TEXT_MAX && rn <= MERGE_TEXT_MAX - ln;
    if (ok && t->byte_level) {
        ok = tok_alphabet(left, text, &ln) && tok_alphabet(right, text + ln, &rn);
    } else if (ok) {
        if (ln) memcpy(text, left.p, ln);
        if (rn) memcpy(text + ln, right.p, rn);
    }
    if (!ok || merge_ids(t, text, ln, ln + rn, ids) != SIL_OK)
        return err_set(e, SIL_FORMAT,
                       "merge %u (\"%.*s\" + \"%.*s\"): both sides and what they make must be tokens of the vocabulary",
                       t->merges.n, STR_ARG(left), STR_ARG(right));
    if (merge_add(&t->merges, ids[0], ids[1], ids[2], 0, replace) != SIL_OK)
        return err_set(e, SIL_LIMIT, "the merges are made to collide (merge %u)", t->merges.n);
    return SIL_OK;
}

/* Float order as integers, reversed: the highest score has the lowest value. */
static uint32_t score_order(float score) {
    uint32_t b;
    memcpy(&b, &score, sizeof(b));
    b = b & 0x80000000u ? ~b : b | 0x80000000u;
    return ~b;
}

/* The symbol of the text s: its token, or the pseudo symbol of a single character (made if need be); TOK_NONE. */
static uint32_t symbol_of(struct tokenizer *t, struct str s, uint32_t pseudo_max) {
    int32_t id = strtab_find(&t->by_key, s.p, s.n);
    if (id >= 0) return (uint32_t)id;
    uint32_t cp;
    if (utf8_decode(s.p, s.n, &cp) != s.n) return TOK_NONE;
    for (uint32_t i = 0; i < t->n_pseudo; i++)
        if (t->pseudo[i] == cp) return t->n_tokens + i;
    if (t->n_pseudo == pseudo_max) return TOK_NONE;
    t->pseudo[t->n_pseudo] = cp;
    return t->n_tokens + t->n_pseudo++;
}

/* Calls merge_add for every split of token id that both sides allow; counts them only if !add. */
static sil_err splits(struct tokenizer *t, uint32_t id, float score, uint32_t pseudo_max, bool add, size_t *count) {
    struct str s = tok_text(t, id);
    for (size_t i = uchar_len(s.p); i < s.n; i += uchar_len(s.p + i)) {
        uint32_t l = symbol_of(t, (struct str){s.p, i}, pseudo_max);
        uint32_t r = l == TOK_NONE ? TOK_NONE : symbol_of(t, (struct str){s.p + i, s.n - i}, pseudo_max);
        if (r == TOK_NONE) continue;
        if (++*count >= MERGE_MAX) return SIL_LIMIT;
        if (add) SIL_TRY(merge_add(&t->merges, l, r, id, score_order(score), true));
    }
    return SIL_OK;
}

enum { PSEUDO_MAX = 4096 };

sil_err tok_merges_by_score(struct tokenizer *t, const float *scores, struct sil_error *e) {
    uint32_t pseudo_max = TOK_TOKENS_MAX - t->n_tokens < PSEUDO_MAX ? TOK_TOKENS_MAX - t->n_tokens : PSEUDO_MAX;
    t->pseudo = NEW_ARRAY(t, pseudo_max, uint32_t);
    if (!t->pseudo) return no_memory(e);
    uint64_t work = 0;
    for (int pass = 0; pass < 2; pass++) {
        size_t count = 0;
        for (uint32_t i = 0; i < t->n_tokens; i++) {
            struct str s = tok_text(t, i);
            if (!(scores[i] - scores[i] == 0.0f))
                return err_set(e, SIL_FORMAT, "the score of token %u is not a finite number", i);
            if (s.n < 2 || strtab_find(&t->by_key, s.p, s.n) != (int32_t)i || !utf8_valid(s.p, s.n, NULL)) continue;
            work += (uint64_t)s.n * s.n;
            if (work > (uint64_t)1 << 31 || splits(t, i, scores[i], pseudo_max, pass == 1, &count) != SIL_OK)
                return err_set(e, SIL_LIMIT, "the tokens are too long or too many to merge by score (token %u)", i);
        }
        if (pass == 0 && merge_init(&t->merges, &t->arena, count, t->n_tokens + t->n_pseudo, true) != SIL_OK)
            return no_memory(e);
    }
    return SIL_OK;
}

static struct str key_of(const struct tokenizer *t, uint32_t id) {
    const char *blob = t->byte_level ? t->piece : t->text;
    const uint32_t *off = t->byte_level ? t->piece_off : t->text_off;
    return (struct str){blob + off[id], off[id + 1] - off[id]};
}

/* Rust's library gives what no token covers ten less than the least score. */
sil_err tok_scores(struct tokenizer *t, const double *scores, const uint8_t *in_merges, struct sil_error *e) {
    size_t bytes = 0;
    double least = 0;
    bool any = false;
    for (uint32_t i = 0; i < t->n_tokens; i++) {
        if (!(scores[i] - scores[i] == 0.0))
            return err_set(e, SIL_FORMAT, "the score of token %u is not a finite number", i);
        if (!in_merges[i]) continue;
        least = any && least < scores[i] ? least : scores[i];
        any = true;
        bytes += key_of(t, i).n;
    }
    sil_err err = viterbi_init(&t->viterbi, &t->arena, bytes, scores, least - 10);
    if (err == SIL_LIMIT)
        return err_set(e, err, "the texts of a unigram vocabulary exceed %d bytes", VITERBI_NODES_MAX);
    if (err != SIL_OK) return no_memory(e);
    for (uint32_t i = 0; i < t->n_tokens; i++) {
        struct str s = key_of(t, i);
        if (!in_merges[i] || t->type[i] == TOK_CONTROL || t->type[i] == TOK_UNKNOWN) continue;
        if (viterbi_put(&t->viterbi, s.p, s.n, i) != SIL_OK)
            return err_set(e, SIL_LIMIT, "token %u is longer than %d bytes, or the vocabulary is made to collide", i,
                           VITERBI_TOKEN_MAX);
    }
    return SIL_OK;
}

static void add_bigrams(struct tokenizer *t, struct str s) {
    uint32_t last = 0, cp;
    for (size_t i = 0, len; i < s.n; i += len, last = cp) {
        len = utf8_decode(s.p + i, s.n - i, &cp);
        if (len == 0) return; /* such a token never matches text */
        uint32_t h = tok_bigram(last, cp);
        if (i) t->bigrams[h >> 6] |= (uint64_t)1 << (h & 63);
    }
}

/* Cutting is sound when merges see nothing but the characters themselves: no character may vanish, and what stands for
 * unknown ones must not merge; and with ignore_merges, what matters is the whole piece. */
static bool may_cut(const struct tokenizer *t) {
    bool all_bytes = t->byte_fallback;
    for (int b = 0; b < 256; b++) all_bytes = all_bytes && t->byte_id[b] != TOK_NONE;
    if (t->ignore_merges || (t->unk < 0 && !all_bytes)) return false;
    for (uint32_t i = 0; i <= t->merges.mask; i++) {
        uint64_t s = t->merges.slots[i];
        if (s == UINT64_MAX) continue;
        uint32_t sides[2] = {(uint32_t)(s >> 44), (uint32_t)(s >> 24) & MERGE_ID_MAX};
        for (int k = 0; k < 2; k++) {
            uint32_t id = sides[k];
            if (t->unk >= 0 && id == (uint32_t)t->unk) return false;
            if (id < t->n_tokens && t->piece_off[id + 1] - t->piece_off[id] == 1 &&
                t->text_off[id + 1] - t->text_off[id] == 6 && t->byte_id[(uint8_t)t->piece[t->piece_off[id]]] == id)
                return false;
        }
    }
    return true;
}

static sil_err finish_chars(struct tokenizer *t) {
    t->char_id = NEW_ARRAY(t, 65536, uint32_t);
    t->bigrams = NEW_ARRAY(t, TOK_BIGRAM_BITS / 64, uint64_t);
    if (!t->char_id || !t->bigrams) return SIL_NOMEM;
    for (uint32_t c = 0; c < 65536; c++) {
        char u[4];
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        int32_t id = surrogate ? -1 : strtab_find(&t->by_key, u, utf8_encode(c, u));
        t->char_id[c] = id < 0 ? TOK_NONE : (uint32_t)id;
    }
    for (uint32_t i = 0; i < t->n_pseudo; i++)
        if (t->pseudo[i] < 65536) t->char_id[t->pseudo[i]] = t->n_tokens + i;
    for (uint32_t i = 0; i < t->n_tokens; i++) add_bigrams(t, tok_text(t, i));
    t->cut = may_cut(t);
    return SIL_OK;
}

static void mark_ends(struct tokenizer *t) {
    /* the last one: DeepSeek's, with U+FF5C and U+2581 */
    static const char deepseek[] = "<\xef\xbd\x9c\x65nd\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>";
    static const char *const names[] = {"<|im_end|>",
                                        "<|eot_id|>",
                                        "<|eom_id|>",
                                        "<|end|>",
                                        "<|return|>",
                                        "<|call|>",
                                        "<end_of_turn>",
                                        "<|endoftext|>",
                                        "<|end_of_text|>",
                                        "<|end_of_turn|>",
                                        "<eos>",
                                        "<EOS>",
                                        "<|endofturn|>",
                                        "[|endofturn|]",
                                        "<|stop|>",
                                        "</s>",
                                        "<|eos|>",
                                        "<|EOT|>",
                                        "<EOT>",
                                        "_<EOT>",
                                        "[EOS]",
                                        "[EOT]",
                                        "<end_of_utterance>",
                                        "<|END_OF_TURN_TOKEN|>",
                                        deepseek};
    if (t->eos >= 0) t->is_end[t->eos] = 1;
    if (t->eot >= 0) t->is_end[t->eot] = 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int32_t id = tok_find(t, str_of(names[i]));
        if (id >= 0) t->is_end[id] = 1;
    }
    /* gpt-oss: <|end|> closes a message of an answer that goes on */
    int32_t end = tok_find(t, STR("<|end|>"));
    if (end >= 0 && end != t->eos && tok_find(t, STR("<|return|>")) >= 0 && tok_find(t, STR("<|call|>")) >= 0)
        t->is_end[end] = 0;
}

sil_err tok_finish(struct tokenizer *t, struct sil_error *e) {
    if (!t->merges.slots && merge_init(&t->merges, &t->arena, 1, t->n_tokens, false) != SIL_OK) return no_memory(e);
    if (!t->byte_level && t->kind != TOK_UNIGRAM && finish_chars(t) != SIL_OK) return no_memory(e);
    mark_ends(t);
    return SIL_OK;
}
