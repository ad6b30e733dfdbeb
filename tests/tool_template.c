/* tool_template: renders templates for tests in other languages. One JSON object a line on standard input,
 *   {"template": "...", "vars": {...}, "now": 0, "limits": {"steps": 0, "depth": 0, "output": 0, "memory": 0}}
 * ("now" in Unix seconds; each may be absent), one a line on standard output: {"text": "..."} or
 * {"error": "...", "code": "SIL_..."}. */
#include <stdio.h>
#include <stdlib.h>

#include "base/jsonx.h"
#include "text/template.h"

static void read_limits(const json_t *j, struct template_limits *l) {
    const json_t *v;
    if ((v = json_object_get(j, "steps"))) l->steps = (uint64_t)json_integer_value(v);
    if ((v = json_object_get(j, "depth"))) l->depth = (uint32_t)json_integer_value(v);
    if ((v = json_object_get(j, "output"))) l->output = (size_t)json_integer_value(v);
    if ((v = json_object_get(j, "memory"))) l->memory = (size_t)json_integer_value(v);
}

static json_t *answer(struct str line) {
    struct sil_error e = {0};
    struct template_limits limits = template_limits_default();
    struct template *t = NULL;
    struct buf out;
    json_t *job = NULL, *r;
    buf_init(&out, mem_libc(), limits.output);
    sil_err err = jsonx_parse(line, "standard input", &job, &e);
    read_limits(json_object_get(job, "limits"), &limits);
    if (err == SIL_OK) err = template_parse(mem_libc(), jsonx_str(job, "template"), &limits, &t, &e);
    if (err == SIL_OK) {
        int64_t now = json_integer_value(json_object_get(job, "now"));
        err = template_render(t, json_object_get(job, "vars"), now, &out, &e);
    }
    if (err == SIL_OK) r = json_pack("{s:o}", "text", json_stringn(buf_view(&out).p, out.n));
    else r = json_pack("{s:s, s:s}", "error", e.text, "code", sil_err_name(err));
    template_free(t);
    buf_free(&out);
    json_decref(job);
    return r;
}

int main(void) {
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        json_t *r = answer((struct str){line, (size_t)n});
        if (!r || json_dumpf(r, stdout, JSON_COMPACT) != 0) return 1;
        putchar('\n');
        fflush(stdout);
        json_decref(r);
    }
    free(line);
    return 0;
}
