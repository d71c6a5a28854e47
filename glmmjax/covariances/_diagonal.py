"""Independent effects."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._basis import diagonal_basis
from ._component import as_deviations, deviations
from ._covariance import AbstractCovariance


class Diagonal(AbstractCovariance):
    """Independent effects: `theta` is the diagonal of `lam` (`diag` in glmmTMB, `||` in a
    formula)."""

    q: int = eqx.field(static=True)
    name: ClassVar[str] = "diag"

    @property
    def rank(self):
        return self.q

    @property
    def size(self):
        return self.q

    def factor(self, theta):
        return jnp.diag(theta)

    @property
    def scales(self):
        return np.arange(self.q)

    def start(self, sd):
        return sd

    def working_basis(self, r):
        return diagonal_basis(r)

    def transform(self, theta, a):
        return np.diagonal(a, axis1=-2, axis2=-1) * theta

    def canonical(self, theta):
        return jnp.abs(theta)

    def components(self, names, label=""):
        return deviations(names)

    def from_components(self, values):
        return as_deviations(values)
