/* log: one JSON object a line, to a file descriptor. Never text of a prompt or of an answer.
 * Every line has "time" (RFC 3339, UTC, milliseconds), "level" and "event"; names of further fields follow
 * OpenTelemetry (gen_ai.request.model, gen_ai.usage.input_tokens, ...) where it has one. Threads: any; a line is one
 * write. A line that cannot be written is lost and counted. */
#ifndef SIL_SERVE_LOG_H
#define SIL_SERVE_LOG_H

#include "base/clock.h"
#include "base/str.h"
#include "sillok.h"

enum { LOG_LINE_MAX = 8192 };

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_TEXT, LOG_UINT, LOG_NUMBER, LOG_BOOL };

struct log_field {
    const char *key;
    enum log_kind kind;
    const char *text; /* NULL: the field is left out */
    uint64_t uint;
    double number; /* left out when not finite */
};

struct log;

/* fd stays the caller's. Below `least` nothing is written. */
sil_err log_open(int fd, enum log_level least, struct clock clock, struct log **out);
void log_close(struct log *l);
void log_level_set(struct log *l, enum log_level least);
uint64_t log_lost(const struct log *l);

/* l may be NULL: nothing is written. */
void log_write(struct log *l, enum log_level level, const char *event, const struct log_field *f, size_t n);

#define LOG_S(k, v)                                                                                                    \
    { .key = (k), .kind = LOG_TEXT, .text = (v) }
#define LOG_U(k, v)                                                                                                    \
    { .key = (k), .kind = LOG_UINT, .uint = (v) }
#define LOG_F(k, v)                                                                                                    \
    { .key = (k), .kind = LOG_NUMBER, .number = (v) }
#define LOG_B(k, v)                                                                                                    \
    { .key = (k), .kind = LOG_BOOL, .uint = (v) }
/* LOG(l, LOG_INFO, "answer", LOG_S("request", r->id), LOG_U("tokens", n)); at least one field. */
#define LOG(l, level, event, ...)                                                                                      \
    log_write((l), (level), (event), (const struct log_field[]){__VA_ARGS__},                                          \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

#endif
