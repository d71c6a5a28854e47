"""The lower tail of the standard normal distribution, to full precision with its derivatives of
every order."""

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Float

from .._types import Array

Values = Float[Array, "..."]

_HALF_LOG_2PI = 0.9189385332046727
_FAR = -10.0
_DEPTH = 9  # of the continued fraction, which at `_FAR` has all digits then


@jax.custom_jvp
def log_ndtr(x: Values) -> Values:
    """`log Phi(x)`."""
    far, near = x < _FAR, jnp.maximum(x, _FAR)
    positive = near > 0
    upper = jnp.log1p(-ndtr(-jnp.where(positive, near, 0.0)))
    lower = jnp.log(ndtr(jnp.where(positive, 0.0, near)))
    below = jnp.minimum(x, _FAR)
    tail = -0.5 * below * below - _HALF_LOG_2PI - jnp.log(_fraction(below) - below)
    return jnp.where(far, tail, jnp.where(positive, upper, lower))


@jax.custom_jvp
def log_scaled_ndtr(x: Values) -> Values:
    """`log Phi(x) + x^2 / 2`, without cancellation far below zero."""
    near, below = jnp.maximum(x, _FAR), jnp.minimum(x, _FAR)
    tail = -_HALF_LOG_2PI - jnp.log(_fraction(below) - below)
    return jnp.where(x < _FAR, tail, log_ndtr(near) + 0.5 * near * near)


@jax.custom_jvp
def hazard(x: Values) -> Values:
    """`h = phi(x) / Phi(x)`, the derivative of `log Phi(x)`."""
    return _density_ratio(x) + jnp.where(x < _FAR, -x, 0.0)


@jax.custom_jvp
def excess(x: Values) -> Values:
    """`k = x + phi(x) / Phi(x)`, which is about `-1 / x` far below zero; `dh / dx = -h k`."""
    return _density_ratio(x) + jnp.where(x < _FAR, 0.0, x)


def _density_ratio(x: Values) -> Values:
    """The hazard; below `_FAR` what it exceeds `-x` by."""
    near = jnp.maximum(x, _FAR)
    ratio = jnp.exp(-0.5 * near * near - _HALF_LOG_2PI) / ndtr(near)
    return jnp.where(x < _FAR, _fraction(jnp.minimum(x, _FAR)), ratio)


def _fraction(x: Values) -> Values:
    """`1 / (t + 2 / (t + 3 / (t + ...)))`, `t = -x`: Laplace's continued fraction (Abramowitz and
    Stegun 26.2.14)."""
    value = jnp.zeros_like(x)
    for k in range(_DEPTH, 0, -1):
        value = k / (value - x)
    return value


@log_ndtr.defjvp
def _(primals, tangents):
    return log_ndtr(*primals), hazard(*primals) * tangents[0]


@log_scaled_ndtr.defjvp
def _(primals, tangents):
    return log_scaled_ndtr(*primals), excess(*primals) * tangents[0]


@hazard.defjvp
def _(primals, tangents):
    h = hazard(*primals)
    return h, -h * excess(*primals) * tangents[0]


@excess.defjvp
def _(primals, tangents):
    k = excess(*primals)
    return k, (1 - hazard(*primals) * k) * tangents[0]


def log_ndtr_ratio(high: Values, low: Values) -> Values:
    """`log(Phi(high) / Phi(low))`, in the lower tail without cancellation of the squares."""
    return 0.5 * (low - high) * (low + high) + log_scaled_ndtr(high) - log_scaled_ndtr(low)
