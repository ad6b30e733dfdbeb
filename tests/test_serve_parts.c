/* Parts of the server by themselves: the list of events, syllables, errors, routes, the service manager. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "serve/answer.h"
#include "serve/notify.h"
#include "serve/route.h"
#include "support.h"
#include "text/hangul.h"

enum { EVENTS = 2000, SEED = 4711, TEXT_MAX = 1 << 16 };

/* ---- hangul ---- */

/* Pieces of any cut come out as the same text, and no piece ends inside of a run of jamo that the next one goes on
 * with. */
static void syllables_stay_together(void **state) {
    (void)state;
    static const char *const parts[] = {"가", "한글", "\xe1\x84\x92", "\xe1\x85\xa1", "\xe1\x86\xab",
                                        "a",  " ",    "\xed\x9f\x80"};
    struct rng r = {.seed = SEED};
    for (int round = 0; round < 500; round++) {
        struct hangul h = {0};
        struct buf in, out, piece;
        buf_init(&in, mem_libc(), TEXT_MAX);
        buf_init(&out, mem_libc(), TEXT_MAX);
        buf_init(&piece, mem_libc(), TEXT_MAX);
        uint32_t cp = 0, last = 0;
        for (int i = 0; i < 40; i++) {
            struct str part = str_of(parts[rng_below(&r, sizeof parts / sizeof *parts)]);
            assert_int_equal(buf_str(&in, part), SIL_OK);
            buf_clear(&piece);
            assert_int_equal(hangul_push(&h, part, &piece), SIL_OK);
            if (piece.n && out.n) {
                utf8_decode(piece.p, piece.n, &cp);
                utf8_decode(out.p + out.n - 3 * (out.n >= 3), 3, &last);
                if (out.n >= 3 && ((unsigned char)out.p[out.n - 3] & 0xf0) == 0xe0)
                    assert_false(hangul_conjoins(last) && hangul_conjoins(cp) && h.n + piece.n < HANGUL_HELD_MAX);
            }
            assert_int_equal(buf_str(&out, buf_view(&piece)), SIL_OK);
        }
        assert_int_equal(hangul_end(&h, &out), SIL_OK);
        assert_true(str_eq(buf_view(&in), buf_view(&out)));
        buf_free(&in);
        buf_free(&out);
        buf_free(&piece);
    }
}

/* Precomposed text passes at once; a run that no syllable has does not grow without end. */
static void syllables_do_not_wait(void **state) {
    (void)state;
    struct hangul h = {0};
    struct buf out;
    buf_init(&out, mem_libc(), TEXT_MAX);
    assert_int_equal(hangul_push(&h, STR("안녕"), &out), SIL_OK);
    assert_int_equal(out.n, 6);
    assert_int_equal(hangul_push(&h, STR("\xe1\x84\x92"), &out), SIL_OK);
    assert_int_equal(out.n, 6);
    assert_int_equal(hangul_push(&h, STR("\xe1\x85\xa1"), &out), SIL_OK);
    assert_int_equal(out.n, 6);
    assert_int_equal(hangul_push(&h, STR("!"), &out), SIL_OK);
    assert_int_equal(out.n, 13);
    for (int i = 0; i < 100; i++) assert_int_equal(hangul_push(&h, STR("\xe1\x84\x92"), &out), SIL_OK);
    assert_true(h.n <= HANGUL_HELD_MAX && out.n + h.n == 13 + 300);
    buf_free(&out);
}

/* ---- answer ---- */

/* A reader that sleeps on a condition, as a connection sleeps by being suspended. */
struct sleeper {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool awake;
};

static void fall_asleep(void *arg) {
    ((struct sleeper *)arg)->awake = false; /* under the answer's lock, as the wake is */
}

static void wake_up(void *arg) {
    struct sleeper *s = arg;
    pthread_mutex_lock(&s->lock);
    s->awake = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
}

/* Returns NULL when all could be written. */
static void *write_events(void *arg) {
    struct answer *a = arg;
    const struct answer_usage usage = {.n_prompt = 3, .n_answer = EVENTS};
    const uint64_t entry = 17;
    const struct str receipt = STR("receipt");
    const struct answer_record record = {.n = 1, .entries = &entry, .receipts = &receipt};
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct answer_token t = {.id = i};
        char text[16];
        snprintf(text, sizeof text, "%u,", i);
        if (answer_delta(a, 0, str_of(text), &t, 1) != SIL_OK) return a;
    }
    if (answer_finish(a, 0, FINISH_LENGTH, NULL) != SIL_OK) return a;
    return answer_done(a, &usage, &record) == SIL_OK ? NULL : a;
}

/* Every event comes, once, in order, however reader and writer meet. */
static void events_come_in_order(void **state) {
    (void)state;
    struct sleeper s = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    struct answer a;
    pthread_t writer;
    assert_int_equal(answer_init(&a, mem_libc()), SIL_OK);
    a.wake = wake_up;
    a.wake_arg = &s;
    assert_int_equal(pthread_create(&writer, NULL, write_events, &a), 0);
    uint32_t n = 0;
    const struct answer_event *ev = NULL;
    while (!ev || ev->kind != ANSWER_DONE) {
        ev = answer_next(&a);
        if (!ev) {
            pthread_mutex_lock(&s.lock);
            s.awake = true;
            pthread_mutex_unlock(&s.lock);
            if (!answer_sleep(&a, false, fall_asleep, &s)) continue;
            pthread_mutex_lock(&s.lock);
            while (!s.awake) pthread_cond_wait(&s.cond, &s.lock);
            pthread_mutex_unlock(&s.lock);
            continue;
        }
        if (ev->kind == ANSWER_DELTA) assert_int_equal(ev->tokens[0].id, n++);
    }
    assert_int_equal(n, EVENTS);
    assert_int_equal(ev->record->entries[0], 17);
    assert_true(str_eq(ev->record->receipts[0], STR("receipt")));
    assert_null(answer_next(&a));
    void *failed = &a;
    pthread_join(writer, &failed);
    assert_null(failed);
    answer_free(&a);
}

