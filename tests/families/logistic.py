"""A family that the package lacks, as one file: the logistic distribution."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from glmmjax.families._family import AbstractMeanFamily, Traits, as_link
from glmmjax.families._link import AbstractLink, softplus
from glmmjax.families._parameter import AbstractParameter, Positive

_VARIANCE = math.pi**2 / 3  # at a scale of one


class Logistic(AbstractMeanFamily):
    """`y = mu + scale z` with density `exp(-z) / (1 + exp(-z))^2` of `z`."""

    link: AbstractLink
    name: ClassVar[str] = "logistic"
    response: ClassVar[str] = "real"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("scale"),)

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity",), self.name)

    def kernel(self, y, eta, phi):
        z = (y - self.link.inverse(eta)) * jnp.exp(-phi[0])
        return -softplus(z) - softplus(-z)

    def base(self, y, phi, weight):
        return -weight * phi[0] * jnp.ones_like(y)

    def variance(self, y, eta, phi):
        return jnp.broadcast_to(_VARIANCE * jnp.exp(2 * phi[0]), eta.shape)

    def expected_curvature(self, y, eta, phi):
        return jnp.broadcast_to(jnp.exp(-2 * phi[0]) / 3, eta.shape)

    def sample(self, key, y, eta, phi, weight):
        drawn = jax.random.logistic(key, eta.shape, eta.dtype)
        return self.link.inverse(eta) + jnp.exp(phi[0]) * drawn

    def start_mean(self, y):
        return y

    def start_phi(self, y, mu, weights):
        return (0.5 * jnp.log((weights * (y - mu) ** 2).sum() / weights.sum() / _VARIANCE),)

    @property
    def own_traits(self):
        return Traits(log_concave=True, spread=lambda dispersion, size: (dispersion[0] / size,))
