#include "text/chat.h"

#include "base/err.h"

/* jansson counts references in values that are otherwise only read. */
static json_t *share(const json_t *v) {
    union {
        const json_t *from;
        json_t *to;
    } u = {.from = v};
    return json_incref(u.to);
}

static json_t *variables(const json_t *messages, const json_t *tools, bool add_generation_prompt, struct str bos,
                         struct str eos, const json_t *extra) {
    json_t *v = json_object();
    if (!v) return NULL;
    bool ok = json_object_set_new(v, "messages", share(messages)) == 0 &&
              json_object_set_new(v, "add_generation_prompt", json_boolean(add_generation_prompt)) == 0 &&
              json_object_set_new(v, "bos_token", json_stringn(bos.p, bos.n)) == 0 &&
              json_object_set_new(v, "eos_token", json_stringn(eos.p, eos.n)) == 0 &&
              (!tools || json_object_set_new(v, "tools", share(tools)) == 0);
    if (ok && extra) {
        json_t *more = share(extra);
        ok = json_object_update(v, more) == 0;
        json_decref(more);
    }
    if (ok) return v;
    json_decref(v);
    return NULL;
}

sil_err chat_render(const struct template *t, const json_t *messages, const json_t *tools, bool add_generation_prompt,
                    struct str bos, struct str eos, const json_t *extra, int64_t now_unix_s, struct buf *out,
                    struct sil_error *e) {
    json_t *v = variables(messages, tools, add_generation_prompt, bos, eos, extra);
    if (!v) return err_nomem(e, "the variables of a chat template", 1);
    sil_err err = template_render(t, v, now_unix_s, out, e);
    json_decref(v);
    return err;
}
