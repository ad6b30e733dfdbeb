/* The server's configuration: values and units, the place of every mistake, checks that hold without a file too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/config.h"
#include "support.h"

static struct config config;
static struct sil_error err;

/* The message, or "" */
static const char *parse(const char *yaml) {
    err = (struct sil_error){0};
    config_free(&config);
    return config_parse(mem_libc(), str_of(yaml), "etc/x.yaml", &config, &err) == SIL_OK ? "" : err.text;
}

static const char *check(void) {
    err = (struct sil_error){0};
    return config_check(&config, &err) == SIL_OK ? "" : err.text;
}

static void expect(const char *got, const char *want) {
    if (!strstr(got, want)) fail_msg("\"%s\" is not in \"%s\"", want, got);
}

static void defaults(void **state) {
    (void)state;
    config_default(&config);
    assert_string_equal(config.listen[0].address, "127.0.0.1");
    assert_int_equal(config.listen[0].port, 8080);
    assert_true(config.keys && config.sandbox && config.receipts && !config.metrics_open && !config.cors_origin);
    assert_int_equal(config.transcript, TRANSCRIPT_IDS);
    expect(check(), "models: none is given");
}

/* The example shows every setting, and with its default. */
static void example(void **state) {
    (void)state;
    struct config d;
    config_default(&d);
    config_free(&config);
    err = (struct sil_error){0};
    if (config_read("examples/serve.yaml", &config, &err) != SIL_OK) fail_msg("%s", err.text);
    assert_int_equal(config.n_models, 1);
    assert_string_equal(config.models[0].path, "examples/../models/guide.gguf");
    assert_memory_equal(&config.limits, &d.limits, sizeof d.limits);
    assert_memory_equal(&config.rates, &d.rates, sizeof d.rates);
    struct config_model m;
    config_model_default(&m);
    assert_memory_equal(&config.models[0].sampling, &m.sampling, sizeof m.sampling);
    assert_string_equal(config.models[0].think_begin, m.think_begin);
    assert_string_equal(config.origin, d.origin);
    assert_int_equal(config.listen[0].port, d.listen[0].port);
    assert_int_equal(config.http_threads, d.http_threads);
    assert_int_equal(config.transcript, d.transcript);
    assert_true(config.keys == d.keys && config.sandbox == d.sandbox && config.vllm_metrics == d.vllm_metrics &&
                config.receipts == d.receipts && config.metrics_open == d.metrics_open);
    config_free(&config);
}

static void values(void **state) {
    (void)state;
    assert_string_equal(
        parse("listen:\n  - {address: '::1', port: 0}\n  - {path: run/s.sock, mode: 0600}\n"
              "limits: {body_bytes: 2.5 MiB, idle_timeout: 1.5min, request_timeout: 0, report_timeout: 5 min, "
              "header_bytes: 4096,"
              " header_timeout: 10.1 s}\n"
              "memory: 3 TiB\nkeys: false\ncors_origin: '*'\nledger: {transcript: text, receipts: false}\n"
              "log: {level: warn}\npower: {watts_max: 250.5}\nstate: /var/lib/x\n"
              "models:\n  - {name: a, path: m.gguf, kv: int8, kv_memory: 1 GiB, aliases: [b, c],\n"
              "     think_begin: '', think_end: '', sampling: {temperature: 0.5, top_k: 40}}\n"),
        "");
    assert_int_equal(config.n_listen, 2);
    assert_string_equal(config.listen[0].address, "::1");
    assert_int_equal(config.listen[0].port, 0);
    assert_null(config.listen[1].address);
    assert_string_equal(config.listen[1].path, "etc/run/s.sock");
    assert_int_equal(config.listen[1].mode, 0600);
    assert_int_equal(config.limits.body_bytes, 5 << 19);
    assert_int_equal(config.limits.idle_ms, 90000);
    assert_int_equal(config.limits.request_ms, 0);
    assert_int_equal(config.limits.plan_ms, 20000);
    assert_int_equal(config.limits.report_ms, 300000);
    assert_int_equal(config.limits.header_ms, 10100);
    assert_int_equal(config.limits.header_bytes, 4096);
    assert_true(config.memory_bytes == 3ull << 40);
    assert_false(config.keys);
    assert_int_equal(config.transcript, TRANSCRIPT_TEXT);
    assert_int_equal(config.log_level, LOG_WARN);
    assert_true(config.watts_max == 250.5);
    assert_string_equal(config.state, "/var/lib/x");
    const struct config_model *m = &config.models[0];
    assert_string_equal(m->path, "etc/m.gguf");
    assert_int_equal(m->kv, SIL_KV_INT8);
    assert_int_equal(m->kv_bytes, 1 << 30);
    assert_string_equal(m->aliases[1], "c");
    assert_null(m->think_begin);
    assert_true(m->sampling.temperature == 0.5f && m->sampling.top_k == 40 && m->sampling.top_p == 1);
    assert_int_equal(m->place.line, 13);
}

