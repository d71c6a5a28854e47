"""Correlations along a line in which each position depends on the one before it only.

The factor of such a correlation matrix is known: `l_ij = r_ij s_j` for `i >= j`, with `s_0 = 1` and
`s_j^2 = 1 - r_(j, j-1)^2` (Rue and Held 2005, section 1.1). Positions are in increasing order.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .._types import Array
from ._component import as_correlation, as_positive
from ._pattern import AbstractLinked, Parameter
from ._power import whole_power

_NEAR = 0.5


class Autoregressive(AbstractLinked):
    """`r_ij = rho^|t_i - t_j|` at whole-number positions `t`, with `rho = tanh(theta)`."""

    positions: Int[Array, "*members q"]

    @property
    def parameters(self):
        return (Parameter("rho", "cor"),)

    def factor(self, theta):
        rho, t = jnp.tanh(theta[0]), jnp.asarray(self.positions)
        return _factor(whole_power(rho, _distances(t)), _rest(theta[0], 2 * jnp.diff(t)))

    def links(self, theta, gaps):
        steps = jnp.round(gaps).astype(int)
        return whole_power(jnp.tanh(theta[0]), steps), jnp.sqrt(_rest(theta[0], 2 * steps))

    def elsewhere(self, points):
        return Autoregressive(jnp.round(points[:, 0]).astype(int))

    def natural(self, theta, xp):
        return xp.tanh(theta)

    def unconstrained(self, values):
        return np.array([np.arctanh(as_correlation(values[0]))])


class OrnsteinUhlenbeck(AbstractLinked):
    """`r_ij = exp(-|t_i - t_j| / range)` at times `t`; `range` is `exp(theta)` times the median
    distance."""

    times: Float[Array, "*members q"]
    unit: Float[Array, "*members"]

    @property
    def parameters(self):
        return (Parameter("range", "range"),)

    def factor(self, theta):
        t = jnp.asarray(self.times) / self.natural(theta, jnp)[0]
        return _factor(jnp.exp(-_distances(t)), -jnp.expm1(-2 * jnp.diff(t)))

    def links(self, theta, gaps):
        apart = gaps / self.natural(theta, jnp)[0]
        return jnp.exp(-apart), jnp.sqrt(-jnp.expm1(-2 * apart))

    def elsewhere(self, points):
        return OrnsteinUhlenbeck(points[:, 0], self.unit)

    def natural(self, theta, xp):
        return xp.exp(theta) * xp.asarray(self.unit)[..., None]

    def unconstrained(self, values):
        return np.log([as_positive("range", values[0]) / float(self.unit)])


def _distances(t: Array) -> Array:
    """(q, q) distances to those before, zero to those after (whose powers might overflow)."""
    return jnp.maximum(t[:, None] - t[None, :], 0)


def _factor(correlation: Array, rest: Array) -> Array:
    """`l` from the correlations with those before and `s_j^2` of all but the first."""
    return jnp.tril(correlation) * jnp.concatenate([jnp.ones(1, rest.dtype), jnp.sqrt(rest)])


def _rest(theta: Array, power: Array) -> Array:
    """`1 - tanh(theta)^power` for even powers, without cancellation as `rho` goes to one."""
    near = jnp.abs(theta) < _NEAR
    shrunk = jnp.exp(-2 * jnp.where(near, _NEAR, jnp.abs(theta)))
    log_rho = jnp.log1p(-2 * shrunk / (1 + shrunk))
    return jnp.where(near, 1 - whole_power(jnp.tanh(theta), power), -jnp.expm1(power * log_rho))
