/* The sandbox: in a child process what must fail fails, and what the server does still works. tsan: threads. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve/gate_impl.h"
#include "serve/notify.h"
#include "serve/sandbox.h"
#include "support.h"

static char folder[256], state[300], model[300], secret_file[300], socket_path[300];
static struct config config;

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int setup(void **unused) {
    (void)unused;
    snprintf(folder, sizeof folder, "%s", test_folder());
    snprintf(state, sizeof state, "%s/state", folder);
    snprintf(model, sizeof model, "%s/model.gguf", folder);
    snprintf(secret_file, sizeof secret_file, "%s/secret", folder);
    snprintf(socket_path, sizeof socket_path, "%s/state/s.sock", folder);
    assert_int_equal(mkdir(state, 0700), 0);
    write_file(model, "a model");
    write_file(secret_file, "a secret");
    config_default(&config);
    config.state = state;
    config.listen[0] = (struct config_listen){.path = socket_path};
    config.n_models = 1;
    config.models[0] = (struct config_model){.name = "a", .path = model};
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    static const char *const names[] = {"keys.db", "keys.db-wal", "keys.db-shm", "s.sock", "new"};
    char path[400];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", state, names[i]);
        unlink(path);
    }
    unlink(model);
    unlink(secret_file);
    rmdir(state);
    return rmdir(folder);
}

/* Each check is a line of the child's report, so that a failure names itself. */
#define WANT(x)                                                                                                        \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            dprintf(2, "# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #x, errno);                                     \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static bool opens(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static int check_files(void) {
    struct sandbox s = {0};
    struct sil_error e = {0};
    char path[400];
    WANT(sandbox_files(&config, &s, &e) == SIL_OK);
    if (!s.files) return 77;
    snprintf(path, sizeof path, "%s/new", state);
    WANT(opens(path, O_RDWR | O_CREAT));
    WANT(unlink(path) == 0);
    WANT(opens(model, O_RDONLY));
    WANT(!opens(model, O_RDWR) && errno == EACCES);
    WANT(truncate(model, 0) != 0);
    WANT(!opens(secret_file, O_RDONLY) && errno == EACCES);
    WANT(!opens("/etc/passwd", O_RDONLY) && errno == EACCES);
    WANT(unlink(model) != 0);
    snprintf(path, sizeof path, "%s/elsewhere", folder);
    WANT(!opens(path, O_RDWR | O_CREAT));
    WANT(opens("/proc/self/status", O_RDONLY));
    WANT(opens("/dev/null", O_RDWR));
    execl("/bin/true", "true", (char *)NULL);
    WANT(errno == EACCES);
    return 0;
}

/* A thread made before: the list of calls holds for it too. */
struct other {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool go;
    int result;
};

