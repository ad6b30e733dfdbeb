/* Rule 8: docs/arithmetic.md, section "Sampling". After the weights are integers nothing rounds. */
#include "num/sample.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "num/elementary.h"
#include "num/floatbits.h"
#include "num/ref.h"

__extension__ typedef unsigned __int128 u128;

struct sil_sampling num_sampling_default(void) {
    return (struct sil_sampling){.top_p = 1.0f, .repeat_penalty = 1.0f};
}

enum { BIAS_MAX = 4096 };

static bool inside(float x, float low, float high) {
    return x >= low && x <= high; /* false for NaN */
}

sil_err num_sampling_check(const struct sil_sampling *p, struct sil_error *e) {
    if (p->temperature != 0.0f && !inside(p->temperature, 0.001f, 1000.0f))
        return err_set(e, SIL_ARG, "temperature is %g; it must be 0 (greedy) or from 0.001 to 1000",
                       (double)p->temperature);
    if (!(p->top_p > 0.0f && p->top_p <= 1.0f))
        return err_set(e, SIL_ARG, "top_p is %g; it must be above 0 and at most 1", (double)p->top_p);
    if (!inside(p->min_p, 0.0f, 1.0f))
        return err_set(e, SIL_ARG, "min_p is %g; it must be from 0 to 1", (double)p->min_p);
    if (!inside(p->repeat_penalty, 0.01f, 100.0f))
        return err_set(e, SIL_ARG, "repeat_penalty is %g; it must be from 0.01 to 100 (1: none)",
                       (double)p->repeat_penalty);
    if (!inside(p->frequency_penalty, -100.0f, 100.0f))
        return err_set(e, SIL_ARG, "frequency_penalty is %g; it must be from -100 to 100 (0: none)",
                       (double)p->frequency_penalty);
    if (!inside(p->presence_penalty, -100.0f, 100.0f))
        return err_set(e, SIL_ARG, "presence_penalty is %g; it must be from -100 to 100 (0: none)",
                       (double)p->presence_penalty);
    if (p->n_bias > BIAS_MAX || (p->n_bias && !p->bias))
        return err_set(e, SIL_ARG, "%u logit biases; at most %d are possible", p->n_bias, BIAS_MAX);
    for (uint32_t i = 0; i < p->n_bias; i++)
        if (!inside(p->bias[i].bias, -1000.0f, 1000.0f))
            return err_set(e, SIL_ARG, "the logit bias of token %u is %g; it must be from -1000 to 1000",
                           p->bias[i].token, (double)p->bias[i].bias);
    return SIL_OK;
}

/* False for a token outside the vocabulary. */
static bool add_bias(const struct sil_sampling *p, float *logits, uint32_t n_vocab) {
    for (uint32_t i = 0; i < p->n_bias; i++) {
        if (p->bias[i].token >= n_vocab) return false;
        logits[p->bias[i].token] = logits[p->bias[i].token] + p->bias[i].bias;
    }
    return true;
}

size_t num_sample_scratch(uint32_t n_vocab) {
    return (size_t)n_vocab * (sizeof(uint64_t) + sizeof(uint32_t));
}

/* False when there is nothing to do. seen, count: [n_vocab] each, scratch. */
static bool penalize(const struct sil_sampling *p, float *logits, uint32_t n_vocab, const struct num_history *h,
                     uint32_t *seen, uint32_t *count) {
    if (p->repeat_penalty == 1.0f && p->frequency_penalty == 0.0f && p->presence_penalty == 0.0f) return false;
    memset(seen, 0, (size_t)n_vocab * sizeof *seen);
    memset(count, 0, (size_t)n_vocab * sizeof *count);
    for (size_t i = 0; i < h->n; i++) {
        if (h->tokens[i] >= n_vocab) continue;
        seen[h->tokens[i]] = 1;
        if (i >= h->n_prompt) count[h->tokens[i]]++;
    }
    for (uint32_t i = 0; i < n_vocab; i++) {
        float l = logits[i];
        if (seen[i]) l = l > 0.0f ? l / p->repeat_penalty : l * p->repeat_penalty;
        if (count[i]) l = l - ((float)count[i] * p->frequency_penalty + p->presence_penalty);
        logits[i] = l;
    }
    return true;
}

