"""Elementary functions of overdispersed counts: the rising factorial and ratios that are regular at
zero.

Their derivatives are closed forms of every order. Where `alpha` hangs on the predictor a Hessian
needs the fourth, which autodiff would make from some 10,000 operations, and the time to compile
grows with them. For the same reason what is used more than once ends in a division where it can:
XLA copies cheaper operations into each place of use.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ._family import Values
from ._special import STIRLING, polynomial, stirling, with_slopes

_SHIFT = 6
_STEPS = tuple(range(_SHIFT))
_SMALL = 0.25
_FAR, _FAR_OF_FLOAT32 = 60.0, 20.0
_SERIES = 22  # terms, of which the first left out is below (1/5)^22
_HIGHEST = 4


def log1p_ratio(z: Values) -> Values:
    """`log1p(z) / z` for `z >= 0`, smooth at zero."""
    return with_slopes(_log1p_ratios, z)


def log_rising_of_count(y: Values, alpha: Values) -> Values:
    """`sum_{k<y} log(1 + k alpha)`, that is `lgamma(y + s) - lgamma(s) - y log s` with `s = 1 /
    alpha`.

    By Stirling's series at `s + 6`, where it has all digits, and the recurrence of the gamma
    function back to `s`. In terms of `alpha` no large numbers are subtracted and zero is regular.
    The counts are constants.
    """
    return with_slopes(_log_risings, y, alpha)


def log_rising_over(y: Values, rho: Values, log_p: Values) -> Values:
    """`sum_{k<y} log(1 + k rho / p)`. Below `p = exp(-60)` (float32: `exp(-20)`) by its asymptote,
    a line in `log p` of slope `1 - y`, unless `rho` is zero to that precision: `1 / p` itself has
    no finite square there."""
    far = _FAR if log_p.dtype == jnp.float64 else _FAR_OF_FLOAT32
    near = jnp.maximum(log_p, -far)
    at_end = rho * math.exp(far)
    slope = jnp.maximum(y - 1, 0) * at_end / (1 + at_end)
    return log_rising_of_count(y, rho * jnp.exp(-near)) + slope * (near - log_p)


@functools.partial(jax.jit, static_argnums=0)  # as a program of its own it is traced once
def _log1p_ratios(order: int, z: Values) -> list[Values]:
    return [
        (-1) ** n * math.factorial(n) * integral for n, integral in enumerate(_integrals(order, z))
    ]


# Nothing below is a function of the counts alone: XLA takes such an expression out of a loop before
# it sees that another one is the same, and from then on everything that hangs on it is there twice.


@functools.partial(jax.jit, static_argnums=0)
def _log_risings(order: int, y: Values, alpha: Values) -> list[Values]:
    """The logarithms by `d^n log(1 + c alpha) = (-1)^(n - 1) (n - 1)! (c / (1 + c alpha))^n`, the
    rest as functions of `w = alpha / (1 + 6 alpha)` and `u = alpha / (1 + (y + 6) alpha)`."""
    in_count, at_shift = 1 + y * alpha, 1 + _SHIFT * alpha
    at_count = in_count + _SHIFT * alpha
    w, u = alpha / at_shift, alpha / at_count
    p = _integrals(order, y * w)
    back = jnp.zeros_like(u)
    for steps in (_STEPS[:3], _STEPS[3:]):  # a product of six overflows in float32
        excess = jnp.zeros_like(u)  # of the product of (1 + (y + k) alpha) / (1 + k alpha) over one
        for k in steps:
            factor = y * (alpha / (1 + k * alpha))
            excess = excess + factor + excess * factor
        back = back + jnp.log1p(excess)
    in_ratio = y * (p[0] - 1) + _less_half(y, y * w * p[0])
    value = in_ratio + y * jnp.log1p(_SHIFT * alpha) - back + stirling(u) - stirling(w)
    found = [_of_two_or_more(y, in_count, value)]
    if order == 0:
        return found

    t, by_w, by_u = y / (1 + y * w), [], []
    ahead, behind = (
        [_per(y, k, in_count + k * alpha) for k in _STEPS],
        [k / (1 + k * alpha) for k in _STEPS],
    )
    from_shift, from_count = _SHIFT / at_shift, _per(y, _SHIFT, at_count)
    power, powers, powers_ahead, powers_behind = y, t, ahead, behind
    for n in range(1, order + 1):
        power = power * y
        sign = (-1) ** n * math.factorial(n - 1)
        by_w.append(sign * (n * power * p[n] - _less_half(y, powers)) - _stirling_slope(n, w))
        by_u.append(_stirling_slope(n, u))
        back = sum(powers_ahead) - sum(powers_behind)
        logarithms = sign * (y * from_shift**n - back)
        slopes = _chain(from_shift, at_shift, by_w) + _chain(from_count, at_count, by_u)
        found.append(_of_two_or_more(y, in_count, slopes - logarithms))
        powers = powers * t
        powers_ahead = [own * one for own, one in zip(powers_ahead, ahead, strict=True)]
        powers_behind = [own * one for own, one in zip(powers_behind, behind, strict=True)]
    return found


def _less_half(y: Values, x: Values) -> Values:
    """`(y - 1/2) x`."""
    return y * x - 0.5 * x


def _per(y: Values, k: int, whole: Values) -> Values:
    """`(y + k) / whole`."""
    r = 1 / whole
    return y * r + k * r


def _of_two_or_more(y: Values, positive: Values, found: Values) -> Values:
    """`found` where `y > 1`. Of counts 0 and 1 the sum is zero, and rounding would be multiplied by
    1 / mu where `alpha` is."""
    return jnp.where(y * positive > positive, found, 0.0)


def _chain(part: Values, whole: Values, slopes: Sequence[Values]) -> Values:
    """The n-th derivative by `alpha` of a function of `alpha / whole`, `whole = 1 + c alpha`, from
    its first n `slopes`: `sum_j L(n, j) (-c)^(n - j) whole^(-n - j) slope_j` with the Lah numbers
    `L`; `part = c / whole`."""
    n, r = len(slopes), 1 / whole
    total = jnp.zeros_like(r)
    for j, slope in enumerate(slopes, 1):
        lah = math.comb(n - 1, j - 1) * math.factorial(n) // math.factorial(j)
        total = total + lah * (-part) ** (n - j) * r ** (2 * j - 2) * slope
    return total / whole**2


def _stirling_slope(order: int, a: Values) -> Values:
    """`stirling`, `order` times differentiated, `order > 0`."""
    terms = [(2 * j + 1, c) for j, c in enumerate(STIRLING)]
    slopes = tuple(c * math.perm(power, order) for power, c in terms if power >= order)
    return polynomial(slopes, a * a) * (1.0 if order % 2 else a)


def _integrals(order: int, z: Values) -> list[Values]:
    """`p_k = int_0^1 x^k / (1 + x z)^(k + 1) dx` for `k <= order`: `p_0 = log1p(z) / z` and `p_k' =
    -(k + 1) p_(k+1)`.

    Integrated by parts, `p_(k-1) = t^k / k + z p_k` with `t = 1 / (1 + z)`, of which all terms are
    positive. Small `z` go down from a series in `z t`, others up.
    """
    highest = max(order, _HIGHEST)
    is_small, t = z < _SMALL, 1 / (1 + z)
    divisor = jnp.where(is_small, 1.0, z)
    series = tuple(1 / (m + highest + 1) for m in range(_SERIES))
    down, up = [polynomial(series, z * t) / (1 + z) ** (highest + 1)], [jnp.log1p(z) / divisor]
    for k in range(highest, 0, -1):
        down.append(t**k / k + z * down[-1])
    for k in range(1, order + 1):
        up.append((up[-1] - t**k / k) / divisor)
    return [jnp.where(is_small, *pair) for pair in zip(down[::-1], up, strict=False)]
