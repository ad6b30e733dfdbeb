/* sun_tables: the series behind sun.c, from NREL/TP-560-34302, tables A4.2 (after VSOP87, P. Bretagnon and G. Francou)
 * and A4.3 (IAU 1980 nutation). */
#ifndef SIL_PLAN_SUN_TABLES_H
#define SIL_PLAN_SUN_TABLES_H

#include <stddef.h>
#include <stdint.h>

/* a * cos(b + c * T), T in Julian millennia; a in 1e-8 rad or 1e-8 AU. */
struct sun_term {
    double a, b, c;
};

/* The terms of one power of T. */
struct sun_series {
    const struct sun_term *term;
    size_t n;
};

/* Heliocentric longitude and latitude of the Earth, and its distance; powers of T from 0 on. */
enum { SUN_L = 6, SUN_B = 2, SUN_R = 5 };
extern const struct sun_series sun_l[SUN_L], sun_b[SUN_B], sun_r[SUN_R];

/* Multiples of the five arguments, and coefficients of sine (longitude) and cosine (obliquity) in 0.0001". */
struct sun_nutation {
    int8_t y[5];
    double a, b, c, d;
};
extern const struct sun_nutation sun_nutation[];
extern const size_t sun_n_nutation;

#endif
