"""Compiled probability functions for standardised indices, one value at a time.

Compiled here, not taken from a library, because an index for every month of forty years over a
million cells evaluates them half a billion times; each is tested against SciPy.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

_HUGE = 1e150
_EPS = 1e-14
_TERMS = 10_000
TABLE = 256
"""Terms of the series that are prepared for one shape; a shape that needs more goes without."""
_REACH = 4.0
"""Standard deviations above the mean at which a fraction becomes faster than the series."""
_LARGE = 200.0
"""Shape from which the expansion for large shapes is exact to 1e-12."""
# Temme (1979), doi:10.1137/0510071; DLMF 8.12.7: powers of eta in the terms 1, 1/a and 1/a**2
_EXPANSION = (
    (-1 / 3, 1 / 12, -2 / 135, 1 / 864, 1 / 2835, -139 / 777_600),
    (-1 / 540, -1 / 288, 1 / 378, -77 / 77_760, 1 / 4860, 0.0),
    (25 / 6048, -139 / 51_840, 1 / 1296, 0.0, 0.0, 0.0),
)
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


@numba.njit(cache=True, error_model="numpy")
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


@numba.njit(cache=True, error_model="numpy")
def normal_quantiles(p: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fill ``out`` with `normal_quantile` of many probabilities."""
    for j in range(len(p)):
        q = p[j] - 0.5
        r = 0.180625 - q * q
        top, bottom = 0.0, 0.0
        for i in range(7, -1, -1):
            top = top * r + _MIDDLE[i][0]
            bottom = bottom * r + _MIDDLE[i][1]
        out[j] = q * top / bottom
    for j in range(len(p)):
        if not abs(p[j] - 0.5) <= _MIDDLE_ENDS:
            out[j] = normal_quantile(p[j])


@numba.njit(cache=True)
def gamma_cdf(x: float, a: float, log_gamma_a: float) -> float:
    """Return the regularised lower incomplete gamma function P(a, x).

    Series below a + 1, continued fraction above: DLMF 8.11.4 and 8.9.2; an expansion around the
    normal distribution for large shapes, as nearly symmetric samples have.
    ``log_gamma_a`` is ln Gamma(a): the same for all x of one distribution.
    """
    if not x > 0.0:
        return 0.0 if x <= 0.0 else math.nan
    if a > _LARGE:
        return _of_large_shape(x, a)
    front = math.exp(a * math.log(x) - x - log_gamma_a)
    return front * _series(x, a) if x < a + 1.0 else 1.0 - front * _fraction(x, a)


@numba.njit(cache=True, error_model="numpy")
def prepare(a: float, top: float, table: NDArray[np.float64]) -> int:
    """Fill ``table`` with the terms that `gamma_cdfs` needs for amounts up to ``top`` of one shape.

    Term n is the product of (a + 1) / (a + k) for k to n, so that all stay within range. Returns
    how many were needed, 0 if more than fit.
    """
    if a > _LARGE:
        return 0
    scale = a + 1.0
    t = min(top, scale + _REACH * math.sqrt(scale)) / scale
    term, power, total = 1.0, 1.0, 1.0
    table[0] = 1.0
    enough = len(table)
    for n in range(1, len(table)):
        term *= scale / (a + n)
        table[n] = term
        power *= t
        total += term * power
        if n % 4 == 3:  # noqa: PLR2004 - as many at a time are added up
            if n > enough:
                return n + 1
            if term * power < total * _EPS:
                enough = n  # four more, so that a smaller amount never runs out of terms
    return 0


@numba.njit(cache=True, error_model="numpy")
def gamma_cdfs(
    x: NDArray[np.float64],
    log_x: NDArray[np.float64],
    a: float,
    table: NDArray[np.float64],
    room: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill ``out`` with `gamma_cdf` of many amounts of one shape; NaN stays NaN.

    The series is added up term by term for all amounts at once, which processors do four or eight
    at a time. ``table`` has room for `TABLE` terms, ``room`` for as many as ``x``.
    """
    log_gamma, scale = math.lgamma(a), a + 1.0
    edge = scale + _REACH * math.sqrt(scale)
    top = 0.0
    for j in range(len(x)):
        top = max(top, x[j])
    terms = prepare(a, top, table)
    if terms == 0:
        for j in range(len(x)):
            out[j] = gamma_cdf(x[j], a, log_gamma)
        return
    for j in range(len(x)):
        room[j] = min(x[j], edge) / scale
    _add_up(table[:terms], room, out)
    for j in range(len(x)):
        if not x[j] > 0.0:
            out[j] = 0.0 if x[j] <= 0.0 else math.nan
            continue
        front = math.exp(a * log_x[j] - x[j] - log_gamma)
        far = x[j] > edge
        out[j] = 1.0 - front * _fraction(x[j], a) if far else min(front * out[j] / a, 1.0)


@numba.njit(cache=True, error_model="numpy")
def _add_up(terms: NDArray[np.float64], x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fill ``out`` with a polynomial at many ``x``, its terms from the lowest power."""
    out[:] = terms[-1]
    for n in range(len(terms) - 2, -1, -1):
        term = terms[n]
        for j in range(len(x)):
            out[j] = out[j] * x[j] + term


@numba.njit(cache=True)
def _of_large_shape(x: float, a: float) -> float:
    mu = x / a - 1.0
    half = mu - math.log1p(mu)
    eta = math.copysign(math.sqrt(2.0 * half), mu)
    correction = 0.0
    for k in range(2, -1, -1):
        term = 0.0
        for i in range(5, -1, -1):
            term = term * eta + _EXPANSION[k][i]
        correction = correction / a + term
    normal = 0.5 * math.erfc(-eta * math.sqrt(a / 2.0))
    edge = math.exp(-a * half) / math.sqrt(2.0 * math.pi * a)
    return min(max(normal - edge * correction, 0.0), 1.0)


@numba.njit(cache=True, error_model="numpy")
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


@numba.njit(cache=True, error_model="numpy")
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
