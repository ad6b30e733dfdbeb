/* openai_bed: a catalog of one small model without an engine, and requests, for tests of the API's form. */
#ifndef SIL_TESTS_OPENAI_BED_H
#define SIL_TESTS_OPENAI_BED_H

#include "serve/openai.h"

enum { BED_VOCAB = 512, BED_CONTEXT = 512 };

/* Model "tiny" (alias "gpt-4o-mini"): byte-level BPE of the bytes, aa, ab, ... and ChatML's marks, with a template.
 * Its marks of reasoning are <think> and </think>. */
struct openai_bed {
    struct sil_model *model;
    struct config_model config;
    struct catalog_model entry;
    struct catalog catalog;
    struct config_limits limits;
};
void openai_bed_open(struct openai_bed *b);
void openai_bed_close(struct openai_bed *b);

/* A new request "req_000102030405060708090a0b" of second 1700000000 with seed 7. */
struct request *openai_bed_request(struct mem mem);
/* One that was read from a body; fails the test with the fault's words where it cannot. */
struct request *openai_bed_read(struct openai_bed *b, bool chat, const char *body);

#endif
