/* var: variables declared once. A module declares its configuration as one plain struct and one table of struct
 * plan_var; from the tables come the reading of design files with line-numbered errors, unit checks, help, `plan
 * sources`, the assumptions of a report and the bars of a tornado.
 *
 * A module NAME writes (values in the declared unit; the struct holds SI, see the unit table in unit.c):
 *
 *     struct site_config { double contract_w; int64_t feeders; bool island; int cooling; char name[PLAN_TEXT_MAX]; };
 *     static const struct plan_var vars[] = {
 *         {.path = "site.contract", .kind = PLAN_NUM, .unit = "MW", .lo = 0.05, .hi = 5000, .def = 250,
 *          .low = 200, .high = 300, .offset = offsetof(struct site_config, contract_w),
 *          .source = "press, 2026", .help_en = "contract power", .help_ko = "계약전력"},
 *     };
 *     const struct plan_group site_group = {.name = "site", .size = sizeof(struct site_config), .vars = vars, ...};
 *
 * Constants that a user cannot set are declared in the same way with .constant = true. All tables are const data. */
#ifndef SIL_PLAN_VAR_H
#define SIL_PLAN_VAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "sillok.h"

enum {
    PLAN_TEXT_MAX = 256, /* bytes of a text value with its NUL */
    PLAN_LIST_MAX = 64,  /* elements of any list */
    PLAN_NUMS_MAX = 64,  /* numbers of any PLAN_NUMS value */
};

/* What the value is, and the type of the field at `offset`. */
enum plan_kind {
    PLAN_NUM,    /* double, in the SI (or canonical) unit of the dimension of `unit` */
    PLAN_INT,    /* int64_t, a whole number without unit or of a counting unit */
    PLAN_BOOL,   /* bool: true or false */
    PLAN_CHOICE, /* int: index of the word in `choices` */
    PLAN_TEXT,   /* char[PLAN_TEXT_MAX], NUL-terminated UTF-8 without control characters */
    PLAN_PATH,   /* as PLAN_TEXT; a relative path is taken from the folder of the design file */
    PLAN_MONTH,  /* int64_t: year * 12 + month - 1; in the file 2028-03 or 2028Q1 (the first month of the quarter) */
    PLAN_NUMS,   /* double[n]: a list of numbers, all in `unit` */
};

/* Physical dimensions; each has one canonical unit (the first of its units in unit.c). Energy is J and power W inside;
 * prices per kWh, kW-month and million tokens keep the unit of their sheets: that is the money edge. */
enum plan_dim {
    PLAN_DIM_ONE,           /* 1; also % and per mille; bare numbers allowed */
    PLAN_DIM_COUNT,         /* 1: GPUs, racks, requests ...; bare numbers allowed */
    PLAN_DIM_TIME,          /* s */
    PLAN_DIM_POWER,         /* W */
    PLAN_DIM_ENERGY,        /* J */
    PLAN_DIM_TEMPERATURE,   /* degC */
    PLAN_DIM_TEMP_DIFF,     /* K */
    PLAN_DIM_PRESSURE,      /* Pa */
    PLAN_DIM_LENGTH,        /* m */
    PLAN_DIM_AREA,          /* m2 */
    PLAN_DIM_VOLUME,        /* m3 */
    PLAN_DIM_FLOW,          /* m3/s */
    PLAN_DIM_SPEED,         /* m/s */
    PLAN_DIM_ANGLE,         /* deg */
    PLAN_DIM_PER_K,         /* 1/K */
    PLAN_DIM_IRRADIANCE,    /* W/m2 */
    PLAN_DIM_IRRADIATION,   /* J/m2 */
    PLAN_DIM_DATA,          /* B */
    PLAN_DIM_DATA_RATE,     /* B/s */
    PLAN_DIM_COMPUTE,       /* FLOP/s */
    PLAN_DIM_WORK,          /* FLOP */
    PLAN_DIM_TOKENS,        /* token */
    PLAN_DIM_TOKEN_RATE,    /* token/s */
    PLAN_DIM_RATE,          /* 1/s: requests, failures */
    PLAN_DIM_PER_YEAR,      /* 1/year: growth, discount, escalation, degradation */
    PLAN_DIM_KRW,           /* KRW */
    PLAN_DIM_USD,           /* USD */
    PLAN_DIM_FX,            /* KRW/USD */
    PLAN_DIM_KRW_KWH,       /* KRW/kWh */
    PLAN_DIM_KRW_KW_MONTH,  /* KRW/kW-month */
    PLAN_DIM_KRW_KW,        /* KRW/kW: capex per power */
    PLAN_DIM_KRW_KWH_CAP,   /* KRW/kWh-capacity: capex per energy of storage */
    PLAN_DIM_USD_KW,        /* USD/kW */
    PLAN_DIM_USD_KWH_CAP,   /* USD/kWh-capacity */
    PLAN_DIM_KRW_M2,        /* KRW/m2 */
    PLAN_DIM_KRW_M3,        /* KRW/m3: water */
    PLAN_DIM_KRW_YEAR,      /* KRW/year */
    PLAN_DIM_USD_MTOK,      /* USD/Mtoken */
    PLAN_DIM_KRW_MTOK,      /* KRW/Mtoken */
    PLAN_DIM_USD_HOUR,      /* USD/h: a GPU-hour */
    PLAN_DIM_KRW_HOUR,      /* KRW/h */
    PLAN_DIM_CARBON,        /* kgCO2/kWh (= tCO2/MWh) */
    PLAN_DIM_KRW_TCO2,      /* KRW/tCO2 */
    PLAN_DIM_WATER_ENERGY,  /* L/kWh */
    PLAN_DIM_HEAT_CAPACITY, /* J/(kg K) */
    PLAN_DIM_HEAT,          /* J/kg */
    PLAN_DIM_DENSITY,       /* kg/m3 */
    PLAN_DIM_BYTES_TOKEN,   /* B/token */
    PLAN_DIM_JOULES_TOKEN,  /* J/token */
    PLAN_DIM_MASS,          /* kg */
    PLAN_N_DIMS,
};

