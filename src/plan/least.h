/* least: the lesser and the greater of two numbers, one instruction each (fmin and fmax are calls, for their care about
 * NaN). With a NaN the second is returned. */
#ifndef SIL_PLAN_LEAST_H
#define SIL_PLAN_LEAST_H

static inline double least(double a, double b) {
    return a < b ? a : b;
}

static inline double most(double a, double b) {
    return a > b ? a : b;
}

#endif
