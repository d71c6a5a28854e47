"""The lower tail of the standard normal distribution, to full precision with its derivatives of
every order."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Bool, Float

from .._types import Array

Values = Float[Array, "..."]

_HALF_LOG_2PI = 0.9189385332046727
_FAR = -10.0
_DEPTH = 9  # of the continued fraction, which at `_FAR` has all digits then


class Lower(NamedTuple):
    """`Phi(x)` and what its logarithm and derivatives are made of.

    Attributes:
        log: `log Phi(x)`.
        log_scaled: `log Phi(x) + x^2 / 2`, without cancellation far below zero.
        hazard: `h = phi(x) / Phi(x)`, the derivative of `log Phi(x)`.
        excess: `k = x + h`, which is about `-1 / x` far below zero; `dh / dx = -h k`.
    """

    log: Values
    log_scaled: Values
    hazard: Values
    excess: Values


@jax.custom_jvp
def lower(x: Values) -> Lower:
    """The lower tail up to `x`. All is evaluated once, and derivatives of every order are
    arithmetic with it."""
    far, near, below = x < _FAR, jnp.maximum(x, _FAR), jnp.minimum(x, _FAR)
    outside = ndtr(-jnp.abs(near))
    inside = jnp.where(near > 0, 1 - outside, outside)
    log_inside = jnp.where(near > 0, jnp.log1p(-outside), jnp.log(outside))
    fraction, half_square = _fraction(below), 0.5 * near * near
    log_scaled = jnp.where(
        far, -_HALF_LOG_2PI - jnp.log(fraction - below), log_inside + half_square
    )
    ratio = jnp.exp(-half_square - _HALF_LOG_2PI) / inside
    return Lower(
        jnp.where(far, log_scaled - 0.5 * below * below, log_inside),
        log_scaled,
        jnp.where(far, fraction - below, ratio),
        jnp.where(far, fraction, ratio + near),
    )


@lower.defjvp
def _(primals, tangents):
    found, (tangent,) = lower(*primals), tangents
    h, k = found.hazard, found.excess
    return found, Lower(h * tangent, k * tangent, -h * k * tangent, (1 - h * k) * tangent)


def log_ndtr(x: Values) -> Values:
    """`log Phi(x)`."""
    return lower(x).log


def log_interval(low: Values, high: Values, two_sided: Bool[Array, "..."]) -> Values:
    """`log(Phi(high) - Phi(low))`, in the lower half best; `log Phi(high)` where it is not
    `two_sided`."""
    to, start = lower(high), lower(low)
    # log(Phi(high) / Phi(low)), in the tail without cancellation of the squares
    log_ratio = 0.5 * (low - high) * (low + high) + to.log_scaled - start.log_scaled
    return to.log + jnp.where(two_sided, jnp.log(-jnp.expm1(-log_ratio)), 0.0)


def _fraction(x: Values) -> Values:
    """`1 / (t + 2 / (t + 3 / (t + ...)))`, `t = -x`: Laplace's continued fraction (Abramowitz and
    Stegun 26.2.14)."""
    value = jnp.zeros_like(x)
    for k in range(_DEPTH, 0, -1):
        value = k / (value - x)
    return value
