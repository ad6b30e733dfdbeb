/* finance_math: present value, internal rate, annuity. */
#include <assert.h>
#include <math.h>

#include "plan/finance.h"

double fin_npv(const double *f, uint32_t n, double rate, double per_year) {
    double step = pow(1 + rate, -1 / per_year), d = 1, sum = 0;
    for (uint32_t i = 0; i < n; i++, d *= step) sum += f[i] * d;
    return sum;
}

/* The root between a and b, where the present value falls. */
static double halve(const double *f, uint32_t n, double per_year, double a, double b) {
    enum { HALVINGS = 100 };
    for (int k = 0; k < HALVINGS; k++) {
        double m = (a + b) / 2;
        if (fin_npv(f, n, m, per_year) > 0) a = m;
        else b = m;
    }
    return (a + b) / 2;
}

double fin_irr(const double *f, uint32_t n, double per_year) {
    enum { STEPS = 400 };
    const double lowest = -0.99, highest = 10;
    double ratio = pow((1 + highest) / (1 + lowest), 1.0 / STEPS);
    double a = lowest, at_a = fin_npv(f, n, a, per_year), best = NAN;
    for (int i = 0; i < STEPS; i++) {
        double b = (1 + a) * ratio - 1, at_b = fin_npv(f, n, b, per_year);
        if (isfinite(at_a) && isfinite(at_b) && at_a > 0 && at_b <= 0) {
            double root = halve(f, n, per_year, a, b);
            if (isnan(best) || fabs(root) < fabs(best)) best = root;
        }
        a = b;
        at_a = at_b;
    }
    return best;
}

double fin_annuity(double rate, uint32_t n) {
    assert(n > 0);
    if (fabs(rate) < 1e-12) return 1.0 / n;
    return rate / (1 - pow(1 + rate, -(double)n));
}
