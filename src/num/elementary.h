/* elementary: exp, log, sin, cos, tanh, erf in fixed sequences of correctly rounded operations (rule 6; the sequences
 * are written out in docs/arithmetic.md). Each NUM_*_ULP is the largest error in units in the last place that the
 * function may have on its range; tests/test_elementary.c measures it against GNU MPFR. */
#ifndef SIL_NUM_ELEMENTARY_H
#define SIL_NUM_ELEMENTARY_H

/* NaN gives NaN everywhere. */
float num_expf(float x);   /* +0 below -80, +infinity above 88.7228 */
float num_logf(float x);   /* -infinity at either zero, NaN below; subnormals included */
float num_tanhf(float x);  /* odd; +-1 from 9.02 on */
float num_erff(float x);   /* odd; +-1 from 3.92 on */
float num_sinf(float x);   /* |x| <= 2^16, NaN beyond; sin(-0) is -0 */
float num_cosf(float x);   /* |x| <= 2^16, NaN beyond */
float num_rsqrtf(float x); /* 1.0f / sqrtf(x), two roundings */

#define NUM_EXPF_ULP   1.0
#define NUM_LOGF_ULP   0.9
#define NUM_TANHF_ULP  1.4
#define NUM_ERFF_ULP   1.5
#define NUM_SINF_ULP   1.5
#define NUM_COSF_ULP   1.5
#define NUM_RSQRTF_ULP 1.5

/* binary64, for rope tables on the host: used where one thread computes a row of angles, so scalar speed is enough. */
double num_exp(double x);                                /* +0 below -700, +infinity above 709.78 */
double num_log(double x);                                /* as num_logf */
void num_sincos(double x, double *sine, double *cosine); /* |x| <= 2^31, NaN beyond */

#define NUM_EXP_ULP    1.0
#define NUM_LOG_ULP    1.1
#define NUM_SINCOS_ULP 0.85

#endif
