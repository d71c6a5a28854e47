"""Powers with whole-number exponents that have all derivatives at zero."""

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from .._types import Array


@jax.custom_jvp
def whole_power(x: Float[Array, ""], n: Int[Array, "*any"]) -> Float[Array, "*any"]:
    """`x^n` for `n >= 0`. (The second derivative of `jnp.power` at zero is NaN for `n = 1`: it is
    `0 * 0^-1` there.)"""
    return jnp.power(x, n)


@whole_power.defjvp
def _derivative(primals, tangents):
    (x, n), (along, _) = primals, tangents
    return whole_power(x, n), n * whole_power(x, jnp.maximum(n - 1, 0)) * along
