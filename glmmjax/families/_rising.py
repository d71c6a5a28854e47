"""Elementary functions of overdispersed counts: the rising factorial and ratios that are regular at zero."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from ._family import Values
from ._special import ATANH, polynomial, stirling

_SHIFT = 6.0
_GAUSS_X, _GAUSS_W = (
    (0.5 * (a + b)).tolist() for a, b in zip(np.polynomial.legendre.leggauss(11), (1, 0), strict=True)
)


def log1p_ratio(z: Values) -> Values:
    """`log1p(z) / z` for `z >= 0`, smooth at zero."""
    return _log1p_ratio(0, z)


def log_rising(y: Values, alpha: Values) -> Values:
    """`sum_{k<y} log(1 + k alpha)`, that is `lgamma(y + s) - lgamma(s) - y log s` with `s = 1 / alpha`.

    By Stirling's series at `s + 6`, where it has all digits, and the recurrence of the gamma function back to `s`. In
    terms of `alpha` no large numbers are subtracted and zero is regular. All functions are elementary, because
    JAX's `digamma` and `polygamma`, the derivatives of `lgamma`, are slow. Those by `alpha` are closed forms of every
    order: left to autodiff, the fourth, which a Hessian needs where `alpha` hangs on the predictor, would have some
    10,000 operations. The counts are constants to all of them.
    """
    shifted = _per(_SHIFT, alpha)
    in_ratio = y * (_log1p_ratio(0, y * shifted) - 1)
    in_series = stirling(_per(y + _SHIFT, alpha)) - stirling(shifted)
    # Of counts 0 and 1 the sum is zero, and rounding would be multiplied by 1 / mu where alpha is.
    return jnp.where(y > 1, in_ratio + _logarithms(0, y, alpha) + in_series, 0.0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _logarithms(order: int, y: Values, alpha: Values) -> Values:
    """The logarithms of Stirling's formula and the recurrence; `order` times differentiated by alpha, but for the
    factor `(-1)^(n - 1) (n - 1)!` of `d^n log(1 + c alpha) = (-1)^(n - 1) (n - 1)! (c / (1 + c alpha))^n`."""
    if order == 0:
        excess = 0.0  # of the product of (1 + (y + k) alpha) / (1 + k alpha) over one
        for k in range(int(_SHIFT)):
            factor = y * (alpha / (1 + k * alpha))
            excess = excess + factor + excess * factor
        return (y - 0.5) * jnp.log1p(y * _per(_SHIFT, alpha)) + y * jnp.log1p(_SHIFT * alpha) - jnp.log1p(excess)

    def term(c):
        return (c / (1 + c * alpha)) ** order

    back = sum(term(y + k) - term(k) for k in range(int(_SHIFT)))
    return (y - 0.5) * (term(y + _SHIFT) - term(_SHIFT)) + y * term(_SHIFT) - back


@_logarithms.defjvp
def _(order, primals, tangents):
    slope = _logarithms(order + 1, *primals)
    return _logarithms(order, *primals), (slope if order == 0 else -order * slope) * tangents[1]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log1p_ratio(order: int, z: Values) -> Values:
    """`log1p(z) / z`, `order` times differentiated.

    Up to one it is `2 atanh(w) / z` with `w = z / (2 + z)`, as a series, and its derivatives are those of
    `int_0^1 dx / (1 + x z)` by Gauss's rule. Above, `z f_n + n f_{n-1}` is the n-th derivative of `log1p(z)`.
    """
    large = z > 1
    below, above = jnp.where(large, 1.0, z), jnp.where(large, z, 1.0)
    if order == 0:
        w = below / (2 + below)
        return jnp.where(large, jnp.log1p(z) / above, (1 - w) * (1 + w * w * polynomial(ATANH, w * w)))
    terms = (w * x**order / (1 + x * below) ** (order + 1) for x, w in zip(_GAUSS_X, _GAUSS_W, strict=True))
    sign, factorial = (-1) ** order, math.factorial(order)
    of_log1p = -sign * factorial / order / (1 + above) ** order
    return jnp.where(large, (of_log1p - order * _log1p_ratio(order - 1, z)) / above, sign * factorial * sum(terms))


@_log1p_ratio.defjvp
def _(order, primals, tangents):
    return _log1p_ratio(order, *primals), _log1p_ratio(order + 1, *primals) * tangents[0]


@jax.custom_jvp
def _per(c: Values | float, alpha: Values) -> Values:
    """`1 / (1 / alpha + c) = alpha / (1 + c alpha)`."""
    return alpha / (1 + c * alpha)


@_per.defjvp
def _(primals, tangents):
    return _per(*primals), jnp.square(_reciprocal(*primals)) * tangents[1]


@jax.custom_jvp
def _reciprocal(c: Values | float, alpha: Values) -> Values:
    """`1 / (1 + c alpha)`."""
    return 1 / (1 + c * alpha)


@_reciprocal.defjvp
def _(primals, tangents):
    r = _reciprocal(*primals)
    return r, -primals[0] * jnp.square(r) * tangents[1]
