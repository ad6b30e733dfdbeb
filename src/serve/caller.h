/* caller: who asks, as the key says. Filled by gate_authenticate, copied into the request, never changed. */
#ifndef SIL_SERVE_CALLER_H
#define SIL_SERVE_CALLER_H

#include <stdbool.h>
#include <stdint.h>

enum { CALLER_NAME = 64 };

/* What is kept beside an entry of the ledger. */
enum caller_transcript { TRANSCRIPT_NONE, TRANSCRIPT_IDS, TRANSCRIPT_TEXT };

struct caller {
    uint64_t tenant;               /* never reused; the space of the prefix cache, the queue of the scheduler */
    uint64_t key;                  /* which of the tenant's keys */
    char tenant_name[CALLER_NAME]; /* NUL-terminated, for logs, metrics and the ledger */
    char key_name[CALLER_NAME];
    uint32_t weight; /* share of the machine beside other tenants, 1 to 1000 */
    enum caller_transcript transcript;
    bool admin; /* sees and does everything; without it only what is its tenant's own. True where keys are off */
};

#endif
