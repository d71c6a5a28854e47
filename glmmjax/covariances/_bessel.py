"""The modified Bessel function of the second kind, differentiable by its argument and its order."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import logsumexp
from jaxtyping import Float

from .._types import Array

_NODES = 200


def log_kv(order: Float[Array, ""], x: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """`log K_order(x)` for `x > 0` and `order > 0`.

    The trapezoid rule of `K = integral_0^inf exp(-x cosh t) cosh(order t) dt` (DLMF 10.32.9), whose
    error falls exponentially in the number of nodes because the integrand is analytic and even. All
    in logarithms, so that nothing overflows. The nodes end where the integrand is less than 1e-17
    of its peak; they follow `x`, but as constants: the derivative of the sum at fixed nodes is the
    sum for the derivative.
    """
    end = lax.stop_gradient(jnp.arccosh(1 + (40 + 4 * order) / x))
    t = end[..., None] * np.linspace(0, 1, _NODES + 1)
    weights = np.ones(_NODES + 1)
    weights[[0, -1]] = 0.5
    # cosh(order t) = exp(order t) (1 + exp(-2 order t)) / 2
    terms = (
        order * t
        - x[..., None] * jnp.cosh(t)
        + jnp.log1p(jnp.exp(-2 * order * t))
        + np.log(weights / 2)
    )
    return logsumexp(terms, axis=-1) + jnp.log(end / _NODES)