/* The greatest value; ties to the lower id. */
static uint32_t argmax(const float *logits, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* A number that orders as (value descending, id ascending) when greater comes first. */
static uint64_t rank_key(float value, uint32_t id) {
    uint32_t u = float_bits(value + 0.0f); /* -0 ranks as +0 */
    u = u & 0x80000000u ? ~u : u | 0x80000000u;
    return (uint64_t)u << 32 | (uint32_t)~id;
}

/* Restores the greatest-first heap below `at`. */
static void sift(uint64_t *heap, size_t n, size_t at) {
    uint64_t v = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1] > heap[child]) child++;
        if (heap[child] <= v) break;
        heap[at] = heap[child];
    }
    heap[at] = v;
}

/* Moves the greatest of heap[0 .. *live-1] to heap[*live-1] and takes it out of the heap. */
static uint64_t pop(uint64_t *heap, size_t *live) {
    uint64_t top = heap[0];
    size_t n = --*live;
    heap[0] = heap[n];
    if (n > 0) sift(heap, n, 0);
    heap[n] = top;
    return top;
}

/* Key of the last token that top-k and top-p keep: all keys >= it stay. heap: n keys, any order, destroyed; after i
 * pops the popped ones lie at the end, greatest last. w: weights by id; mass: their sum. */
static uint64_t cut_key(const struct sil_sampling *p, uint64_t *heap, size_t n, const uint32_t *w, uint64_t mass) {
    size_t keep = p->top_k != 0 && p->top_k < n ? p->top_k : n, live = n;
    if (keep == n && p->top_p == 1.0f) return 0;
    for (size_t i = n / 2; i-- > 0;) sift(heap, n, i);
    if (keep < n) {
        mass = 0;
        for (size_t i = 0; i < keep; i++) mass += w[(uint32_t)~pop(heap, &live)];
        if (p->top_p == 1.0f) return heap[live];
    }
    uint64_t share = (uint64_t)((double)p->top_p * 0x1p32), sum = 0, key = 0; /* truncated */
    for (size_t i = 0; i < keep; i++) {
        key = n - live > i ? heap[n - 1 - i] : pop(heap, &live);
        sum += w[(uint32_t)~key];
        if ((u128)sum << 32 >= (u128)share * mass) break;
    }
    return key;
}

/* Integer weights of all tokens; their sum. logits are already divided by the temperature. */
static uint64_t weigh(const float *logits, uint32_t n, float max, uint32_t *w) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        w[i] = (uint32_t)(num_expf(logits[i] - max) * 0x1p30f);
        total += w[i];
    }
    return total;
}

/* Zeroes the weight of every token that top-k, top-p or min-p drops; the sum of the rest. */
static uint64_t filter(const struct sil_sampling *p, const float *logits, uint32_t n, uint32_t *w, uint64_t *keys,
                       uint64_t total) {
    if (p->top_k == 0 && p->top_p == 1.0f && p->min_p == 0.0f) return total;
    size_t n_keys = 0;
    for (uint32_t i = 0; i < n; i++)
        if (w[i] > 0) keys[n_keys++] = rank_key(logits[i], i);
    uint64_t cut = cut_key(p, keys, n_keys, w, total), sum = 0;
    uint32_t least = (uint32_t)(p->min_p * 0x1p30f); /* truncated; the greatest weight is 2^30 */
    for (uint32_t i = 0; i < n; i++) {
        if (w[i] < least || rank_key(logits[i], i) < cut) w[i] = 0;
        sum += w[i];
    }
    return sum;
}

