#include "learn_ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 512, CTX = 640 };

struct ref {
    const struct params *p;
    const double *w;
};

static const double *tensor(const struct ref *r, uint32_t i) {
    return r->w + r->p->list[i].at;
}

static void matrix(const struct ref *r, uint32_t i, const double *x, double *y) {
    const struct param *t = &r->p->list[i];
    for (uint32_t o = 0; o < t->rows; o++) {
        y[o] = 0;
        for (uint32_t k = 0; k < t->cols; k++) y[o] += tensor(r, i)[(size_t)o * t->cols + k] * x[k];
    }
}

static void norm(const struct ref *r, uint32_t i, const double *x, uint32_t n, double *y) {
    double sum = 0;
    for (uint32_t k = 0; k < n; k++) sum += x[k] * x[k];
    double s = 1 / sqrt(sum / n + (double)r->p->shape.eps);
    for (uint32_t k = 0; k < n; k++) y[k] = x[k] * s * tensor(r, i)[k];
}

static void rotate(const struct learn_shape *s, double *x, uint32_t pos) {
    uint32_t half = s->head_dim / 2;
    for (uint32_t i = 0; i < half; i++) {
        double angle = pos * pow(s->rope_base, -2.0 * i / s->head_dim), c = cos(angle), sn = sin(angle);
        double *a = s->family == LEARN_QWEN3 ? &x[i] : &x[2 * i], *b = s->family == LEARN_QWEN3 ? &x[i + half] : a + 1;
        double x0 = *a, x1 = *b;
        *a = x0 * c - x1 * sn;
        *b = x0 * sn + x1 * c;
    }
}

static void attention(const struct learn_shape *s, double qkv[][WIDTH], uint32_t n, double att[][WIDTH]) {
    uint32_t d = s->head_dim, group = s->heads / s->kv_heads;
    for (uint32_t h = 0; h < s->heads; h++) {
        uint32_t k = (s->heads + h / group) * d, v = k + s->kv_heads * d;
        for (uint32_t i = 0; i < n; i++) {
            double e[CTX], sum = 0, *out = att[i] + h * d;
            for (uint32_t j = 0; j <= i; j++) {
                double dot = 0;
                for (uint32_t c = 0; c < d; c++) dot += qkv[i][h * d + c] * qkv[j][k + c];
                sum += e[j] = exp(dot / sqrt(d));
            }
            for (uint32_t c = 0; c < d; c++) {
                out[c] = 0;
                for (uint32_t j = 0; j <= i; j++) out[c] += e[j] / sum * qkv[j][v + c];
            }
        }
    }
}

static void layer(const struct ref *r, uint32_t i, uint32_t n, double x[][WIDTH], double qkv[][WIDTH],
                  double att[][WIDTH]) {
    const struct learn_shape *s = &r->p->shape;
    const struct layer_params *l = &r->p->layers[i];
    double xn[WIDTH], y[WIDTH];
    for (uint32_t t = 0; t < n; t++) {
        norm(r, l->attn_norm, x[t], s->width, xn);
        matrix(r, l->qkv, xn, qkv[t]);
        for (uint32_t k = 0; s->bias && k < shape_qkv(s); k++) qkv[t][k] += tensor(r, l->qkv_bias)[k];
        for (uint32_t h = 0; h < s->heads + s->kv_heads; h++) {
            double *head = qkv[t] + h * s->head_dim;
            if (s->family == LEARN_QWEN3) norm(r, h < s->heads ? l->q_norm : l->k_norm, head, s->head_dim, head);
            rotate(s, head, t);
        }
    }
    attention(s, qkv, n, att);
    for (uint32_t t = 0; t < n; t++) {
        matrix(r, l->o, att[t], y);
        for (uint32_t k = 0; k < s->width; k++) x[t][k] += y[k];
        norm(r, l->ffn_norm, x[t], s->width, xn);
        matrix(r, l->gate_up, xn, y);
        for (uint32_t k = 0; k < s->ffn; k++) y[k] = y[k] / (1 + exp(-y[k])) * y[s->ffn + k];
        matrix(r, l->down, y, xn);
        for (uint32_t k = 0; k < s->width; k++) x[t][k] += xn[k];
    }
}

double learn_ref_loss(const struct params *p, const double *w, const struct batch *b) {
    struct ref r = {p, w};
    double(*x)[WIDTH] = malloc(3 * sizeof(double[CTX][WIDTH])), (*qkv)[WIDTH] = x + CTX, (*att)[WIDTH] = qkv + CTX;
    double loss = 0, logits[WIDTH], xn[WIDTH];
    if (!x) return NAN;
    for (uint32_t d = 0; d < b->n_docs; d++) {
        uint32_t first = b->doc_at[d], n = b->doc_at[d + 1] - first;
        for (uint32_t t = 0; t < n; t++)
            memcpy(x[t], tensor(&r, p->embed) + (size_t)b->ids[first + t] * p->shape.width,
                   p->shape.width * sizeof(double));
        for (uint32_t i = 0; i < p->shape.layers; i++) layer(&r, i, n, x, qkv, att);
        for (uint32_t t = 0; t < n; t++) {
            double sum = 0;
            norm(&r, p->out_norm, x[t], p->shape.width, xn);
            matrix(&r, p->output, xn, logits);
            for (uint32_t v = 0; v < p->shape.vocab; v++) sum += exp(logits[v]);
            loss += (double)b->weights[first + t] * (log(sum) - logits[b->targets[first + t]]);
        }
    }
    free(x);
    return loss;
}
