/* Chat templates: the language against what Python's Jinja prints (tests/templates/language.jsonl), error positions,
 * limits against hostile templates, allocation failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/jsonx.h"
#include "support.h"
#include "text/chat.h"
#include "text/template.h"

enum { OUT_MAX = 1 << 20 };

/* Renders; the text is in out (which the caller frees), or the error in e. vars NULL: none. */
static sil_err render_with(struct mem mem, const char *source, const char *vars, const struct template_limits *limits,
                           int64_t now, struct buf *out, struct sil_error *e) {
    struct template *t = NULL;
    json_t *v = NULL;
    buf_init(out, mem, OUT_MAX);
    if (vars) assert_int_equal(jsonx_parse(str_of(vars), "vars", &v, e), SIL_OK);
    sil_err err = template_parse(mem, str_of(source), limits, &t, e);
    if (err == SIL_OK) err = template_render(t, v, now, out, e);
    else assert_null(t);
    template_free(t);
    json_decref(v);
    return err;
}

static void expect_text(const char *source, const char *vars, const char *text) {
    struct buf out;
    struct sil_error e = {0};
    if (render_with(mem_libc(), source, vars, NULL, 0, &out, &e) != SIL_OK) fail_msg("%s: %s", source, e.text);
    assert_string_equal(buf_view(&out).p, text);
    buf_free(&out);
}

static void expect_error(const char *source, sil_err code, const char *text) {
    struct buf out;
    struct sil_error e = {0};
    sil_err err = render_with(mem_libc(), source, NULL, NULL, 0, &out, &e);
    if (err != code || e.code != code) fail_msg("%s: %s, %s", source, sil_err_name(err), e.text);
    if (!strstr(e.text, text)) fail_msg("%s: \"%s\" is not in \"%s\"", source, text, e.text);
    assert_int_equal(out.n, 0);
    buf_free(&out);
}

/* Each line of the file: a template, and the text or the kind of error that Python's Jinja 3.1.6 gives, set up as
 * transformers sets it up. The first line holds the variables and the time. */
static void check_line(const json_t *line, const json_t *setup, struct buf *out) {
    struct sil_error e = {0};
    struct template *t = NULL;
    struct buf file;
    struct str source = jsonx_str(line, "template"), want = jsonx_str(line, "text");
    const json_t *vars = json_object_get(setup, "vars"), *name = json_object_get(line, "file");
    buf_init(&file, mem_libc(), OUT_MAX);
    if (name) { /* a template with a file of its own, and one of the conversations */
        char path[200];
        snprintf(path, sizeof path, "tests/templates/%s", json_string_value(name));
        test_read_file(path, &file);
        source = buf_view(&file);
        vars = json_object_get(json_object_get(setup, "conversations"), jsonx_str(line, "conversation").p);
        assert_non_null(vars);
    }
    buf_clear(out);
    sil_err err = template_parse(mem_libc(), source, NULL, &t, &e);
    if (err == SIL_OK) {
        int64_t now = json_integer_value(json_object_get(setup, "now"));
        err = template_render(t, vars, now, out, &e);
    }
    template_free(t);
    bool wrong = json_object_get(line, "error") != NULL;
    if (wrong && err == SIL_OK) fail_msg("no error: %.*s", STR_ARG(source));
    if (wrong) assert_non_null(strstr(e.text, "line "));
    else if (err != SIL_OK) fail_msg("%.*s: %s", STR_ARG(source), e.text);
    else if (!str_eq(buf_view(out), want))
        fail_msg("%.*s\n  want: %.*s\n  got:  %.*s", STR_ARG(source), STR_ARG(want), STR_ARG(buf_view(out)));
    buf_free(&file);
}

