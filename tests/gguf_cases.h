/* gguf_cases: small GGUF files, right and wrong, made byte by byte (not by the writer under test). test_gguf judges
 * them; tool_gguf_corpus writes them as the corpus of the fuzz target. */
#ifndef SIL_TESTS_GGUF_CASES_H
#define SIL_TESTS_GGUF_CASES_H

#include "base/buf.h"
#include "sillok.h"

struct gguf_case {
    const char *name;
    void (*make)(struct buf *b);
    sil_err code;     /* SIL_OK: a good file */
    const char *text; /* that the error must hold */
};

extern const struct gguf_case gguf_good[], gguf_bad[];
extern const size_t gguf_n_good, gguf_n_bad;

#endif
