/* config_fields: the settings of the configuration as tables, which read YAML, check ranges and name what is allowed.
 * Private to config*.c. */
#ifndef SIL_SERVE_CONFIG_FIELDS_H
#define SIL_SERVE_CONFIG_FIELDS_H

#include "serve/config.h"

enum config_kind {
    CONFIG_U16,
    CONFIG_U32,
    CONFIG_U64,
    CONFIG_F32,
    CONFIG_F64,
    CONFIG_BOOL,
    CONFIG_MODE,   /* uint32_t: octal digits */
    CONFIG_MS,     /* uint32_t milliseconds: "10 s", "2ms", "10 min", "1 h" */
    CONFIG_BYTES,  /* uint64_t, or uint32_t where `narrow`: "32 KiB", "2 GiB", 512 */
    CONFIG_TEXT,   /* const char *; an empty text is NULL */
    CONFIG_PATH,   /* the same, relative to the folder of the file */
    CONFIG_CHOICE, /* an enum: one of `choices` */
    CONFIG_TEXTS,  /* const char *[max] and a uint32_t count */
    CONFIG_GROUP,  /* a mapping of `table` */
    CONFIG_LIST    /* a sequence of mappings of `table`, and a uint32_t count */
};

struct config_table;

struct config_field {
    const char *key;
    enum config_kind kind;
    bool narrow;
    bool live;        /* taken over by SIGHUP */
    size_t at;        /* offset from the struct of the table */
    double low, high; /* numbers */
    const char *choices;
    const struct config_table *table;
    size_t count_at, size;   /* TEXTS, LIST: offset of the count, bytes of one */
    uint32_t max;            /* and the most of them */
    void (*fill)(void *one); /* LIST: the defaults of one; NULL: zero */
    size_t place_at;         /* LIST: its struct config_place */
};

struct config_table {
    const struct config_field *fields;
    size_t n;
};

extern const struct config_table config_root;

/* The value of a number, as a double. */
double config_number(const struct config_field *f, const void *base);
bool config_is_number(const struct config_field *f);

#endif