static void check_file(const char *path, size_t least) {
    struct buf file, out;
    struct sil_error e = {0};
    json_t *setup = NULL, *line;
    size_t lines = 0;
    buf_init(&file, mem_libc(), OUT_MAX);
    buf_init(&out, mem_libc(), OUT_MAX);
    test_read_file(path, &file);
    for (size_t i = 0; i < file.n; lines++) {
        const char *end = memchr(file.p + i, '\n', file.n - i);
        assert_non_null(end);
        size_t n = (size_t)(end - file.p) - i;
        assert_int_equal(jsonx_parse((struct str){file.p + i, n}, path, &line, &e), SIL_OK);
        i += n + 1;
        if (setup) {
            check_line(line, setup, &out);
            json_decref(line);
        } else {
            setup = line;
        }
    }
    assert_true(lines > least);
    json_decref(setup);
    buf_free(&file);
    buf_free(&out);
}

static void language_equals_jinja(void **state) {
    (void)state;
    check_file("tests/templates/language.jsonl", 400);
}

/* Templates in the manner of the known families, over conversations with tools, thinking and Korean. */
static void families_equal_jinja(void **state) {
    (void)state;
    check_file("tests/templates/families.jsonl", 30);
}

/* What Sillok does on purpose in another way than Python (docs/templates.md). */
static void deviations(void **state) {
    (void)state;
    expect_text("{% set x = [] %}{% set _ = x.append(1) %}{{ x }}", NULL, "[1]");
    expect_text("{{ 'a' is string if true else 1 }}{{ 'x' is defined if true }}", NULL, "TrueTrue");
    expect_text("{{ '\\ud83d\\ude00' }}", NULL, "\xf0\x9f\x98\x80");
    expect_text("{{ d.items is callable }}{{ d.items() | list }}", "{\"d\": {\"items\": 1}}", "True[('items', 1)]");
    expect_error("{% for i in [1] recursive %}{% endfor %}", SIL_UNSUPPORTED, "recursive");
    expect_error("{% include 'x' %}", SIL_UNSUPPORTED, "'include' is not supported");
    expect_error("{{ 9223372036854775807 + 1 }}", SIL_LIMIT, "64 bits");
    expect_error("{{ 9223372036854775808 }}", SIL_UNSUPPORTED, "integer above");
    expect_error("{{ {}.update({}) }}", SIL_UNSUPPORTED, "cannot be changed");
}

static void errors_say_where(void **state) {
    (void)state;
    expect_error("a\n한글 {{ x.y }}", SIL_ARG, "line 2, column 9: 'x' is undefined");
    expect_error("{{ {}.a.b }}", SIL_ARG, "column 9: undefined: the dict has no 'a'");
    expect_error("{% if x %}\n  {{ x + }}", SIL_FORMAT, "line 2, column 10: expected an expression, at '}}'");
    expect_error("{{ 'a' | nosuch }}", SIL_UNSUPPORTED, "column 10: there is no filter 'nosuch'");
    expect_error("{{ 1 is nosuch }}", SIL_UNSUPPORTED, "there is no test 'nosuch'");
    expect_error("{% if 1 %}", SIL_FORMAT, "expected {% endif %}, at the end");
    expect_error("{% nosuch %}", SIL_FORMAT, "unknown tag 'nosuch'");
    expect_error("{{ 'abc", SIL_FORMAT, "string without end");
    expect_error("{# abc", SIL_FORMAT, "comment without end");
    expect_error("{{ (1] }}", SIL_FORMAT, "unexpected ']', expected ')'");
    expect_error("\xff", SIL_FORMAT, "not UTF-8");
    expect_error("{{ raise_exception('역할이 번갈아 와야 합니다') }}", SIL_ARG, "역할이 번갈아 와야 합니다");
    expect_error("{{ range(5)(1) }}", SIL_ARG, "a range cannot be called");
    expect_error("{{ range(100001) }}", SIL_LIMIT, "more than 100000");
    expect_error("{{ 'a' + none }}", SIL_ARG, "column 8: '+' does not take a str and a NoneType");
}

/* ---- limits ---- */

static struct template_limits small_limits(void) {
    return (struct template_limits){.source = 4096, .steps = 100000, .depth = 60, .output = 4096, .memory = 1 << 20};
}

