"""Compiled probability functions for standardised indices, one value at a time.

Compiled here, not taken from a library, because an index for every month of forty years over a
million cells evaluates them half a billion times; each is tested against SciPy.
"""

import math

import numba

_HUGE = 1e150
_EPS = 1e-14
_TERMS = 10_000
_MIDDLE_ENDS, _TAIL_STARTS = 0.425, 5.0

# Wichura (1988), algorithm AS 241 (PPND16), doi:10.2307/2347330: rational approximations of the
# normal quantile in the middle, the shoulders and the tails
_MIDDLE = (
    (3.3871328727963666080e0, 1.0),
    (1.3314166789178437745e2, 4.2313330701600911252e1),
    (1.9715909503065514427e3, 6.8718700749205790830e2),
    (1.3731693765509461125e4, 5.3941960214247511077e3),
    (4.5921953931549871457e4, 2.1213794301586595867e4),
    (6.7265770927008700853e4, 3.9307895800092710610e4),
    (3.3430575583588128105e4, 2.8729085735721942674e4),
    (2.5090809287301226727e3, 5.2264952788528545610e3),
)
_SHOULDER = (
    (1.42343711074968357734e0, 1.0),
    (4.63033784615654529590e0, 2.05319162663775882187e0),
    (5.76949722146069140550e0, 1.67638483018380384940e0),
    (3.64784832476320460504e0, 6.89767334985100004550e-1),
    (1.27045825245236838258e0, 1.48103976427480074590e-1),
    (2.41780725177450611770e-1, 1.51986665636164571966e-2),
    (2.27238449892691845833e-2, 5.47593808499534494600e-4),
    (7.74545014278341407640e-4, 1.05075007164441684324e-9),
)
_TAIL = (
    (6.65790464350110377720e0, 1.0),
    (5.46378491116411436990e0, 5.99832206555887937690e-1),
    (1.78482653991729133580e0, 1.36929880922735805310e-1),
    (2.96560571828504891230e-1, 1.48753612908506148525e-2),
    (2.65321895265761230930e-2, 7.86869131145613259100e-4),
    (1.24266094738807843860e-3, 1.84631831751005468180e-5),
    (2.71155556874348757815e-5, 1.42151175831644588870e-7),
    (2.01033439929228813265e-7, 2.04426310338993978564e-15),
)


@numba.njit(cache=True)
def _ratio(table: tuple[tuple[float, float], ...], r: float) -> float:
    top, bottom = 0.0, 0.0
    for i in range(7, -1, -1):
        top = top * r + table[i][0]
        bottom = bottom * r + table[i][1]
    return top / bottom


@numba.njit(cache=True)
def normal_quantile(p: float) -> float:
    """Return z with P(Z <= z) = p; infinite at 0 and 1, NaN outside."""
    if not 0.0 <= p <= 1.0:
        return math.nan
    q = p - 0.5
    if abs(q) <= _MIDDLE_ENDS:
        return q * _ratio(_MIDDLE, 0.180625 - q * q)
    tail = min(p, 1.0 - p)
    if tail <= 0.0:
        return math.copysign(math.inf, q)
    r = math.sqrt(-math.log(tail))
    z = _ratio(_SHOULDER, r - 1.6) if r <= _TAIL_STARTS else _ratio(_TAIL, r - 5.0)
    return math.copysign(z, q)


@numba.njit(cache=True)
def gamma_cdf(x: float, a: float, log_gamma_a: float) -> float:
    """Return the regularised lower incomplete gamma function P(a, x).

    Series below a + 1, continued fraction above: DLMF 8.11.4 and 8.9.2.
    ``log_gamma_a`` is ln Gamma(a): the same for all x of one distribution.
    """
    if not x > 0.0:
        return 0.0 if x <= 0.0 else math.nan
    front = math.exp(a * math.log(x) - x - log_gamma_a)
    return front * _series(x, a) if x < a + 1.0 else 1.0 - front * _fraction(x, a)


@numba.njit(cache=True)
def _series(x: float, a: float) -> float:
    term = 1.0 / a
    total = term
    for n in range(1, _TERMS, 4):  # four at a time: their divisions do not wait for each other
        one = x / (a + n)
        two = one * (x / (a + n + 1.0))
        three = two * (x / (a + n + 2.0))
        four = three * (x / (a + n + 3.0))
        total += term * (one + two + three + four)
        term *= four
        if term < total * _EPS:
            break
    return total


@numba.njit(cache=True)
def _fraction(x: float, a: float) -> float:
    """Evaluate by the forward recurrence of numerators and denominators, rescaled on the way."""
    b = x + 1.0 - a
    top, bottom = 1.0, b
    top_before, bottom_before = 0.0, 1.0
    value = 1.0 / b
    for n in range(1, _TERMS):
        step = -n * (n - a)
        b += 2.0
        top, top_before = b * top + step * top_before, top
        bottom, bottom_before = b * bottom + step * bottom_before, bottom
        if abs(bottom) > _HUGE:
            top, top_before = top / _HUGE, top_before / _HUGE
            bottom, bottom_before = bottom / _HUGE, bottom_before / _HUGE
        if n % 4 == 0:
            last, value = value, top / bottom
            if abs(value - last) <= _EPS * abs(value):
                break
    return value