struct plan_var {
    const char *path; /* "site.contract" in the file; inside a list relative to the element: "peak_rate" */
    enum plan_kind kind;
    bool constant; /* not settable: printed by `plan sources` only */
    /* NULL means a plain number ("1"). lo, hi, def, low, high and defs are in this unit; it is also the one that is
     * printed. A file may use every unit of the same dimension. */
    const char *unit;
    double lo, hi; /* what is allowed, both ends included; 0 and 0: any finite number (PLAN_NUM, PLAN_INT, PLAN_NUMS) */
    double def; /* default of NUM, INT, BOOL (0 or 1), MONTH (year*12+month-1); NAN: none, the field becomes NAN (0) */
    double low, high;     /* plausible spread for the tornado; 0 and 0: no bar */
    const char *text_def; /* default of CHOICE (the word; NULL: the first), TEXT and PATH (NULL: empty) */
    const double *defs;   /* default of NUMS, n (or n_defs) of them (NULL: def repeated) */
    uint32_t n;           /* NUMS: how many numbers; with count_offset at most so many */
    uint32_t n_defs;      /* NUMS with count_offset: how many defs there are; 0: n */
    size_t count_offset;  /* NUMS: where a uint32_t gets the number given; 0: exactly n (so never the first field) */
    const char *choices;  /* "dry|tower|chiller" */
    const char *source;   /* where the default or range comes from; "assumption: why" when it is one */
    const char *help_en, *help_ko; /* one line each, also the label in reports */
    /* NULL: optional. "always", or "weather.source=epw" (a CHOICE, BOOL or TEXT of any group; | between several values;
     * inside a list a path without dots is a sibling): then the file must give it. */
    const char *required_if;
    size_t offset; /* of the field in the module's struct; PLAN_NO_FIELD for a constant that lives in code */
};

#define PLAN_NO_FIELD ((size_t)-1)

/* A sequence of structs in the file, say services: [{...}, {...}]. */
struct plan_list {
    const char *path; /* "services"; a full path as for variables */
    const struct plan_var *vars;
    size_t n_vars;
    size_t offset; /* of the array in the module's struct: elem_size * max bytes */
    size_t elem_size;
    size_t count_offset; /* of a uint32_t */
    uint32_t min, max;   /* elements; max <= PLAN_LIST_MAX */
    const char *help_en, *help_ko;
};

/* The declarations of one module. Every module has one: weather_group, tariff_group ... */
struct plan_group {
    const char *name; /* for headings */
    const char *title_en, *title_ko;
    size_t size; /* of the module's struct */
    const struct plan_var *vars;
    size_t n_vars;
    const struct plan_list *lists;
    size_t n_lists;
    /* What ranges alone cannot say (a sum that must be 1, one date after another), on a struct filled from a file or
     * from defaults. NULL: nothing more. The text names the variables by path; lines are added by the reader: `path`
     * gets the path of the variable to blame (static text) when it is known. */
    sil_err (*check)(const void *config, const char **path, struct sil_error *e);
};

#define PLAN_COUNT(a) (sizeof(a) / sizeof *(a))

/* Fills a module's struct (group->size bytes) with the defaults; list counts become 0. Tests of a module start here. */
void plan_defaults(const struct plan_group *g, void *config);
/* Fills one element of a list with its defaults. */
void plan_list_defaults(const struct plan_list *l, void *element);

/* Whether two structs of a group hold the same values in its variables and lists. */
bool plan_same(const struct plan_group *g, const void *a, const void *b);

/* ---- units (unit.c) ---- */

struct plan_unit {
    const char *name;
    enum plan_dim dim;
    double scale, zero; /* canonical = value * scale + zero */
};

/* The unit of that name ("MW", "KRW/kW-month", "%", "degC"); NULL when unknown. NULL or "" gives the plain number. */
const struct plan_unit *plan_unit_find(struct str name);
/* The canonical unit's name of a dimension. */
const char *plan_dim_unit(enum plan_dim dim);
/* Writes "W, kW, MW, GW" for messages. Cut when cap is too small. */
void plan_dim_units(enum plan_dim dim, char *out, size_t cap);
/* A declared value (lo, hi, def, low, high) in the canonical unit. The unit must exist (asserted). */
double plan_si(const struct plan_var *v, double declared);
/* A canonical value in the unit of the declaration. */
double plan_shown(const struct plan_var *v, double si);

/* Reads "250 MW", "8,190 KRW/kW-month", "45 %", "3.5e3". Digits may be grouped with commas (1,000) or underscores; the
 * decimal sign is a point whatever the locale. SIL_FORMAT with the units that are allowed. */
sil_err plan_parse_number(struct str text, const struct plan_unit *want, double *canonical, struct sil_error *e);

/* ---- values as text, for help, sources and assumptions ---- */

/* The value of v inside a struct of its group (or element of its list) in the declared unit, without the unit: "250",
 * "dry", "true", "2028-03". Numbers as %.6g. Cut when cap is too small. */
void plan_value_text(const struct plan_var *v, const void *config, char *out, size_t cap);
/* Index of a word in "a|b|c", or -1. */
int plan_choice_find(const char *choices, struct str word);
/* The i-th word of "a|b|c"; empty when there is none. */
struct str plan_choice_name(const char *choices, int i);

#endif
