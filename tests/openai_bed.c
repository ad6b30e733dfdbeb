#include "openai_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "make_model.h"
#include "model/vocab.h"
#include "support.h"

void openai_bed_open(struct openai_bed *b) {
    struct mm_spec s = mm_default();
    struct sil_error e = {0};
    char path[4200];
    const char *folder = test_folder();
    s.byte_bpe = s.chat = true;
    s.d = 64;
    s.layers = 1;
    s.heads = 1;
    s.kv_heads = 1;
    s.ffn = 64;
    s.vocab = BED_VOCAB;
    snprintf(path, sizeof path, "%s/tiny.gguf", folder);
    if (mm_write_file(&s, path, &e) != SIL_OK) fail_msg("%s", e.text);
    *b = (struct openai_bed){0};
    if (sil_model_open(path, NULL, &b->model, &e) != SIL_OK) fail_msg("%s", e.text);
    unlink(path);
    rmdir(folder);
    const struct model *m = b->model->m;
    b->config = (struct config_model){.name = "tiny",
                                      .aliases = {"gpt-4o-mini"},
                                      .n_aliases = 1,
                                      .think_begin = "<think>",
                                      .think_end = "</think>",
                                      .sampling = sil_sampling_default()};
    b->config.sampling.temperature = 1;
    b->entry = (struct catalog_model){.config = &b->config,
                                      .model = b->model,
                                      .tok = m->tok,
                                      .chat = m->chat,
                                      .n_ctx = BED_CONTEXT,
                                      .digest = "00ff",
                                      .tokenizer_digest = "ff00",
                                      .profile = SIL_PROFILE,
                                      .fingerprint = "fp_0123456789abcdef",
                                      .created = 1600000000};
    sil_model_describe(b->model, &b->entry.info);
    b->catalog = (struct catalog){.models = &b->entry, .n = 1};
    b->limits = (struct config_limits){.choices = 16};
}

void openai_bed_close(struct openai_bed *b) {
    sil_model_close(b->model);
}

struct request *openai_bed_request(struct mem mem) {
    struct request *r = NULL;
    if (request_new(mem, &r) != SIL_OK) return NULL;
    snprintf(r->id, sizeof r->id, "req_000102030405060708090a0b");
    r->unix_s = 1700000000;
    r->sampling.seed = 7;
    return r;
}

struct request *openai_bed_read(struct openai_bed *b, bool chat, const char *body) {
    struct request *r = openai_bed_request(mem_libc());
    struct fault f = {0};
    assert_non_null(r);
    bool ok = chat ? openai_read_chat(str_of(body), &b->catalog, &b->limits, r, &f)
                   : openai_read_completion(str_of(body), &b->catalog, &b->limits, r, &f);
    if (!ok) fail_msg("%s: %d %s", body, f.status, f.message);
    return r;
}
