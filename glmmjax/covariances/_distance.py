"""Correlations that fall with the Euclidean distance."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Float

from .._types import Array
from ._bessel import log_kv
from ._component import as_positive
from ._pattern import AbstractField, Parameter


class Exponential(AbstractField):
    """`r_ij = exp(-d_ij / range)`; `range` is `exp(theta)` times the median distance `unit`."""

    points: Float[Array, "*members q dims"]
    unit: Float[Array, "*members"]

    @property
    def parameters(self):
        return (Parameter("range", "range"),)

    def factor(self, theta):
        return jnp.linalg.cholesky(self.matrix(theta))

    def matrix(self, theta):
        (scale,) = self.natural(theta, jnp)
        return _matrix(jnp.exp(-pair_distances(jnp.asarray(self.points)) / scale), len(self.points))

    def elsewhere(self, points):
        return Exponential(points, self.unit)

    def natural(self, theta, xp):
        return xp.exp(theta) * xp.asarray(self.unit)[..., None]

    def unconstrained(self, values):
        return np.log([as_positive("range", values[0]) / float(self.unit)])


class Matern(AbstractField):
    """`r_ij = 2^(1 - kappa) / Gamma(kappa) (d_ij / range)^kappa K_kappa(d_ij / range)`.

    As in glmmTMB. `range` is `exp(theta_1)` times the median distance `unit`; the smoothness
    `kappa` is `exp(theta_2)`.
    """

    points: Float[Array, "*members q dims"]
    unit: Float[Array, "*members"]

    @property
    def parameters(self):
        return Parameter("range", "range"), Parameter("smoothness", "smoothness")

    def factor(self, theta):
        return jnp.linalg.cholesky(self.matrix(theta))

    def matrix(self, theta):
        scale, kappa = self.natural(theta, jnp)
        x = pair_distances(jnp.asarray(self.points)) / scale
        log_r = (1 - kappa) * np.log(2) - gammaln(kappa) + kappa * jnp.log(x) + log_kv(kappa, x)
        return _matrix(jnp.exp(log_r), len(self.points))

    def elsewhere(self, points):
        return Matern(points, self.unit)

    def natural(self, theta, xp):
        unit = xp.asarray(self.unit)
        return xp.exp(theta) * xp.stack([unit, xp.ones_like(unit)], -1)

    def unconstrained(self, values):
        return np.log(
            [
                as_positive("range", values[0]) / float(self.unit),
                as_positive("smoothness", values[1]),
            ]
        )


def pair_distances(points: Float[Array, "q dims"]) -> Float[Array, " pairs"]:
    """Distances of all pairs, in the order of the lower triangle. (Those of a point to itself have
    no derivatives.)"""
    rows, columns = np.tril_indices(len(points), -1)
    return ((points[rows] - points[columns]) ** 2).sum(-1) ** 0.5


def _matrix(correlations: Float[Array, " pairs"], q: int) -> Float[Array, "q q"]:
    lower = jnp.zeros((q, q), correlations.dtype).at[np.tril_indices(q, -1)].set(correlations)
    return lower + lower.T + jnp.eye(q, dtype=lower.dtype)
