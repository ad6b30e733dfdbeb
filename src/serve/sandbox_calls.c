/* sandbox_calls: the system calls that a running server needs, by name, so that one list serves every processor.
 * What is forbidden on purpose fails with EPERM; what is not known here with ENOSYS, on which the C library falls back
 * to older calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/err.h"
#include "serve/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *const allowed[] = {
    /* reading and writing */
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "lseek",
    "close",
    "close_range",
    "sendfile",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "flock",
    "fcntl",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "eventfd2",
    /* files, as far as Landlock lets them */
    "open",
    "openat",
    "stat",
    "lstat",
    "fstat",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents64",
    "mkdir",
    "mkdirat",
    "rmdir",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "truncate",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchown",
    "umask",
    "utimensat",
    /* memory (mmap and mprotect below) */
    "munmap",
    "mremap",
    "madvise",
    "mincore",
    "msync",
    "brk",
    "membarrier",
    /* threads and time */
    "futex",
    "futex_time64",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "set_tid_address",
    "rseq",
    "exit",
    "exit_group",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "getcpu",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "getrlimit",
    "sysinfo",
    "uname",
    "getrandom",
    "restart_syscall",
    /* signals */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    "rt_sigpending",
    "sigaltstack",
    "tgkill",
    "pause",
    "signalfd4",
    /* connections that come in */
    "accept",
    "accept4",
    "listen",
    "recvfrom",
    "recvmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvmmsg",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "timerfd_create",
    "timerfd_settime",
};

/* Said plainly, where the default would say that there is no such call. */
static const char *const forbidden[] = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "connect",
    "bind",
    "socketpair",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_open",
    "pidfd_getfd",
    "kill",
    "tkill",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "keyctl",
    "add_key",
    "request_key",
    "open_by_handle_at",
    "memfd_create",
    "personality",
    "reboot",
    "settimeofday",
    "clock_settime",
    "setuid",
    "setgid",
    "setresuid",
    "setresgid",
    "setgroups",
    "capset",
    "mknod",
    "mknodat",
    "symlink",
    "symlinkat",
    "setxattr",
    "modify_ldt",
};

static int rule(scmp_filter_ctx f, uint32_t action, const char *name, unsigned n, const struct scmp_arg_cmp *args) {
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR) return 0; /* a library that does not know it yet: the default holds */
    int rc = seccomp_rule_add_array(f, action, call, n, args);
    /* Pseudo calls that this processor has not got. */
    return rc == -EDOM || rc == -EINVAL ? (call < 0 ? 0 : rc) : rc;
}

static int allow_list(scmp_filter_ctx f, const char *const *names, size_t n, uint32_t action) {
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) rc = rule(f, action, names[i], 0, NULL);
    return rc;
}

/* Calls that depend on what they are given. What no rule of a call fits is left to the default: no such call. */
static int allow_some(scmp_filter_ctx f) {
    static const unsigned long ioctls[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO};
    static const int names[] = {PR_SET_NAME, PR_GET_NAME, 0x53564d41 /* PR_SET_VMA: glibc names its memory */};
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    const struct scmp_arg_cmp local = SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0);
    const struct scmp_arg_cmp read_limit = SCMP_A2(SCMP_CMP_EQ, 0, 0);
    int rc = rule(f, SCMP_ACT_ALLOW, "mmap", 1, &no_exec);
    if (rc == 0) rc = rule(f, SCMP_ACT_ALLOW, "mprotect", 1, &no_exec);
    if (rc == 0) rc = rule(f, SCMP_ACT_ALLOW, "clone", 1, &thread); /* clone3 is not known: glibc uses clone */
    if (rc == 0) rc = rule(f, SCMP_ACT_ALLOW, "socket", 1, &local); /* to the service manager, by sendto */
    if (rc == 0) rc = rule(f, SCMP_ACT_ALLOW, "prlimit64", 1, &read_limit);
    for (size_t i = 0; i < sizeof ioctls / sizeof *ioctls && rc == 0; i++) {
        const struct scmp_arg_cmp one = SCMP_A1(SCMP_CMP_EQ, ioctls[i], 0);
        rc = rule(f, SCMP_ACT_ALLOW, "ioctl", 1, &one);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names && rc == 0; i++) {
        const struct scmp_arg_cmp one = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)names[i], 0);
        rc = rule(f, SCMP_ACT_ALLOW, "prctl", 1, &one);
    }
    return rc;
}

sil_err sandbox_calls(struct sandbox *s, struct sil_error *e) {
    if (SANITIZED) { /* their reports at the end need calls that nothing else does */
        snprintf(s->calls_why, sizeof s->calls_why, "built with a sanitizer");
        return SIL_OK;
    }
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!f) return err_nomem(e, "the list of system calls", 0);
    int rc = allow_list(f, allowed, sizeof allowed / sizeof *allowed, SCMP_ACT_ALLOW);
    if (rc == 0) rc = allow_list(f, forbidden, sizeof forbidden / sizeof *forbidden, SCMP_ACT_ERRNO(EPERM));
    if (rc == 0) rc = allow_some(f);
    if (rc == 0) rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0) rc = seccomp_load(f);
    seccomp_release(f);
    if (rc == 0) {
        s->calls = true;
        return SIL_OK;
    }
    /* EINVAL, ENOSYS: a kernel without seccomp; an outer sandbox (a container's) may refuse as well. */
    snprintf(s->calls_why, sizeof s->calls_why, "the kernel refuses the list of system calls (error %d)", -rc);
    return SIL_OK;
}
