/* page: the web console that the program carries: its files, how browsers may keep them, and what they may do.
 * The files are console/dist, put into the program by the assembler; console/README.md says how they are made. */
#ifndef SIL_SERVE_PAGE_H
#define SIL_SERVE_PAGE_H

#include <stdbool.h>

#include "base/str.h"

enum { PAGE_FILES = 3, PAGE_ETAG = 36 };

struct page {
    const char *path, *type;
    struct str body; /* lives as long as the program */
    char etag[PAGE_ETAG];
};

/* The files with their ETags, the first half of their SHA-256. */
void page_files(struct page out[PAGE_FILES]);

/* One of the headers that every page has, from 0 on; false past the last. */
bool page_header(unsigned i, const char **name, const char **value);
/* The same of a plan's report, which is text of a user: style of its own, pictures inside it, and nothing else at all.
 */
bool page_report_header(unsigned i, const char **name, const char **value);
/* Whether an If-None-Match header names this ETag. */
bool page_is_same(const char *if_none_match, const char *etag);

#endif
