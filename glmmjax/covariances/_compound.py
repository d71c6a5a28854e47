"""One correlation for all pairs."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._component import as_correlation
from ._pattern import AbstractPattern, Parameter


class CompoundSymmetry(AbstractPattern):
    """The same correlation `rho` of all pairs, between `-1 / (q - 1)` and 1.

    `rho = (exp(theta) - 1) / (exp(theta) + q - 1)`: a logistic curve between its bounds, zero at
    zero (glmmTMB's is shifted so that zero is the middle of the interval).
    """

    q: int = eqx.field(static=True)

    @property
    def parameters(self):
        return (Parameter("rho", "cor"),)

    def factor(self, theta):
        (rho,) = self.natural(theta, jnp)
        return jnp.linalg.cholesky(jnp.eye(self.q) * (1 - rho) + rho)

    def elsewhere(self, points):
        return None

    def natural(self, theta, xp):
        logistic = (1 + xp.tanh((theta - np.log(self.q - 1)) / 2)) / 2
        return (self.q * logistic - 1) / (self.q - 1)

    def unconstrained(self, values):
        rho = as_correlation(values[0], -1 / (self.q - 1))
        return np.array([np.log1p((self.q - 1) * rho) - np.log1p(-rho)])