/* One fault, and nothing behind it; a cancelled reader does not sleep. */
static void faults_are_last(void **state) {
    (void)state;
    struct answer a;
    struct fault f, g;
    struct sleeper s = {.awake = true};
    assert_int_equal(answer_init(&a, mem_libc()), SIL_OK);
    fault_set(&f, 503, "no_record", NULL, "one");
    fault_set(&g, 500, NULL, NULL, "two");
    answer_fault(&a, &f);
    answer_fault(&a, &g);
    assert_int_equal(answer_reply(&a, STR("late")), SIL_OK);
    const struct answer_event *ev = answer_next(&a);
    assert_true(ev && ev->kind == ANSWER_FAULT && ev->fault->status == 503);
    assert_null(answer_next(&a));
    assert_false(answer_detach(&a));
    answer_free(&a);
    assert_int_equal(answer_init(&a, mem_libc()), SIL_OK);
    answer_cancel(&a);
    assert_false(answer_sleep(&a, false, fall_asleep, &s));
    assert_true(answer_is_cancelled(&a));
    answer_free(&a);
}

static sil_err fill_answer(void *ctx, struct mem mem) {
    (void)ctx;
    struct answer a;
    const struct sil_logprob top[2] = {{1, -1}, {2, -2}};
    const struct answer_token t = {.id = 5, .top = top, .n_top = 2};
    const struct answer_usage usage = {0};
    const uint64_t entry = 1;
    static char receipt[40000];
    const struct str text = {receipt, sizeof receipt};
    const struct answer_record record = {.n = 1, .entries = &entry, .receipts = &text};
    SIL_TRY(answer_init(&a, mem));
    sil_err err = answer_delta(&a, 0, STR("x"), &t, 1);
    if (err == SIL_OK) err = answer_finish(&a, 0, FINISH_STOP, NULL);
    if (err == SIL_OK) err = answer_done(&a, &usage, &record);
    struct fault f;
    fault_set(&f, 503, NULL, NULL, "no memory");
    if (err != SIL_OK) answer_fault(&a, &f);
    assert_true(a.ended);
    answer_free(&a);
    return err;
}

static void answers_without_memory(void **state) {
    (void)state;
    assert_true(test_each_allocation(fill_answer, NULL) >= 2);
}

/* ---- the rest ---- */

static void faults(void **state) {
    (void)state;
    struct fault f;
    struct sil_error e = {0};
    assert_false(fault_set(&f, 429, "rate", "x", "%s", "a\nb"));
    assert_string_equal(f.type, "rate_limit_error");
    assert_null(strchr(f.message, '\n'));
    static const struct {
        sil_err err;
        int status;
    } cases[] = {{SIL_ARG, 400},   {SIL_FORMAT, 400}, {SIL_CONTEXT, 400}, {SIL_UNSUPPORTED, 400},
                 {SIL_LIMIT, 413}, {SIL_NOMEM, 503},  {SIL_IO, 503},      {SIL_NONFINITE, 500}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err_set(&e, cases[i].err, "words");
        assert_false(fault_from(&f, &e, NULL));
        assert_int_equal(f.status, cases[i].status);
        assert_string_equal(f.message, "words");
    }
}

static void routes(void **state) {
    (void)state;
    struct fault f;
    const char *allow;
    const struct route *r = route_find("POST", "/v1/chat/completions", &allow, &f);
    assert_true(r && !r->open && r->work == WORK_CHAT);
    assert_true(route_find("GET", "/health", &allow, &f)->open);
    assert_true(route_find("HEAD", "/health", &allow, &f) != NULL);
    assert_true(route_find("GET", "/v1/models/a/b", &allow, &f)->prefix);
    assert_null(route_find("GET", "/v1/models/", &allow, &f));
    assert_int_equal(f.status, 404);
    assert_null(route_find("DELETE", "/v1/completions", &allow, &f));
    assert_int_equal(f.status, 405);
    assert_string_equal(allow, "POST");
    assert_null(route_find("GET", "/v1/modelsx", &allow, &f));
}

static void service_manager(void **state) {
    (void)state;
    char dir[] = "/tmp/sillok-notify-XXXXXX", path[64], got[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    notify_state(path, "READY=1");
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    assert_true(n == 7 && memcmp(got, "READY=1", 7) == 0);
    notify_reloading(path, 5000);
    n = recv(fd, got, sizeof got - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got, "RELOADING=1\nMONOTONIC_USEC=5");
    close(fd);
    unlink(path);
    rmdir(dir);
    notify_state(path, "READY=1"); /* nobody there: nothing happens */
    notify_state(NULL, "READY=1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syllables_stay_together),
        cmocka_unit_test(syllables_do_not_wait),
        cmocka_unit_test(events_come_in_order),
        cmocka_unit_test(faults_are_last),
        cmocka_unit_test(answers_without_memory),
        cmocka_unit_test(faults),
        cmocka_unit_test(routes),
        cmocka_unit_test(service_manager),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
