/* near: the name that somebody may have meant. */
#ifndef SIL_BASE_NEAR_H
#define SIL_BASE_NEAR_H

#include <stddef.h>

/* The candidate nearest to `given` (at most one or two edits away, or beginning with it), or NULL when none is near.
 * Words above 32 bytes are never near. Of equals the first. */
const char *near_name(const char *given, const char *const *names, size_t n);

#endif
