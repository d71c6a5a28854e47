"""Elementary functions of overdispersed counts: the rising factorial and ratios that are regular at
zero.

Their derivatives are closed forms of every order. Where `alpha` hangs on the predictor a Hessian
needs the fourth, which autodiff would make from some 10,000 operations, and the time to compile
grows with them. For the same reason what is used more than once ends in a division where it can:
XLA copies cheaper operations into each place of use.
"""

import functools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from ._family import Values
from ._special import STIRLING, polynomial, stirling

_SHIFT = 6
_STEPS = tuple(range(_SHIFT))
_SMALL = 0.25
_SERIES = 22  # terms, of which the first left out is below (1/5)^22
_HIGHEST = 4


def log1p_ratio(z: Values) -> Values:
    """`log1p(z) / z` for `z >= 0`, smooth at zero."""
    return _log1p_ratio(0, z)


def log_rising_of_count(y: Values, alpha: Values) -> Values:
    """`sum_{k<y} log(1 + k alpha)`, that is `lgamma(y + s) - lgamma(s) - y log s` with `s = 1 /
    alpha`.

    By Stirling's series at `s + 6`, where it has all digits, and the recurrence of the gamma
    function back to `s`. In terms of `alpha` no large numbers are subtracted and zero is regular.
    The counts are constants.
    """
    return _log_rising(0, y, alpha)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log1p_ratio(order: int, z: Values) -> Values:
    """`log1p(z) / z`, `order` times differentiated."""
    return (-1) ** order * math.factorial(order) * _integrals(order, z)[order]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_rising(order: int, y: Values, alpha: Values) -> Values:
    """`log_rising`, `order` times differentiated by `alpha`."""
    return _slope(order, y, alpha) if order else _value(y, alpha)


def _rule(function: Callable) -> None:
    """Let the derivative by the last argument be the function of the next order."""

    def jvp(order, primals, tangents):
        out, tangent = function(order, *primals), tangents[-1]
        is_constant = isinstance(tangent, SymbolicZero)
        return out, jnp.zeros_like(out) if is_constant else function(order + 1, *primals) * tangent

    function.defjvp(jvp, symbolic_zeros=True)


_rule(_log1p_ratio)
_rule(_log_rising)


# Nothing below is a function of the counts alone: XLA takes such an expression out of a loop before
# it sees that another one is the same, and from then on everything that hangs on it is there twice.


@jax.jit
def _value(y: Values, alpha: Values) -> Values:
    in_count = 1 + y * alpha
    w, u = alpha / (1 + _SHIFT * alpha), alpha / (in_count + _SHIFT * alpha)
    (ratio,) = _integrals(0, y * w)
    excess = jnp.zeros_like(u)  # of the product of (1 + (y + k) alpha) / (1 + k alpha) over one
    for k in _STEPS:
        factor = y * (alpha / (1 + k * alpha))
        excess = excess + factor + excess * factor
    in_ratio = y * (ratio - 1) + _less_half(y, y * w * ratio)
    found = in_ratio + y * jnp.log1p(_SHIFT * alpha) - jnp.log1p(excess) + stirling(u) - stirling(w)
    return _of_two_or_more(y, in_count, found)


@functools.partial(jax.jit, static_argnums=0)  # as a program of its own it is traced once
def _slope(order: int, y: Values, alpha: Values) -> Values:
    """The logarithms by `d^n log(1 + c alpha) = (-1)^(n - 1) (n - 1)! (c / (1 + c alpha))^n`, the
    rest as functions of `w = alpha / (1 + 6 alpha)` and `u = alpha / (1 + (y + 6) alpha)`."""
    in_count, at_shift = 1 + y * alpha, 1 + _SHIFT * alpha
    at_count = in_count + _SHIFT * alpha
    w, u = alpha / at_shift, alpha / at_count
    p, t = _integrals(order, y * w), 1 / (1 + y * w)
    by_w, by_u = [], []
    for j in range(1, order + 1):
        of_ratio = functools.reduce(lambda found, _: found * y, range(j + 1), j * p[j])
        by_w.append(
            (-1) ** j * math.factorial(j - 1) * (of_ratio - _less_half(y, (y * t) ** j))
            - _stirling_slope(j, w)
        )
        by_u.append(_stirling_slope(j, u))
    back = sum(
        _per(y, k, in_count + k * alpha) ** order - (k / (1 + k * alpha)) ** order for k in _STEPS
    )
    logarithms = (
        (-1) ** order * math.factorial(order - 1) * (y * (_SHIFT / at_shift) ** order - back)
    )
    slopes = _chain(_SHIFT / at_shift, at_shift, by_w) + _chain(
        _per(y, _SHIFT, at_count), at_count, by_u
    )
    return _of_two_or_more(y, in_count, slopes - logarithms)


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
