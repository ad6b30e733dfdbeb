/* elementary: exp, log, sin, cos, tanh, erf in fixed sequences of correctly rounded operations (rule 6). The stated
 * errors are in units in the last place, measured against GNU MPFR by tests/test_elementary.c. */
#ifndef SIL_NUM_ELEMENTARY_H
#define SIL_NUM_ELEMENTARY_H

float num_expf(float x); /* +0 below -80, +infinity above its range, NaN for NaN */
float num_logf(float x);
float num_tanhf(float x);
float num_erff(float x);
float num_sinf(float x);
float num_cosf(float x);
float num_rsqrtf(float x); /* 1.0f / sqrtf(x), two roundings */

/* binary64, for rope tables on the host. |x| up to 2^31 for sine and cosine. */
double num_exp(double x);
double num_log(double x);
void num_sincos(double x, double *sine, double *cosine);

#endif
