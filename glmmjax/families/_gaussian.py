"""The normal distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ._family import AbstractMeanFamily, Traits, as_link
from ._link import AbstractLink, slope
from ._parameter import AbstractParameter, Positive
from ._special import HALF_LOG_2PI


class Gaussian(AbstractMeanFamily):
    """`y ~ N(mu, sigma^2 / weight)`, `phi = log sigma`. Weights are precisions, as in R's `lm` and
    `lmer`."""

    link: AbstractLink
    name: ClassVar[str] = "gaussian"
    response: ClassVar[str] = "real"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("sigma"),)

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity", "log", "inverse"), self.name)

    def kernel(self, y, eta, phi):
        residual = (y - self.link.inverse(eta)) * jnp.exp(-phi[0])
        return -0.5 * residual * residual

    def base(self, y, phi, weight):
        # A weight of zero is an observation that is not there, not one of infinite variance.
        present = jnp.asarray(weight) > 0
        half_log_weight = 0.5 * jnp.log(jnp.where(present, weight, 1.0))
        return jnp.where(present, half_log_weight - phi[0] - HALF_LOG_2PI, 0.0)

    def variance(self, y, eta, phi):
        return jnp.broadcast_to(jnp.exp(2 * phi[0]), eta.shape)

    def expected_curvature(self, y, eta, phi):
        return (slope(self.link, eta) * jnp.exp(-phi[0])) ** 2

    def sample(self, key, y, eta, phi, weight):
        sd = jnp.exp(phi[0]) / jnp.sqrt(jnp.where(weight > 0, weight, 1.0))
        return self.link.inverse(eta) + sd * jax.random.normal(key, eta.shape, eta.dtype)

    def start_mean(self, y):
        return (
            y if self.link.name == "identity" else jnp.maximum(jnp.abs(y), 1e-3 * jnp.abs(y).max())
        )

    def start_phi(self, y, mu, weights):
        return (0.5 * jnp.log((weights * (y - mu) ** 2).sum() / (weights > 0).sum()),)

    @property
    def own_traits(self):
        return Traits(
            self.link.name == "identity",
            covers_line=self.link.name != "inverse",
            can_separate=self.link.name == "log",
            has_residual=True,
            spread=lambda dispersion, size: (dispersion[0] / size,),
        )
