/* Errors as JSON. */
#include "serve/openai_impl.h"

sil_err openai_fault(const struct fault *f, struct buf *out) {
    struct jout o = {.b = out};
    size_t before = out->n;
    jout_raw(&o, "{\"error\":{\"message\":");
    jout_text(&o, str_of(f->message));
    jout_raw(&o, ",\"type\":");
    jout_text(&o, str_of(f->type));
    jout_raw(&o, ",\"param\":");
    jout_text_or_null(&o, f->param[0] ? f->param : NULL);
    jout_raw(&o, ",\"code\":");
    jout_text_or_null(&o, f->code);
    jout_raw(&o, "}}");
    if (o.err != SIL_OK) out->n = before;
    return o.err;
}
