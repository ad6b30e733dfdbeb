/* gate_usage STATE DAY TENANT KEY MODEL REQUESTS PROMPT CACHED ANSWER: adds one row of usage, as the server does.
 * TENANT and KEY are numbers. For tests/cli/key.sh. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/state.h"
#include "serve/gate_db.h"

int main(int argc, char **argv) {
    struct gate_db *db;
    struct sil_error e = {0};
    if (argc != 10) return 2;
    if (gate_db_open(argv[1], true, &db, &e) != SIL_OK) return fprintf(stderr, "%s\n", e.text), 1;
    struct gate_usage u = {.day = strtoll(argv[2], NULL, 10),
                           .tenant = strtoull(argv[3], NULL, 10),
                           .key = strtoull(argv[4], NULL, 10),
                           .model = argv[5],
                           .requests = strtoull(argv[6], NULL, 10),
                           .prompt_tokens = strtoull(argv[7], NULL, 10),
                           .cached_tokens = strtoull(argv[8], NULL, 10),
                           .answer_tokens = strtoull(argv[9], NULL, 10)};
    sil_err err = gate_db_usage_add(db, &u, 1, &e);
    gate_db_close(db);
    if (err != SIL_OK) return fprintf(stderr, "%s\n", e.text), 1;
    return 0;
}
