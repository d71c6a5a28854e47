"""The log-normal distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ._family import AbstractFamily, Traits, as_link
from ._link import AbstractLink
from ._parameter import AbstractParameter, Positive
from ._special import HALF_LOG_2PI


class LogNormal(AbstractFamily):
    """Positive `y` with `log y ~ N(eta, sigma^2)`, `phi = log sigma`: the mean of `y` is `exp(eta +
    sigma^2 / 2)`.

    The gaussian model of `log y` with the Jacobian `1 / y`, so that `sigma` is a standard deviation
    of logarithms. (glmmTMB's `lognormal` has a log link for the mean, and its `sigma()` is the
    standard deviation of `y` itself.) Weights multiply the log density.
    """

    link: AbstractLink
    name: ClassVar[str] = "lognormal"
    response: ClassVar[str] = "positive"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("sigma"),)

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity",), self.name)

    def kernel(self, y, eta, phi):
        residual = (jnp.log(y) - eta) * jnp.exp(-phi[0])
        return -0.5 * residual * residual

    def base(self, y, phi, weight):
        return -weight * (jnp.log(y) + phi[0] + HALF_LOG_2PI)

    def mean(self, eta, phi):
        return jnp.exp(eta + 0.5 * jnp.exp(2 * phi[0]))

    def variance(self, y, eta, phi):
        return jnp.expm1(jnp.exp(2 * phi[0])) * jnp.square(self.mean(eta, phi))

    def expected_curvature(self, y, eta, phi):
        return jnp.broadcast_to(jnp.exp(-2 * phi[0]), eta.shape)

    def sample(self, key, y, eta, phi, weight):
        return jnp.exp(eta + jnp.exp(phi[0]) * jax.random.normal(key, eta.shape, eta.dtype))

    def start_mean(self, y):
        return jnp.log(y)

    def start_phi(self, y, mu, weights):
        # `mu` is the mean at sigma = 1.
        residual = jnp.log(y) - (jnp.log(mu) - 0.5)
        return (0.5 * jnp.log((weights * residual**2).sum() / weights.sum()),)

    @property
    def own_traits(self):
        return Traits(log_concave=True, is_latent=True, spread=lambda dispersion, size: dispersion)
