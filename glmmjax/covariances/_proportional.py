"""A known covariance times an unknown variance."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import Array
from ._basis import position_basis
from ._component import Component, as_deviations
from ._covariance import AbstractCovariance


class Proportional(AbstractCovariance):
    """`sd^2 K` with a known matrix `K = lower lower'`, as of a phylogeny or pedigree (`propto` in
    glmmTMB)."""

    q: int = eqx.field(static=True)
    lower: Float[Array, "*members q q"]
    name: ClassVar[str] = "propto"

    @property
    def rank(self):
        return self.q

    @property
    def size(self):
        return 1

    def factor(self, theta):
        return theta[0] * jnp.asarray(self.lower)

    @property
    def scales(self):
        return np.arange(1)

    def start(self, sd):
        return (sd * sd / (self.lower * self.lower).sum(-1)).mean(-1, keepdims=True) ** 0.5

    def working_basis(self, r):
        return position_basis(r)

    def transform(self, theta, a):
        return a[..., 0, :1] * theta

    def canonical(self, theta):
        return jnp.abs(theta)

    def components(self, names, label=""):
        def value(theta, covariance):
            variance = covariance[..., 0, 0] / self.lower[..., 0, 0] ** 2
            return variance, variance**0.5

        return (Component(label, "", "sd", value),)

    def from_components(self, values):
        return as_deviations(values)
