/* design: a whole design, read from a YAML file into the modules' structs and checked against their declarations.
 *
 * A design file is one mapping. Keys with dots in a variable's path are nested mappings (or written with dots); lists
 * are sequences of mappings. Errors begin with "file:line:column: " and say what is allowed.
 *
 * Threads: a read design is plain data; copies are independent (scenarios set values in a copy). */
#ifndef SIL_PLAN_DESIGN_H
#define SIL_PLAN_DESIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/sha.h"
#include "base/str.h"
#include "plan/build.h"
#include "plan/config.h"
#include "plan/var.h"
#include "sillok.h"

enum {
    PLAN_DESIGN_BYTES_MAX = 1 << 20,
    PLAN_FILE_MAX = 4096,   /* bytes of the design file's path with its NUL */
    PLAN_PLACES_MAX = 8192, /* places where a value may stand: variables, and those of every possible list element */
    PLAN_PATH_MAX = 192,    /* "services[12].profile.hours" with its NUL */
};

/* The modules' configurations, one field per module in plan_modules[]. */
struct plan_design {
    struct plan_configs c;
    char file[PLAN_FILE_MAX];       /* for messages and for relative paths */
    char digest[SHA_HEX];           /* SHA-256 of the file's bytes; empty for defaults */
    uint32_t line[PLAN_PLACES_MAX]; /* where each value was given; 0: not given, the default holds */
};

/* Which group is where. */
struct plan_module {
    const struct plan_group *group;
    size_t offset; /* in struct plan_configs */
};
extern const struct plan_module plan_modules[];
extern const size_t plan_n_modules;

/* Everything at its default; file is "". */
void plan_design_defaults(struct plan_design *d);

/* Reads n bytes of YAML. `name` is the file's path, for messages and relative paths. On failure *d is unspecified. */
sil_err plan_design_parse(struct str yaml, const char *name, struct plan_design *d, struct sil_error *e);
/* As plan_design_parse, for a file. */
sil_err plan_design_read(const char *path, struct mem mem, struct plan_design *d, struct sil_error *e);

/* Ranges, required_if and the modules' own checks, on a design whose values were set in other ways. */
sil_err plan_design_check(const struct plan_design *d, struct sil_error *e);

/* One declared variable of a design; walks every module's variables, then its lists element by element. */
struct plan_item {
    const struct plan_module *module;
    const struct plan_list *list; /* NULL: not in a list */
    uint32_t element;
    const struct plan_var *var;
    const void *base; /* the struct that var->offset counts from */
    uint32_t line;    /* 0: default */
    /* Where the walk stands. */
    size_t i_module, i_list, i_var, place;
};

/* Start with a zeroed item; false at the end. */
bool plan_item_next(const struct plan_design *d, struct plan_item *it);
/* "services[2].peak_rate"; a list element's own name is used where it has one: "services[chat].peak_rate". */
void plan_item_path(const struct plan_item *it, char *out, size_t cap);

/* The item of a path (as plan_item_path writes, or with the element's number from 0). False when there is none. */
bool plan_design_find(const struct plan_design *d, const char *path, struct plan_item *it);
/* Sets a PLAN_NUM or PLAN_INT found by plan_design_find in this very design, to a value in SI. Not checked. */
void plan_item_set(struct plan_design *d, const struct plan_item *it, double si);

/* The path of a file named in the design, taken from the design's folder when relative. SIL_LIMIT when too long. */
sil_err plan_design_file(const struct plan_design *d, const char *path, char *out, size_t cap, struct sil_error *e);

#endif
