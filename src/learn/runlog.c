#include "learn/runlog.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/jsonx.h"

enum { LOG_MAX = 1 << 30, SVG_MAX = 4 << 20, LINE_MAX_BYTES = 1 << 16, POINTS = 600 };

sil_err runlog_open(const char *path, struct runlog *l, struct sil_error *e) {
    l->kept = 0;
    return file_append(path, &l->out, e);
}

sil_err runlog_keep(struct runlog *l, uint64_t keep, struct sil_error *e) {
    l->kept = keep;
    return file_cut(&l->out, keep, e);
}

void runlog_close(struct runlog *l) {
    file_discard(&l->out);
}

static int to_buf(const char *p, size_t n, void *ctx) {
    return buf_put(ctx, p, n) == SIL_OK ? 0 : -1;
}

static sil_err put(struct runlog *l, json_t *o, struct sil_error *e) {
    struct buf line;
    buf_init(&line, mem_libc(), LINE_MAX_BYTES);
    bool ok = o && json_dump_callback(o, to_buf, &line, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
              buf_char(&line, '\n') == SIL_OK;
    sil_err err = ok ? file_write(&l->out, line.p, line.n, e) : err_nomem(e, "a line of the log", 0);
    json_decref(o);
    buf_free(&line);
    return err;
}

sil_err runlog_step(struct runlog *l, const struct runlog_step *s, struct sil_error *e) {
    return put(l,
               json_pack("{s:I,s:I,s:f,s:f,s:f,s:f,s:f}", "step", (json_int_t)s->step, "tokens", (json_int_t)s->tokens,
                         "loss", s->loss, "lr", s->rate, "norm", s->norm, "seconds", s->seconds, "tokens_per_s",
                         s->tokens_per_s),
               e);
}

sil_err runlog_eval(struct runlog *l, uint64_t step, double loss, struct sil_error *e) {
    return put(l, json_pack("{s:I,s:f}", "step", (json_int_t)step, "eval_loss", loss), e);
}

sil_err runlog_sample(struct runlog *l, uint64_t step, const char *prompt, struct str text, struct sil_error *e) {
    return put(l, json_pack("{s:I,s:s,s:s%}", "step", (json_int_t)step, "prompt", prompt, "text", text.p, text.n), e);
}

/* ---- the curve ---- */

struct points {
    struct mem mem;
    double *step, *loss;
    size_t n, cap;
};

static bool add(struct points *p, double step, double loss) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 1024;
        double *a = p->mem.resize(p->mem.ctx, p->step, cap * sizeof *a);
        if (a) p->step = a;
        double *b = a ? p->mem.resize(p->mem.ctx, p->loss, cap * sizeof *b) : NULL;
        if (b) p->loss = b;
        if (!b) return false;
        p->cap = cap;
    }
    p->step[p->n] = step;
    p->loss[p->n++] = loss;
    return true;
}

static sil_err read_log(struct str text, struct points train[1], struct points eval[1], struct sil_error *e) {
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        json_t *o;
        if (n && jsonx_parse((struct str){text.p, n}, "the log", &o, NULL) == SIL_OK) {
            const json_t *step = json_object_get(o, "step"), *loss = json_object_get(o, "loss");
            const json_t *ev = json_object_get(o, "eval_loss");
            bool ok = true;
            if (json_is_number(loss)) ok = add(train, json_number_value(step), json_number_value(loss));
            if (json_is_number(ev)) ok = add(eval, json_number_value(step), json_number_value(ev));
            json_decref(o);
            if (!ok) return err_nomem(e, "the loss curve", 0);
        }
        text.p += n + (end != NULL);
        text.n -= n + (end != NULL);
    }
    return SIL_OK;
}

enum { WIDTH = 960, HEIGHT = 480, LEFT = 64, RIGHT = 24, TOP = 48, BOTTOM = 48 };

struct scale {
    double x_max, y_min, y_max;
};

static double x_of(const struct scale *s, double step) {
    return LEFT + (WIDTH - LEFT - RIGHT) * step / s->x_max;
}

static double y_of(const struct scale *s, double loss) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (s->y_max - loss) / (s->y_max - s->y_min);
}

