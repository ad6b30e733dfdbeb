/* fuzz_serve_config: a server's configuration of any bytes. It is refused with a text that names the file, or it
 * becomes a configuration whose numbers are all in their ranges, so that the check can only complain about what belongs
 * together. */
#include <stdlib.h>
#include <string.h>

#include "serve/config.h"

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct sil_error e = {0};
    struct config c;
    sil_err err = config_parse(mem_libc(), (struct str){(const char *)p, n}, "f.yaml", &c, &e);
    PROMISE(err == SIL_OK || (err == e.code && strncmp(e.text, "f.yaml", 6) == 0));
    if (err != SIL_OK) return 0;
    PROMISE(c.n_listen <= CONFIG_LISTEN_MAX && c.n_models <= CONFIG_MODELS_MAX);
    err = config_check(&c, &e);
    PROMISE(err == SIL_OK || (err == SIL_ARG && strncmp(e.text, "f.yaml", 6) == 0));
    PROMISE(err == SIL_OK || !strstr(e.text, "; allowed: "));
    config_free(&c);
    return 0;
}
