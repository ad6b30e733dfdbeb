/* elementary_poly: constants of the binary32 functions that vector kernels repeat, lowest power first. From
 * bench/derive_elementary.py. */
#ifndef SIL_NUM_ELEMENTARY_POLY_H
#define SIL_NUM_ELEMENTARY_POLY_H

#define NUM_LN2_HI 0x1.62e43p-1f
#define NUM_LN2_LO (-0x1.05c61p-29f)

enum { NUM_EXP_DEGREE = 5, NUM_TANH_DEGREE = 5, NUM_ERF_DEGREE = 7, NUM_ERFC_DEGREE = 9 };

/* (e^r - 1 - r) / r^2 */
static const float num_exp_poly[] = {0x1p-1f,       0x1.555556p-3f,  0x1.5554eap-5f,
                                     0x1.1110ep-7f, 0x1.6d4316p-10f, 0x1.a124e4p-13f};
/* (tanh x - x) / x^3 in x^2 */
static const float num_tanh_poly[] = {-0x1.555556p-2f, 0x1.1110eap-3f,  -0x1.ba08c4p-5f,
                                      0x1.64a976p-6f,  -0x1.116a16p-7f, 0x1.2c83cp-9f};
/* erf x / x - 1 in x^2 */
static const float num_erf_poly[] = {0x1.06eba8p-3f, -0x1.812746p-2f,  0x1.ce2f08p-4f, -0x1.b829c8p-6f,
                                     0x1.562a6p-8f,  -0x1.bccf66p-11f, 0x1.d8875p-14f, -0x1.445f48p-17f};
/* log erfc(t + 1.5) */
static const float num_erfc_poly[] = {-0x1.b1370ap+1f, -0x1.c12062p+1f,  -0x1.c90822p-1f, -0x1.a71876p-6f,
                                      0x1.898af4p-8f,  -0x1.4967e6p-10f, 0x1.cc44c6p-13f, -0x1.df7ea4p-16f,
                                      0x1.346f74p-19f, -0x1.45ac78p-24f};

#endif