static void mistakes_have_a_place(void **state) {
    (void)state;
    const struct {
        const char *yaml, *want;
    } cases[] = {
        {"keyes: true\n", "etc/x.yaml:1:1: unknown key \"keyes\" (did you mean keys?)"},
        {"limits:\n  waitin: 3\n", "etc/x.yaml:2:3: unknown key \"waitin\" (did you mean waiting?)"},
        {"models:\n  - name: a\n    pth: b\n", "etc/x.yaml:3:5: unknown key \"pth\" (did you mean path?)"},
        {"zzz: 1\n", "allowed here: listen, models"},
        {"threads: many\n", "etc/x.yaml:1:10: threads is \"many\", not a number"},
        {"threads: -1\n", "etc/x.yaml:1:10: threads is -1; allowed: 0 to 1024"},
        {"threads: 1.5\n", "threads must be a whole number"},
        {"workers: 0\n", "workers is 0; allowed: 1 to 64"},
        {"keys: yes\n", "keys is \"yes\"; allowed: true, false"},
        {"log: {level: loud}\n", "log.level is \"loud\"; allowed: debug|info|warn|error"},
        {"limits: {idle_timeout: 10}\n", "limits.idle_timeout is \"10\", not a time"},
        {"limits: {idle_timeout: 10 weeks}\n", "not a time"},
        {"limits: {idle_timeout: 1e9 s}\n", "not a time"},
        {"limits: {idle_timeout: 99999 h}\n", "allowed: 1 to 86400000 ms"},
        {"limits: {idle_timeout: .}\n", "not a time"},
        {"limits: {body_bytes: 1 KB}\n", "not a size"},
        {"limits: {body_bytes: 999 TiB}\n", "allowed: 1024 to 1073741824 bytes"},
        {"listen: 8080\n", "listen must be a list"},
        {"listen:\n  - 8080\n", "etc/x.yaml:2:5: a mapping of keys is needed here"},
        {"listen:\n  - {path: a, mode: 0999}\n", "octal digits"},
        {"listen:\n  - {path: a, mode: 07777}\n", "allowed: 0000 to 0777"},
        {"listen:\n  - {port: 70000}\n", "etc/x.yaml:2:12: listen.port is 70000"},
        {"state: [a]\n", "state must be one value"},
        {"state: \"a\\x00b\"\n", "control character"},
        {"cpu: a\ncpu: b\n", "etc/x.yaml:2:1: cpu was given before, in line 1"},
        {"limits: 3\n", "etc/x.yaml:1:9: a mapping of keys"},
        {"- a\n", "etc/x.yaml:1:1: a mapping of keys"},
        {"a: [\n", "not YAML"},
        {"", "the file is empty"},
        {"models:\n  - {name: a, aliases: [b, '']}\n", "models.aliases: an empty name"},
        {"models: &m\n  - {name: a, aliases: *m}\n", "must be one value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect(parse(cases[i].yaml), cases[i].want);
}

#define MODEL                                                                                                          \
    "models:\n  - {name: a, path: ../README.md}\n" /* a file that is there; the server finds it is no GGUF             \
                                                    */

static const char *both(const char *yaml) {
    err = (struct sil_error){0};
    config_free(&config);
    if (config_parse(mem_libc(), str_of(yaml), "src/x.yaml", &config, &err) != SIL_OK) return err.text;
    return check();
}

static void checks(void **state) {
    (void)state;
    const struct {
        const char *yaml, *want;
    } cases[] = {
        {"keys: true\n", "models: none is given"},
        {"models:\n  - {path: ../README.md}\n", "src/x.yaml:2:5: models: name is missing"},
        {"models:\n  - {name: a}\n", "src/x.yaml:2:5: models: path is missing"},
        {"models:\n  - {name: a, path: no.gguf}\n", "src/x.yaml:2:5: models: src/no.gguf is not there"},
        {"models:\n  - {name: a b, path: ../README.md}\n", "is no name"},
        {MODEL "  - {name: b, path: ../README.md, aliases: [a]}\n", "src/x.yaml:3:5: models: two are called \"a\""},
        {"models:\n  - {name: a, path: ../README.md, aliases: [a]}\n", "two are called"},
        {"models:\n  - {name: a, path: ../README.md, sessions: 2, kv_memory: 1 MiB}\n", "sessions or kv_memory"},
        {"models:\n  - {name: a, path: ../README.md, think_end: ''}\n", "belong together"},
        {MODEL "listen: []\n", "listen: at least one"},
        {MODEL "listen: [{port: 1}]\n", "src/x.yaml:3:10: listen: give an address"},
        {MODEL "listen: [{address: 127.0.0.1, path: a}]\n", "give an address (with a port) or the path"},
        {MODEL "listen: [{address: localhost}]\n", "\"localhost\" is not an IP address"},
        {MODEL "listen: [{address: 127.0.0.1, tls_cert: a}]\n", "belong together"},
        {MODEL "listen: [{address: 127.0.0.1, tls_cert: a, tls_key: b}]\n", "tls_cert src/a is not there"},
        {MODEL "listen: [{address: 127.0.0.1}, {address: 127.0.0.1}]\n",
         "src/x.yaml:3:32: listen: the same as one before"},
        {MODEL "listen: [{address: 0.0.0.0}]\nkeys: false\n", "without keys"},
        {MODEL "ledger: {origin: 'a b'}\n", "ledger.origin"},
        {MODEL "cors_origin: example.com\n", "cors_origin"},
        {MODEL "cors_origin: https://example.com/a\n", "cors_origin"},
        {MODEL "cpu: fast\n", "cpu: "},
        {MODEL "state: ''\n", "state: a folder is needed"},
        {MODEL "limits: {waiting: 5, waiting_per_tenant: 6}\n", "above limits.waiting"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect(both(cases[i].yaml), cases[i].want);
    assert_string_equal(both(MODEL "cors_origin: https://example.com:8443\nlisten: [{address: '::1'}]\nkeys: false\n"),
                        "");
    /* Numbers that came from arguments. */
    config.limits.connections = 0;
    expect(check(), "connections is 0; allowed: 1 to");
    config.limits.connections = 1;
    config.models[0].sampling.top_p = 2;
    expect(check(), "src/x.yaml:2:5: top_p is 2");
    config.models[0].sampling.top_p = 1;
    config.n_models = CONFIG_MODELS_MAX + 1;
    expect(check(), "models has 65 elements");
}

static void changes(void **state) {
    (void)state;
    static const char first[] = "threads: 2\nlimits: {waiting: 5, waiting_per_tenant: 5}\nlisten: [{address: '::1'}]\n";
    const struct {
        const char *yaml, *want;
    } cases[] = {
        {first, ""},
        {"threads: 2\nlimits: {waiting: 5, waiting_per_tenant: 5}\nlisten: [{address: '::1', tls_cert: a, tls_key: "
         "b}]\n"
         "rates: {concurrent: 4}\nlog: {level: debug}\nkeys: false\nledger: {transcript: none}\n",
         ""},
        {"threads: 3\nlimits: {waiting: 6, waiting_per_tenant: 5}\nlisten: [{address: '::1', port: 1}]\nmetrics: "
         "{open: "
         "true}\n",
         "listen, threads, limits.waiting, metrics.open"},
        {"threads: 2\nlimits: {waiting: 5, waiting_per_tenant: 5}\nlisten: [{address: '::1'}, {path: a}]\nstate: b\n"
         "models: [{name: a, path: b, sampling: {top_k: 4}}]\npower: {watts_max: 1}\ncors_origin: '*'\n",
         "listen, models, state, cors_origin, power.watts_max"},
    };
    struct config old;
    struct sil_error e = {0};
    assert_int_equal(config_parse(mem_libc(), str_of(first), "etc/x.yaml", &old, &e), SIL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        buf_init(&b, mem_libc(), 4096);
        assert_string_equal(parse(cases[i].yaml), "");
        assert_int_equal(config_changes(&old, &config, &b), SIL_OK);
        assert_string_equal(b.n ? b.p : "", cases[i].want);
        buf_free(&b);
    }
    config_free(&old);
}

static sil_err allocate(void *ctx, struct mem mem) {
    struct config c;
    struct sil_error e;
    sil_err r = config_parse(mem, str_of(ctx), "etc/x.yaml", &c, &e);
    if (r == SIL_OK) config_free(&c);
    return r;
}

static void allocation_failures(void **state) {
    (void)state;
    char yaml[] = "state: /var/lib/sillok\nmodels:\n  - {name: a, path: b, aliases: [c]}\n";
    assert_true(test_each_allocation(allocate, yaml) >= 1);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(example),
        cmocka_unit_test(values),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(checks),
        cmocka_unit_test(changes),
        cmocka_unit_test(allocation_failures),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    config_free(&config);
    return failed;
}
