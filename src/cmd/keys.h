/* keys: what is typed at the prompt, one character at a time, so that no Ctrl-C is missed. */
#ifndef SIL_CMD_KEYS_H
#define SIL_CMD_KEYS_H

#include <histedit.h>
#include <signal.h>
#include <stdbool.h>

/* Where the line editor reads from; it outlives the editor. */
struct keys {
    int fd;
    volatile sig_atomic_t *interrupted; /* set by the handler of SIGINT */
};

/* Lets el read its characters (UTF-8) through k. A character that is no UTF-8 becomes U+FFFD. When *k->interrupted is
 * set, before the read or during it, el_gets returns NULL: between the look at the flag and the wait the signal is
 * blocked, so it cannot fall in between. Returns false when the editor refuses. */
bool keys_attach(EditLine *el, struct keys *k);

#endif