/* At most POINTS means of neighbours. */
static void line(struct buf *b, const struct scale *s, const struct points *p, const char *colour) {
    size_t group = (p->n + POINTS - 1) / POINTS;
    if (p->n == 0) return;
    buf_printf(b, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colour);
    for (size_t i = 0; i < p->n; i += group) {
        size_t n = p->n - i < group ? p->n - i : group;
        double step = 0, loss = 0;
        for (size_t k = i; k < i + n; k++) {
            step += p->step[k] / (double)n;
            loss += p->loss[k] / (double)n;
        }
        buf_printf(b, "%.1f,%.1f ", x_of(s, step), y_of(s, loss));
    }
    buf_printf(b, "\"/>\n");
}

static void axes(struct buf *b, const struct scale *s) {
    for (int i = 0; i <= 5; i++) {
        double loss = s->y_min + (s->y_max - s->y_min) * i / 5, step = s->x_max * i / 5;
        buf_printf(b,
                   "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                   "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.2f</text>"
                   "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n",
                   LEFT, WIDTH - RIGHT, y_of(s, loss), y_of(s, loss), LEFT - 8, y_of(s, loss) + 4, loss, x_of(s, step),
                   HEIGHT - BOTTOM + 20, step);
    }
}

static void draw(struct buf *b, const char *title, const struct points *train, const struct points *eval) {
    struct scale s = {.x_max = 1, .y_min = INFINITY, .y_max = -INFINITY};
    const struct points *all[] = {train, eval};
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < all[k]->n; i++) {
            s.x_max = fmax(s.x_max, all[k]->step[i]);
            s.y_min = fmin(s.y_min, all[k]->loss[i]);
            s.y_max = fmax(s.y_max, all[k]->loss[i]);
        }
    }
    s.y_min = isfinite(s.y_min) ? floor(s.y_min) : 0;
    s.y_max = isfinite(s.y_max) ? fmax(ceil(s.y_max), s.y_min + 1) : 1;
    buf_printf(b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
               "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
               WIDTH, HEIGHT);
    buf_printf(b, "<text x=\"%d\" y=\"24\" font-size=\"16\">", LEFT);
    for (const char *p = title; *p; p++) {
        if (*p == '<') buf_printf(b, "&lt;");
        else if (*p == '&') buf_printf(b, "&amp;");
        else if ((unsigned char)*p >= 0x20) buf_char(b, *p);
    }
    buf_printf(b, ": loss per token (nats) over steps</text>\n");
    axes(b, &s);
    line(b, &s, train, "#256ef4");
    line(b, &s, eval, "#d63d4a");
    buf_printf(b,
               "<text x=\"%d\" y=\"24\" text-anchor=\"end\" fill=\"#256ef4\">training</text>"
               "<text x=\"%d\" y=\"24\" text-anchor=\"end\" fill=\"#d63d4a\">evaluation</text>\n</svg>\n",
               WIDTH - RIGHT - 80, WIDTH - RIGHT);
}

static sil_err write_whole(const char *path, struct str text, struct sil_error *e) {
    struct file_out out;
    file_sweep(path);
    SIL_TRY(file_create(path, &out, e));
    sil_err err = file_write(&out, text.p, text.n, e);
    if (err == SIL_OK) return file_commit(&out, e);
    file_discard(&out);
    return err;
}

sil_err runlog_curve(struct mem mem, const char *log_path, const char *svg_path, const char *title,
                     struct sil_error *e) {
    struct points train = {.mem = mem}, eval = {.mem = mem};
    struct buf log, svg;
    buf_init(&log, mem, LOG_MAX);
    buf_init(&svg, mem, SVG_MAX);
    sil_err err = file_read(log_path, &log, e);
    if (err == SIL_OK) err = read_log(buf_view(&log), &train, &eval, e);
    if (err == SIL_OK) {
        draw(&svg, title, &train, &eval);
        err = write_whole(svg_path, buf_view(&svg), e);
    }
    buf_free(&log);
    buf_free(&svg);
    mem_free(mem, train.step);
    mem_free(mem, train.loss);
    mem_free(mem, eval.step);
    mem_free(mem, eval.loss);
    return err;
}
