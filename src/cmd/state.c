#include "cmd/state.h"

#include <stdio.h>

#include "base/err.h"
#include "base/file.h"

sil_err state_open(struct state *s, bool make, struct sil_error *e) {
    char path[4096];
    config_default(&s->read);
    if (s->config && s->folder) return err_set(e, SIL_ARG, "--state or --config, not both");
    if (s->config) SIL_TRY(config_read(s->config, &s->read, e));
    const char *folder = s->folder ? s->folder : s->read.state;
    if (!folder) return err_set(e, SIL_ARG, "%s names no state directory", s->config);
    int n = snprintf(path, sizeof path, "%s/keys.db", folder);
    if (n < 0 || (size_t)n >= sizeof path) return err_set(e, SIL_LIMIT, "the state directory's path is too long");
    if (!make && !file_exists(path))
        return err_set(e, SIL_IO, "%s is not there; say where the server's state is (--state DIR or --config FILE)",
                       path);
    return gate_db_open(folder, true, &s->db, e);
}

void state_close(struct state *s) {
    gate_db_close(s->db);
    s->db = NULL;
    config_free(&s->read);
}
