/* `sillok run` in a real terminal: Korean is typed, answers stream, Ctrl-C stops the answer and not the program. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "make_model.h"
#include "support.h"

/* A program in a pseudo-terminal, and what it has printed. */
struct terminal {
    int fd;
    pid_t pid;
    size_t n;
    char text[1 << 20];
};

static struct terminal term;

static const char *program(void) {
    const char *p = getenv("SILLOK");
    return p ? p : "build/sillok";
}

static void start(const char *const argv[]) {
    term.n = 0;
    term.text[0] = 0;
    term.pid = forkpty(&term.fd, NULL, NULL, NULL);
    assert_true(term.pid >= 0);
    if (term.pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("LC_ALL", "C", 1); /* the program must find a UTF-8 locale by itself */
        union {
            const char *const *from;
            char *const *to;
        } args = {.from = argv}; /* execv promises not to write */
        execv(program(), args.to);
        _exit(127);
    }
}

/* Reads what there is within ms; false at the end of output. */
static bool read_some(int ms) {
    struct pollfd p = {.fd = term.fd, .events = POLLIN};
    if (poll(&p, 1, ms) <= 0) return true;
    ssize_t k = read(term.fd, term.text + term.n, sizeof term.text - 1 - term.n);
    if (k <= 0) return false;
    term.n += (size_t)k;
    term.text[term.n] = '\0';
    return true;
}

/* Waits until `what` appears behind offset `from`; returns the offset behind it. */
static size_t expect(const char *what, size_t from) {
    struct test_wait w = {0};
    do {
        char *hit = from <= term.n ? strstr(term.text + from, what) : NULL;
        if (hit) return (size_t)(hit - term.text) + strlen(what);
    } while (read_some(100) && test_wait(&w));
    fail_msg("\"%s\" did not appear; the terminal shows: %s", what, term.text + from);
    return 0;
}

static void type(const char *s) {
    assert_int_equal(write(term.fd, s, strlen(s)), (ssize_t)strlen(s));
}

/* Waits until the line editor reads: it has the terminal's own editing of lines switched off. */
static void wait_for_editor(void) {
    struct test_wait w = {0};
    struct termios t = {0};
    do assert_int_equal(tcgetattr(term.fd, &t), 0);
    while ((t.c_lflag & ICANON) && test_wait(&w));
    assert_false(t.c_lflag & ICANON);
}

/* Waits for the program to end by itself; its exit status. */
static int finish(void) {
    int status = 0;
    pid_t ended;
    struct test_wait w = {0};
    while ((ended = waitpid(term.pid, &status, WNOHANG)) == 0 && test_wait(&w)) read_some(100);
    if (ended == 0) {
        kill(term.pid, SIGKILL);
        waitpid(term.pid, &status, 0);
    }
    close(term.fd);
    if (ended == 0) fail_msg("the program did not end; the terminal shows: %s", term.text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void make(char path[TEST_PATH], bool chat) {
    struct mm_spec spec = mm_default();
    spec.byte_bpe = spec.qwen3 = true;
    spec.chat = chat;
    spec.ctx = 4096;
    test_model(&spec, path);
}

static void test_conversation(void **state) {
    (void)state;
    char path[TEST_PATH];
    make(path, false);
    start((const char *const[]){"sillok", "run", path, "-n", "20", "--stats", NULL});
    size_t at = expect("> ", 0);
    type("안녕하세요\n");
    at = expect("안녕하세요", at); /* echoed whole by the line editor */
    at = expect("answer 20 tokens", at);
    at = expect("> ", at);
    type("가나\x7f다\n"); /* backspace takes a whole syllable */
    at = expect("answer 20 tokens", at);
    at = expect("> ", at);
    type("/nonsense\n");
    at = expect("unknown command /nonsense", at);
    type("/help\n");
    at = expect("/clear", at);
    type("/quit\n");
    assert_int_equal(finish(), 0);
    unlink(path);
}

static void test_interrupt(void **state) {
    (void)state;
    char path[TEST_PATH];
    make(path, false);
    start((const char *const[]){"sillok", "run", path, "--stats", "--cpu", "scalar", NULL});
    size_t at = expect("> ", 0);
    type("go\n");
    at = expect("\n", at);
    for (size_t n = term.n; term.n < n + 20;) assert_true(read_some(1000)); /* the answer has begun */
    type("\x03");
    at = expect("ended by stopped", at);
    at = expect("> ", at);
    for (int i = 0; i < 20; i++) { /* at the prompt it empties the line, even before the editor reads */
        type(i % 2 ? "half a line\x03" : "\x03");
        at = expect("^C", at);
        at = expect("> ", at);
    }
    type("/help\n");
    at = expect("/clear", at);
    at = expect("> ", at);
    wait_for_editor(); /* Ctrl-D counts only then */
    type("\x04");
    assert_int_equal(finish(), 0);
    unlink(path);
}

/* The conversation goes through the template, keeps its prefix, and can be begun anew. */
static void test_chat(void **state) {
    (void)state;
    char path[TEST_PATH];
    make(path, true);
    start((const char *const[]){"sillok", "run", path, "-n", "6", "--stats", "--system", "한국어로 답하세요.", NULL});
    size_t at = expect("> ", 0);
    type("안녕\n");
    at = expect("(0 reused)", at);
    at = expect("> ", at);
    type("또 안녕\n");
    at = expect(" tokens (", at);
    assert_true(atoi(term.text + at) > 20); /* the first turn was not read again */
    at = expect("answer 6 tokens", at);
    at = expect("seed 0", at);
    at = expect("> ", at);
    type("/again\n");
    at = expect("seed 1", at);
    at = expect("> ", at);
    type("/clear\n");
    at = expect("> ", at);
    type("/again\n");
    at = expect("no answer yet", at);
    type("/save\n");
    at = expect("/save FILE", at);
    char saved[80], command[100];
    snprintf(saved, sizeof saved, "%s.json", path);
    snprintf(command, sizeof command, "/save %s\n", saved);
    type("또\n");
    at = expect("answer 6 tokens", at);
    type(command);
    at = expect("3 messages written to", at);
    FILE *f = fopen(saved, "rb");
    char line[4096] = "";
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_non_null(strstr(line, "{\"role\":\"user\",\"content\":\"또\"},{\"role\":\"assistant\""));
    fclose(f);
    unlink(saved);
    type("/model /nowhere/none.gguf\n");
    at = expect("none.gguf", at);
    at = expect("> ", at);
    type("/again\n"); /* the old model still answers */
    at = expect("seed 2", at);
    snprintf(command, sizeof command, "/model %s\n", path);
    type(command);
    at = expect("/help tells more", at);
    at = expect("> ", at);
    type("/again\n");
    at = expect("no answer yet", at);
    at = expect("> ", at);
    type("/system 짧게.\n");
    at = expect("> ", at);
    type("//줄\n");
    at = expect("(0 reused)", at);
    at = expect("> ", at);
    wait_for_editor();
    type("\x04");
    assert_int_equal(finish(), 0);
    unlink(path);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conversation), cmocka_unit_test(test_interrupt),
                                       cmocka_unit_test(test_chat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