static void *other_thread(void *arg) {
    struct other *o = arg;
    pthread_mutex_lock(&o->lock);
    while (!o->go) pthread_cond_wait(&o->wake, &o->lock);
    o->result = socket(AF_INET, SOCK_STREAM, 0) < 0 ? 0 : 1;
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static void *new_thread(void *arg) {
    *(int *)arg = 1;
    return NULL;
}

static int forbidden_calls(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un u = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    WANT(socket(AF_INET, SOCK_STREAM, 0) < 0);
    WANT(socket(AF_INET6, SOCK_DGRAM, 0) < 0);
    WANT(socket(AF_NETLINK, SOCK_RAW, 0) < 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    WANT(fd >= 0);
    WANT(connect(fd, (struct sockaddr *)&a, sizeof a) != 0 && errno == EPERM);
    WANT(connect(fd, (struct sockaddr *)&u, sizeof u) != 0 && errno == EPERM);
    WANT(execve("/bin/true", argv, argv + 1) != 0 && errno == EPERM);
    WANT(fork() < 0);
    WANT(syscall(SYS_ptrace, 0, 0, 0, 0) != 0 && errno == EPERM);
    WANT(syscall(SYS_io_uring_setup, 1, NULL) != 0 && errno == EPERM);
    WANT(kill(getppid(), 0) != 0 && errno == EPERM);
    WANT(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WANT(p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0);
    WANT(syscall(SYS_memfd_create, "x", 0) < 0);
    WANT(syscall(100000) < 0 && errno == ENOSYS);
    close(fd);
    return 0;
}

/* A gate, a listening socket and a thread, as the server has them, go on. */
static int check_calls(void) {
    struct sandbox s = {0};
    struct sil_error e = {0};
    struct gate *g = NULL;
    struct other o = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 2};
    pthread_t t;
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    int made = 0;
    WANT(sandbox_files(&config, &s, &e) == SIL_OK);
    WANT(gate_open(&config, clock_system(), &g, &e) == SIL_OK);
    memcpy(u.sun_path, socket_path, strlen(socket_path) < sizeof u.sun_path ? strlen(socket_path) : 0);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    WANT(bind(listening, (struct sockaddr *)&u, sizeof u) == 0 && listen(listening, 8) == 0);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    WANT(connect(client, (struct sockaddr *)&u, sizeof u) == 0);
    WANT(pthread_create(&t, NULL, other_thread, &o) == 0);
    WANT(sandbox_calls(&s, &e) == SIL_OK);
    if (!s.calls) {
        dprintf(2, "# %s\n", s.calls_why);
        return 77;
    }
    pthread_mutex_lock(&o.lock);
    o.go = true;
    pthread_cond_signal(&o.wake);
    pthread_mutex_unlock(&o.lock);
    pthread_join(t, NULL);
    WANT(o.result == 0);
    if (forbidden_calls() != 0) return 1;
    char byte = 'x';
    int in = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    WANT(in >= 0 && send(in, &byte, 1, MSG_NOSIGNAL) == 1 && recv(client, &byte, 1, 0) == 1);
    WANT(pthread_create(&t, NULL, new_thread, &made) == 0);
    pthread_join(t, NULL);
    WANT(made == 1);
    void *big = malloc(64 << 20);
    WANT(big != NULL);
    free(big);
    notify_state(socket_path, "READY=1"); /* nobody there: nothing happens */
    struct gate_usage row = {.day = 1, .model = "a", .requests = 1};
    WANT(gate_db_usage_add(g->db, &row, 1, &e) == SIL_OK);
    WANT(gate_poll(g, &e) == SIL_OK);
    struct config same = config;
    WANT(gate_reload(g, &same, &e) == SIL_OK);
    gate_close(g);
    /* Another database of its own: files are made and removed. */
    WANT(gate_open(&config, clock_system(), &g, &e) == SIL_OK);
    gate_close(g);
    return 0;
}

/* Runs it in a child: 0 when all is well, 77 when the machine has no such sandbox. */
static int in_child(int (*check)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(300);
        _exit(check());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) fail_msg("the child died of signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void files(void **unused) {
    (void)unused;
    int rc = in_child(check_files);
    if (rc == 77) TEST_SKIP("this kernel has no Landlock");
    else assert_int_equal(rc, 0);
}

static void calls(void **unused) {
    (void)unused;
    int rc = in_child(check_calls);
    if (rc == 77) TEST_SKIP("no list of system calls here");
    else assert_int_equal(rc, 0);
}

static int check_missing(void) {
    struct sandbox s = {0};
    struct sil_error e = {0};
    config.models[0].path = "/no/such/model.gguf";
    sil_err err = sandbox_files(&config, &s, &e);
    if (err == SIL_OK && s.landlock == 0) return 77;
    WANT(err == SIL_IO && strstr(e.text, "/no/such/model.gguf") && strstr(e.text, "sandbox: false"));
    return 0;
}

static void missing(void **unused) {
    (void)unused;
    int rc = in_child(check_missing);
    if (rc == 77) TEST_SKIP("this kernel has no Landlock");
    else assert_int_equal(rc, 0);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files, setup, teardown),
        cmocka_unit_test_setup_teardown(calls, setup, teardown),
        cmocka_unit_test_setup_teardown(missing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