static void expect_limit(const char *source, const char *text) {
    struct template_limits l = small_limits();
    struct buf out;
    struct sil_error e = {0};
    sil_err err = render_with(mem_libc(), source, NULL, &l, 0, &out, &e);
    if (err != SIL_LIMIT || !strstr(e.text, text)) fail_msg("%s: %s, %s", source, sil_err_name(err), e.text);
    buf_free(&out);
}

static void work_is_bounded(void **state) {
    (void)state;
    expect_limit("{% set r = range(1000) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}", "steps");
    expect_limit("{% set n = namespace(s='x') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
                 "memory");
    expect_limit("{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
                 "memory");
    expect_limit("{{ 'abc' * 1000 * 1000 }}", "memory");
    expect_limit("{{ 'abc' * 1000000000000 }}", "steps");
    expect_limit("{{ [1] * 9223372036854775807 }}", "steps");
    expect_limit("{% for i in range(9000) %}0123456789{% endfor %}", "output");
    expect_limit("{{ 'x'.rjust(9000000) }}", "steps");
    expect_limit("{{ 'x'.ljust(80000) }}", "output");
    expect_limit("{% set n = namespace(a=[]) %}{% for i in range(40) %}{% set n.a = [n.a, n.a] %}{% endfor %}{{ n.a }}",
                 "");
    expect_limit("{% set x = [] %}{% set _ = x.append(x) %}{{ x }}", "deeper");
    expect_limit("{% set x = [] %}{% set _ = x.append(x) %}{{ x | tojson }}", "deeper");
    expect_limit("{% set x = [] %}{% set _ = x.append(x) %}{% set y = [] %}{% set _ = y.append(y) %}{{ x == y }}",
                 "deeper");
    expect_limit(
        "{% set x = [] %}{% for i in range(9) %}{% for j in x %}{% endfor %}{% set _ = x.append(1) %}{% endfor %}"
        "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "deeper");
    expect_limit("{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", "deeper");
    expect_limit("{{ '%999999d' % 1 }}", "width");
    expect_limit("{{ (range(1000) | list) | sort | map('string') | join('x' * 100) }}", "");
}

/* `open` n times, `middle`, `close` n times. */
static char *nest(size_t n, const char *open, const char *middle, const char *close) {
    size_t a = strlen(open), b = strlen(middle), c = strlen(close);
    char *s = malloc(n * (a + c) + b + 1);
    assert_non_null(s);
    for (size_t i = 0; i < n; i++) memcpy(s + i * a, open, a);
    memcpy(s + n * a, middle, b);
    for (size_t i = 0; i < n; i++) memcpy(s + n * a + b + i * c, close, c);
    s[n * (a + c) + b] = '\0';
    return s;
}

static void depth_is_bounded(void **state) {
    static const struct {
        const char *begin, *open, *middle, *close, *end;
    } cases[] = {
        {"{{ ", "(", "1", ")", " }}"},
        {"{{ ", "[", "", "]", " }}"},
        {"{{ ", "-", "1", "", " }}"},
        {"{{ ", "not ", "1", "", " }}"},
        {"{{ x", ".a", "", "", " }}"},
        {"{{ x", "[0]", "", "", " }}"},
        {"{{ 1", "+1", "", "", " }}"},
        {"{{ 1", "|string", "", "", " }}"},
        {"{{ 1", " if 1 else 1", "", "", "}}"},
        {"{{ x", "()", "", "", " }}"},
        {"{{ 1", " and 1", "", "", " }}"},
        {"", "{% if 1 %}", "", "{% endif %}", ""},
        {"", "{% for i in [1] %}", "", "{% endfor %}", ""},
        {"{{ ", "{1:", "1", "}", " }}"},
        {"{% for ", "(", "a", ",)", " in x %}{% endfor %}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *body = nest(60000, cases[i].open, cases[i].middle, cases[i].close), *s;
        size_t n = strlen(body) + 200;
        s = malloc(n);
        assert_non_null(s);
        snprintf(s, n, "%s%s%s", cases[i].begin, body, cases[i].end);
        struct buf out;
        struct sil_error e = {0};
        struct template_limits l = template_limits_default();
        l.source = (size_t)1 << 24;
        sil_err err = render_with(mem_libc(), s, NULL, &l, 0, &out, &e);
        if (err != SIL_LIMIT) fail_msg("%.80s...: %s, %s", s, sil_err_name(err), e.text);
        buf_free(&out);
        free(body);
        free(s);
    }
}

static void data_is_bounded(void **state) {
    struct template_limits l = small_limits();
    struct template *t;
    struct buf out;
    struct sil_error e = {0};
    (void)state;
    char *deep = nest(500, "[", "", "]"), vars[1200];
    snprintf(vars, sizeof vars, "{\"x\": %s}", deep);
    assert_int_equal(render_with(mem_libc(), "{{ x }}", vars, &l, 0, &out, &e), SIL_LIMIT);
    buf_free(&out);
    free(deep);
    l.source = 3;
    assert_int_equal(template_parse(mem_libc(), STR("abcd"), &l, &t, &e), SIL_LIMIT);
    assert_null(t);
}

/* A text that grows piece by piece in a namespace costs its length, not its square. */
static void accumulation_is_linear(void **state) {
    struct template_limits l = template_limits_default();
    struct buf out;
    struct sil_error e = {0};
    (void)state;
    l.memory = 4 << 20;
    assert_int_equal(render_with(mem_libc(),
                                 "{% set n = namespace(s='') %}{% for i in range(20000) %}"
                                 "{% set n.s = n.s + 'piece ' + 'of text\n' %}{% endfor %}{{ n.s | length }}",
                                 NULL, &l, 0, &out, &e),
                     SIL_OK);
    assert_string_equal(out.p, "280000");
    buf_free(&out);
}

/* A name seen through a text that later grew in place still has its old value. */
static void growing_text_keeps_old_views(void **state) {
    (void)state;
    expect_text("{% set a = 'x' * 100 + 'y' %}{% set b = a + '1' %}{% set c = a + '2' %}{% set d = b + '3' %}"
                "{{ a[-2:] }} {{ b[-2:] }} {{ c[-2:] }} {{ d[-3:] }} {{ a | length }}",
                NULL, "xy y1 y2 y13 101");
}

/* Loop objects and macros that outlive their scope. */
static void what_outlives_its_scope(void **state) {
    (void)state;
    expect_text("{% set n = namespace() %}{% for i in [1, 2, 3] if i != 2 %}{% set n.l = loop %}{% endfor %}"
                "{% for i in [5] if i %}{{ n.l.last }}{{ n.l.length }}{{ n.l.nextitem is defined }}{% endfor %}",
                NULL, "True2False");
    expect_text(
        "{% set n = namespace(m=[]) %}{% for i in [1, 2] %}{% macro f() %}{{ i }}{% endmacro %}"
        "{% set n.m = n.m + [f] %}{% endfor %}{% for i in [7, 8] %}{% for f in n.m %}{{ f() }}{% endfor %}{% endfor %}",
        NULL, "1212");
}

/* ---- output and threads of use ---- */

static void output_is_appended_or_left_alone(void **state) {
    struct template *t;
    struct buf out;
    struct sil_error e = {0};
    json_t *vars = json_pack("{s:i}", "a", 1);
    (void)state;
    buf_init(&out, mem_libc(), 20);
    assert_int_equal(buf_str(&out, STR("before ")), SIL_OK);
    assert_int_equal(template_parse(mem_libc(), STR("x{{ a }}{{ b.c }}"), NULL, &t, &e), SIL_OK);
    assert_int_equal(template_render(t, vars, 0, &out, &e), SIL_ARG);
    assert_string_equal(out.p, "before ");
    assert_int_equal(template_render(t, NULL, 0, &out, &e), SIL_ARG);
    template_free(t);
    assert_int_equal(template_parse(mem_libc(), STR("x{{ a }}"), NULL, &t, &e), SIL_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(template_render(t, vars, 0, &out, &e), SIL_OK);
    assert_string_equal(out.p, "before x1x1");
    template_free(t);
    assert_int_equal(template_parse(mem_libc(), STR("0123456789"), NULL, &t, &e), SIL_OK);
    assert_int_equal(template_render(t, vars, 0, &out, &e), SIL_LIMIT);
    json_t *list = json_array();
    assert_int_equal(template_render(t, list, 0, &out, &e), SIL_ARG);
    json_decref(list);
    template_free(t);
    template_free(NULL);
    json_decref(vars);
    buf_free(&out);
}

static void time_is_given(void **state) {
    struct buf out;
    struct sil_error e = {0};
    (void)state;
    const char *f = "{{ strftime_now('%Y-%m-%d %H:%M:%S %a %j') }}";
    assert_int_equal(render_with(mem_libc(), f, NULL, NULL, 951782400, &out, &e), SIL_OK);
    assert_string_equal(out.p, "2000-02-29 09:00:00 Tue 060");
    buf_free(&out);
    assert_int_equal(render_with(mem_libc(), f, "{\"timezone_offset_s\": -1}", NULL, 951782400, &out, &e), SIL_OK);
    assert_string_equal(out.p, "2000-02-28 23:59:59 Mon 059");
    buf_free(&out);
    assert_int_equal(render_with(mem_libc(), f, NULL, NULL, INT64_MAX, &out, &e), SIL_ARG);
    buf_free(&out);
    assert_int_equal(render_with(mem_libc(), f, NULL, NULL, -2208988800 - 32400, &out, &e), SIL_OK);
    assert_string_equal(out.p, "1900-01-01 00:00:00 Mon 001");
    buf_free(&out);
}

/* ---- conversations ---- */

static sil_err chat(const char *source, const char *messages, const char *tools, const char *extra, struct buf *out,
                    struct sil_error *e) {
    struct template *t = NULL;
    json_t *m = NULL, *l = NULL, *x = NULL;
    buf_init(out, mem_libc(), OUT_MAX);
    assert_int_equal(jsonx_parse(str_of(messages), "messages", &m, e), SIL_OK);
    if (tools) assert_int_equal(jsonx_parse(str_of(tools), "tools", &l, e), SIL_OK);
    if (extra) assert_int_equal(jsonx_parse(str_of(extra), "extra", &x, e), SIL_OK);
    char *before = json_dumps(m, JSON_COMPACT);
    assert_int_equal(template_parse(mem_libc(), str_of(source), NULL, &t, e), SIL_OK);
    sil_err err = chat_render(t, m, l, true, STR("<s>"), (struct str){0}, x, 0, out, e);
    char *after = json_dumps(m, JSON_COMPACT);
    assert_string_equal(before, after);
    free(before);
    free(after);
    template_free(t);
    json_decref(m);
    json_decref(l);
    json_decref(x);
    return err;
}

static void expect_chat(const char *source, const char *messages, const char *tools, const char *extra,
                        const char *text) {
    struct buf out;
    struct sil_error e = {0};
    if (chat(source, messages, tools, extra, &out, &e) != SIL_OK) fail_msg("%s: %s", source, e.text);
    assert_string_equal(buf_view(&out).p, text);
    buf_free(&out);
}

static void expect_bad_chat(const char *messages, const char *tools, const char *extra, const char *text) {
    struct buf out;
    struct sil_error e = {0};
    assert_int_equal(chat("x", messages, tools, extra, &out, &e), SIL_ARG);
    if (!strstr(e.text, text)) fail_msg("\"%s\" is not in \"%s\"", text, e.text);
    assert_int_equal(out.n, 0);
    buf_free(&out);
}

static void conversations(void **state) {
    (void)state;
    const char *hi = "[{\"role\": \"user\", \"content\": \"안녕\"}]";
    expect_chat("{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
                "{% if add_generation_prompt %}assistant:{% endif %}",
                hi, NULL, NULL, "<s>user: 안녕\nassistant:");
    expect_chat("{{ eos_token is defined }}{{ tools is none }}{{ documents is none }}{{ enable_thinking }}", hi, NULL,
                "{\"enable_thinking\": false}", "FalseTrueTrueFalse");
    expect_chat("{{ tools[0].name }}", hi, "[{\"name\": \"f\"}]", NULL, "f");
    /* OpenAI's arguments are text; templates want the object */
    expect_chat("{% for c in messages[0].tool_calls %}{{ (c.function or c).arguments | tojson }};{% endfor %}",
                "[{\"role\": \"assistant\", \"tool_calls\": ["
                "{\"id\": \"1\", \"function\": {\"name\": \"f\", \"arguments\": \"{\\\"b\\\": 1, \\\"a\\\": 2}\"}},"
                "{\"name\": \"f\", \"arguments\": \"{}\"}, {\"function\": {\"arguments\": {\"a\": 1}}},"
                "{\"function\": {\"arguments\": \"{bad\"}}, {\"function\": {\"arguments\": \"[1]\"}}]}]",
                NULL, NULL, "{\"b\": 1, \"a\": 2};{};{\"a\": 1};\"{bad\";\"[1]\";");
}

static void bad_conversations(void **state) {
    (void)state;
    expect_bad_chat("{}", NULL, NULL, "messages: expected an array");
    expect_bad_chat("[{\"role\": \"user\"}, {\"role\": 1}]", NULL, NULL, "messages[1]");
    expect_bad_chat("[\"x\"]", NULL, NULL, "messages[0]");
    expect_bad_chat("[]", "{}", NULL, "tools: expected an array");
    expect_bad_chat("[]", NULL, "[]", "expected an object");
    expect_bad_chat("[]", NULL, "{\"tools\": 1}", "may not hold tools");
}

/* ---- allocation failures ---- */

static sil_err render_everything(void *ctx, struct mem mem) {
    static const char source[] =
        "{% set ns = namespace(a=1, s='') %}{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() if caller }}{% endmacro %}"
        "{% for k, v in d.items() if v %}{{ loop.last }}{{ loop.length }}{{ k ~ v }}{% set ns.s = ns.s + 'long enough a"
        " text to leave the small path of concatenation' %}{% endfor %}{% call m(1) %}{{ d | tojson(indent=2) }}{% "
        "endcall %}"
        "{{ 'a b c'.split() | map('upper') | sort(reverse=true) | join(', ') }}{% set t %}x{{ m }}{% endset %}"
        "{{ \"a\\n\" 'b' }}{{ [1, 2, 3, 4, 5, 6][::-2] }}{{ dict(a=1, b=2, c=3, d=4, e=5) }}{{ t[::-1] | title }}"
        "{% with q = 1 %}{% filter upper %}{{ q }} {{ '%5.2f' % 1.5 }}{% endfilter %}{% endwith %}";
    struct buf out;
    struct sil_error e = {0};
    (void)ctx;
    sil_err err = render_with(mem, source, "{\"d\": {\"a\": 1, \"b\": [2.5, null], \"c\": \"\"}}", NULL, 0, &out, &e);
    buf_free(&out);
    return err;
}

static void allocations_may_fail(void **state) {
    (void)state;
    assert_true(test_each_allocation(render_everything, NULL) > 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(language_equals_jinja),
        cmocka_unit_test(families_equal_jinja),
        cmocka_unit_test(deviations),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(data_is_bounded),
        cmocka_unit_test(accumulation_is_linear),
        cmocka_unit_test(growing_text_keeps_old_views),
        cmocka_unit_test(what_outlives_its_scope),
        cmocka_unit_test(output_is_appended_or_left_alone),
        cmocka_unit_test(time_is_given),
        cmocka_unit_test(conversations),
        cmocka_unit_test(bad_conversations),
        cmocka_unit_test(allocations_may_fail),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
