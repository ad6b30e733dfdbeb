#!/usr/bin/env python3
"""Derives the polynomial coefficients of src/num/elementary.c; needs Python's standard library only.

Every polynomial interpolates a smooth function at Chebyshev nodes in 60-digit decimal arithmetic, then rounds each
coefficient once. `python3 bench/derive_elementary.py` prints them as hex floats, lowest power first, with the largest
error of the unrounded polynomial on its interval. The errors of the finished functions, which include the rounding of
coefficients and of every operation, are measured against GNU MPFR by tests/test_elementary.c.
"""
import struct
from decimal import Decimal as D, getcontext

getcontext().prec = 60
PI = D("3.14159265358979323846264338327950288419716939937510582097494")
LN2 = D(2).ln()


def cos_taylor(x):
    s = t = D(1)
    k = 0
    while abs(t) > D("1e-58"):
        k += 2
        t = -t * x * x / (k * (k - 1))
        s += t
    return s


def series(z, term, first):
    """Sums first * prod(term(k)) until it no longer matters; for functions whose closed form cancels near zero."""
    s = t = first
    k = 0
    while abs(t) > D("1e-58"):
        k += 1
        t = t * term(k, z)
        s += t
    return s


def exp_tail(r):  # (e^r - 1 - r) / r^2
    return series(r, lambda k, x: x / (k + 2), D(1) / 2)


def log_tail(f):  # (log(1+f) - f + f^2/2) / f^3
    s, p, k = D(0), D(1), 3
    while abs(p) > D("1e-58"):
        s += p / k
        p *= -f
        k += 1
    return s


def atanh_tail(z):  # (2 atanh(s) - 2s) / s^3 with z = s^2
    s, p, k = D(0), D(2), 3
    while abs(p) > D("1e-58"):
        s += p / k
        p *= z
        k += 2
    return s


def sin_tail(z):  # (sin(r) - r) / r^3 with z = r^2
    return series(z, lambda k, x: -x / ((2 * k + 2) * (2 * k + 3)), D(-1) / 6)


def cos_tail(z):  # (cos(r) - 1 + r^2/2) / r^4
    return series(z, lambda k, x: -x / ((2 * k + 3) * (2 * k + 4)), D(1) / 24)


def tanh_tail(z):  # (tanh(x) - x) / x^3 with z = x^2 = (sinh_tail - cosh_tail parts) / cosh
    sh = series(z, lambda k, x: x / ((2 * k) * (2 * k + 1)), D(1))       # sinh(x)/x
    ch = series(z, lambda k, x: x / ((2 * k - 1) * (2 * k)), D(1))       # cosh(x)
    d = series(z, lambda k, x: x / ((2 * k + 2) * (2 * k + 3)), D(1) / 6)  # (sinh(x)/x - 1)/z
    c = series(z, lambda k, x: x / ((2 * k + 1) * (2 * k + 2)), D(1) / 2)  # (cosh(x) - 1)/z
    assert abs(sh - 1 - z * d) < D("1e-50")
    return (d - c) / ch


def erf_over_x(z):  # erf(x)/x with z = x^2
    s, t, k = D(0), D(1), 0
    while abs(t) > D("1e-58"):
        s += t / (2 * k + 1)
        k += 1
        t = -t * z / k
    return s * 2 / PI.sqrt()


def erf_tail(z):
    return erf_over_x(z) - 1


def log_erfc(t):  # log(erfc(t + 1.5))
    a = t + D("1.5")
    getcontext().prec = 90
    v = (1 - a * erf_over_x(a * a)).ln()
    getcontext().prec = 60
    return v


def nodes(lo, hi, n):
    return [(lo + hi) / 2 + (hi - lo) / 2 * cos_taylor(PI * (2 * i + 1) / (2 * n)) for i in range(n)]


def interpolate(f, lo, hi, degree):
    """Newton's divided differences, expanded to powers."""
    x = nodes(lo, hi, degree + 1)
    c = [f(v) for v in x]
    for j in range(1, len(x)):
        for i in range(len(x) - 1, j - 1, -1):
            c[i] = (c[i] - c[i - 1]) / (x[i] - x[i - j])
    poly = [D(0)]
    for i in range(len(x) - 1, -1, -1):
        shifted = [D(0)] + poly
        poly = [shifted[k] - (x[i] * poly[k] if k < len(poly) else 0) for k in range(len(shifted))]
        poly[0] += c[i]
    return poly[: degree + 1]


def value(poly, x):
    s = D(0)
    for c in reversed(poly):
        s = s * x + c
    return s


def f32(v):
    return struct.unpack("f", struct.pack("f", float(v)))[0]


def show(name, f, lo, hi, degree, single):
    lo, hi = D(lo), D(hi)
    poly = interpolate(f, lo, hi, degree)
    points = [lo + (hi - lo) * i / 400 for i in range(401)]
    worst = max(abs(value(poly, p) - f(p)) for p in points)
    print(f"{name}: degree {degree} on [{float(lo):.6g}, {float(hi):.6g}], error {float(worst):.2e}")
    for k, c in enumerate(poly):
        print(f"  {k:2d} {(f32(c) if single else float(c)).hex()}")


def split(name, v, parts, round_to):
    """v as an unevaluated sum of `parts` floats, each the rest rounded to nearest."""
    out = []
    for _ in range(parts):
        out.append(round_to(v))
        v -= D(out[-1])
    print(f"{name}: " + " ".join(p.hex() for p in out))


show("expf", exp_tail, -LN2 / 2, LN2 / 2, 5, True)
show("logf", log_tail, D(-1) / 3, D(1) / 3, 9, True)
show("tanhf", tanh_tail, 0, D("0.625") ** 2, 5, True)
show("erff small", erf_tail, 0, 1, 7, True)
show("erff large", log_erfc, D("-0.5"), D("2.5"), 9, True)
show("sinf", sin_tail, 0, D("0.62"), 3, True)
show("cosf", cos_tail, 0, D("0.62"), 3, True)
show("exp", exp_tail, -LN2 / 2, LN2 / 2, 11, False)
show("log", atanh_tail, 0, D("0.0401"), 7, False)
show("sin", sin_tail, 0, D("0.62"), 6, False)
show("cos", cos_tail, 0, D("0.62"), 6, False)
split("ln 2, f32", LN2, 2, f32)
split("ln 2, f64", LN2, 2, float)
split("pi/2, f32", PI / 2, 3, f32)
split("pi/2, f64", PI / 2, 3, float)
for name, v in [("log2(e)", 1 / LN2), ("2/pi", 2 / PI), ("sqrt(2/pi)", (2 / PI).sqrt()), ("sqrt(1/2)", D("0.5").sqrt()),
                ("0.044715", D("0.044715"))]:
    print(f"{name}: f32 {f32(v).hex()} f64 {float(v).hex()}")
