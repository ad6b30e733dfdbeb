/* trace: statistics of a request trace in the format of the Azure LLM inference traces of 2023:
 *
 *     TIMESTAMP,ContextTokens,GeneratedTokens
 *     2023-11-16 18:15:46.6805900,374,44
 *
 * (Azure Public Dataset, CC BY 4.0; Patel et al., Splitwise, ISCA 2024.) Times do not go back; CRLF and a missing last
 * line end are accepted. Limits: 64 Mi lines, 131,071 tokens per field. */
#ifndef SIL_PLAN_TRACE_H
#define SIL_PLAN_TRACE_H

#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "sillok.h"

enum { TRACE_TOKENS = 131072 };

struct trace_lengths {
    double mean, cv2; /* squared coefficient of variation */
    double p50, p90, p99;
};

struct trace_stats {
    uint64_t n;
    double span_s;      /* first to last request */
    double rate;        /* (n - 1) / span */
    double gap_cv2;     /* squared coefficient of variation of the gaps */
    double minute_peak; /* requests in the busiest minute over the mean */
    /* Variance over mean of the requests in a second, inside blocks of five minutes (1 is Poisson): the burstiness that
     * a step of the year leaves to queues, without the slower swings that its demand shows. */
    double dispersion;
    struct trace_lengths input, output;
};

/* SIL_FORMAT names the line and what it should hold. Needs two requests at least. Allocates 1 MiB for the counts and
 * gives it back. */
sil_err trace_read(struct str text, struct mem mem, struct trace_stats *out, struct sil_error *e);

#endif
