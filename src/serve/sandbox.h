/* sandbox: what a server that was taken over could still do: little. Two steps, because one is inherited by threads and
 * the other reaches threads that run.
 *
 * sandbox_files, before any thread is made: from then on only these files can be opened (Landlock, since Linux 5.13):
 * the models and certificates to read, the settings to read, the state directory to read and write, what the kernel
 * says about the machine (/proc, /sys) to read. Nothing can be executed, and (since Linux 6.7) no TCP connection be
 * made.
 *
 * sandbox_calls, when everything runs: a list of system calls that serving needs (seccomp); all others fail, among them
 * every way to start a program, to connect a socket, to make one that is not a Unix socket, to look into other
 * processes, to make memory executable.
 *
 * Neither can be undone. Where the kernel has not got one, the server runs without, and its log says so. */
#ifndef SIL_SERVE_SANDBOX_H
#define SIL_SERVE_SANDBOX_H

#include "serve/config.h"

struct log;

enum { SANDBOX_WHY = 128 };

struct sandbox {
    bool files, calls;                                   /* in force */
    int landlock;                                        /* version of its interface; 0: none */
    char files_why[SANDBOX_WHY], calls_why[SANDBOX_WHY]; /* why not */
};

/* Makes the state directory where it is not there. Errors (SIL_IO) are those of a kernel that has Landlock and refuses:
 * a file that is not there, for one. */
sil_err sandbox_files(const struct config *c, struct sandbox *s, struct sil_error *e);
/* Holds for all threads of the process. */
sil_err sandbox_calls(struct sandbox *s, struct sil_error *e);
/* One line: what is in force and what is not. */
void sandbox_log(const struct sandbox *s, struct log *l);

#endif