static uint32_t draw(const struct sil_sampling *p, uint64_t token_index, uint32_t choice, const uint32_t *w,
                     uint64_t total) {
    const uint32_t key[2] = {(uint32_t)p->seed, (uint32_t)(p->seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)token_index, (uint32_t)(token_index >> 32), choice, 0};
    uint32_t word[4], id = 0;
    rng_philox(key, counter, word);
    uint64_t u = (uint64_t)word[1] << 32 | word[0], at = (uint64_t)((u128)u * total >> 64);
    while (at >= w[id]) at -= w[id++]; /* ends: at < total, the sum of all w */
    return id;
}

sil_err num_sample(const struct sil_sampling *p, float *logits, uint32_t n_vocab, const struct num_history *history,
                   uint64_t token_index, uint32_t choice, void *scratch, uint32_t *token) {
    SIL_TRY(num_sampling_check(p, NULL));
    if (n_vocab == 0) return SIL_ARG;
    uint64_t *keys = scratch;
    uint32_t *w = (uint32_t *)(keys + n_vocab);
    if (!ref_finite(logits, n_vocab)) return SIL_NONFINITE;
    if (!add_bias(p, logits, n_vocab)) return SIL_ARG;
    if (penalize(p, logits, n_vocab, history, w, (uint32_t *)keys) && !ref_finite(logits, n_vocab))
        return SIL_NONFINITE;
    uint32_t best = argmax(logits, n_vocab);
    *token = best;
    if (p->temperature == 0.0f) return SIL_OK;
    for (uint32_t i = 0; i < n_vocab; i++) logits[i] = logits[i] / p->temperature;
    if (!ref_finite(logits, n_vocab)) return SIL_NONFINITE;
    uint64_t total = weigh(logits, n_vocab, logits[best], w);
    total = filter(p, logits, n_vocab, w, keys, total);
    *token = draw(p, token_index, choice, w, total);
    return SIL_OK;
}

/* log of the sum of exp(l - max), in binary64 over sixteen lanes. */
static double log_sum(const float *logits, uint32_t n, float max) {
    double lane[NUM_LANES] = {0};
    for (uint32_t i = 0; i < n; i++) lane[i % NUM_LANES] = lane[i % NUM_LANES] + (double)num_expf(logits[i] - max);
    for (uint32_t step = NUM_LANES / 2; step; step /= 2)
        for (uint32_t l = 0; l < step; l++) lane[l] = lane[l] + lane[l + step];
    return num_log(lane[0]);
}

/* The n_top greatest keys, greatest first. */
static void top_keys(const float *logits, uint32_t n, uint32_t n_top, uint64_t *keys) {
    uint32_t have = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = rank_key(logits[i], i);
        if (have == n_top && key < keys[have - 1]) continue;
        uint32_t at = have < n_top ? have++ : have - 1;
        for (; at > 0 && keys[at - 1] < key; at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

sil_err num_logprobs(const float *logits, uint32_t n_vocab, uint32_t token, struct sil_logprob *chosen, uint32_t n_top,
                     struct sil_logprob *top) {
    if (n_vocab == 0 || n_top > SIL_TOP_MAX || n_top > n_vocab || (chosen && token >= n_vocab)) return SIL_ARG;
    if (!ref_finite(logits, n_vocab)) return SIL_NONFINITE;
    double max = (double)logits[argmax(logits, n_vocab)], log_total = log_sum(logits, n_vocab, (float)max);
    if (chosen) *chosen = (struct sil_logprob){token, (float)(((double)logits[token] - max) - log_total)};
    if (n_top == 0) return SIL_OK;
    uint64_t keys[SIL_TOP_MAX];
    top_keys(logits, n_vocab, n_top, keys);
    for (uint32_t i = 0; i < n_top; i++) {
        uint32_t id = (uint32_t)~keys[i];
        top[i] = (struct sil_logprob){id, (float)(((double)logits[id] - max) - log_total)};
    }
    return SIL_OK;
}
