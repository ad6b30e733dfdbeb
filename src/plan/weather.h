/* weather: a typical year of 8,760 hours at a site, from an EPW or TMY3 file or made up from monthly normals.
 *
 * Time is local standard time. Hour i covers [i, i+1) hours after 1 January 00:00; a leap year's 29 February is left
 * out. Temperature, humidity, pressure and wind of hour i are those at its end (what EPW and TMY3 write beside that
 * hour); irradiances are means over it.
 *
 * EPW: EnergyPlus Auxiliary Programs, "EnergyPlus Weather File (EPW) Data Dictionary". TMY3: NREL/TP-581-43156.
 * Readers take bytes and allocate nothing; every error names the line and what is allowed. Nothing is filled in: a gap
 * is an error, since an invented hour could be the hottest one. */
#ifndef SIL_PLAN_WEATHER_H
#define SIL_PLAN_WEATHER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "plan/var.h"
#include "sillok.h"

enum { WEATHER_HOURS = 8760, WEATHER_TEXT = 128 };
enum { WEATHER_BYTES_MAX = 16 << 20 }; /* of a weather file, unpacked */

/* What the numbers rest on. Sites may be compared only within one class. */
enum weather_class { WEATHER_SYNTHETIC, WEATHER_EPW, WEATHER_TMY3 };

struct weather_hour {
    double dry_bulb_c, ratio, pressure_pa, wind_m_s; /* at the end of the hour; ratio: kg/kg dry air */
    double ghi_w_m2, dni_w_m2, dhi_w_m2;             /* global and diffuse horizontal, direct normal: means */
};

struct weather {
    enum weather_class class;
    char place[WEATHER_TEXT];                             /* "Incheon.WS, KOR" */
    char origin[WEATHER_TEXT];                            /* "EPW, SRC-TMYx 471120"; says so when synthetic */
    double latitude_deg, longitude_deg, zone_h, height_m; /* north and east positive */
    double moved_h[12]; /* by how much the irradiance of a month's rows was moved (weather_clock.c) */
    struct weather_hour hour[WEATHER_HOURS];
};

/* Group "weather" (weather_vars.c). */
enum { WEATHER_FROM_NORMALS, WEATHER_FROM_EPW, WEATHER_FROM_TMY3 };
enum { WEATHER_NORMALS_CUSTOM = 4 }; /* after Seoul, Incheon, Gunsan, Ulsan */

struct weather_config {
    int source;
    char file[PLAN_TEXT_MAX]; /* .epw, .csv, or either with .zst */
    /* Only for the synthetic year: */
    int normals;
    double month_c[12], month_rh[12];                     /* custom normals */
    double latitude_deg, longitude_deg, height_m, zone_s; /* of custom normals */
    double ghi_j_m2;                                      /* global horizontal irradiation of the year */
    double wind_m_s;                                      /* mean at 10 m */
    int64_t seed;
};
extern const struct plan_group weather_group;

/* The year that the configuration asks for. Opens files (only here). *out is given back with mem_free. */
sil_err weather_load(const struct weather_config *c, struct mem mem, struct weather **out, struct sil_error *e);

/* The parsers, on bytes. `name` is for messages. */
sil_err weather_epw(struct str bytes, const char *name, struct weather *out, struct sil_error *e);
sil_err weather_tmy3(struct str bytes, const char *name, struct weather *out, struct sil_error *e);

/* The synthetic year: monthly means of temperature and humidity (to 1e-6), the year's irradiation and the mean wind are
 * met; the days in between are an autoregressive process seeded by c->seed. A pure function of c. */
void weather_synthetic(const struct weather_config *c, struct weather *out);

/* Sets the irradiances of a file to the clock. Rows are said to hold the hour before their time, but many files hold
 * the hour around it, or something else, even by month: the middle of clear days tells, to half an hour. Sums are kept.
 * The readers call this; origin says so where something was moved. */
void weather_clock(struct weather *w);

/* Unpacks a zstd frame into b (within b->max). SIL_FORMAT when it is damaged, SIL_LIMIT when it is too large. */
sil_err weather_unzstd(struct str packed, const char *name, struct buf *b, struct sil_error *e);

/* "measured typical year (EPW)", "synthetic": for reports. */
const char *weather_class_name(enum weather_class class);

struct weather_summary {
    double mean_c, max_c, min_c, design_c;             /* dry bulb; design: exceeded 0.4 % of the year (35 h) */
    double wet_mean_c, wet_max_c, wet_design_c;        /* wet bulb, likewise */
    double ghi_j_m2, dni_j_m2, dhi_j_m2, wind_m_s, rh; /* sums of the year; means */
    double month_c[12], month_rh[12], month_ghi_j_m2[12];
};
void weather_summarise(const struct weather *w, struct weather_summary *out);

#endif
