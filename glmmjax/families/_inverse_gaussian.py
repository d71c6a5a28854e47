"""The inverse Gaussian distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ._family import AbstractMeanFamily, Traits, as_link
from ._link import AbstractLink, slope
from ._parameter import AbstractParameter, Positive
from ._special import HALF_LOG_2PI


class InverseGaussian(AbstractMeanFamily):
    """Positive `y` with mean `mu` and variance `sigma^2 mu^3`; `phi = log sigma`.

    `sigma^2` is R's dispersion of `inverse.gaussian`, `1 / lambda` in the distribution's other
    parametrisation. Weights multiply the log density.
    """

    link: AbstractLink
    name: ClassVar[str] = "inverse_gaussian"
    response: ClassVar[str] = "positive"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("sigma"),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "inverse", "identity"), self.name)

    def kernel(self, y, eta, phi):
        off = y * jnp.exp(-self.link.log_inverse(eta)) - 1
        return -0.5 * off * off * jnp.exp(-2 * phi[0]) / y

    def base(self, y, phi, weight):
        return -weight * (HALF_LOG_2PI + phi[0] + 1.5 * jnp.log(y))

    def variance(self, y, eta, phi):
        return jnp.exp(2 * phi[0]) * self.mean(eta, phi) ** 3

    def expected_curvature(self, y, eta, phi):
        relative = slope(self.link, eta) / self.link.inverse(eta)
        return relative**2 * jnp.exp(-self.link.log_inverse(eta) - 2 * phi[0])

    def sample(self, key, y, eta, phi, weight):
        """Michael, Schucany and Haas (1976): one of the two roots that a squared normal variable
        has, in a form without cancellation."""
        for_square, for_root = jax.random.split(key)
        mu = self.link.inverse(eta)
        w = (
            0.5
            * jnp.exp(2 * phi[0])
            * mu
            * jnp.square(jax.random.normal(for_square, eta.shape, eta.dtype))
        )
        # y / mu = x with x + 1 / x = 2 (1 + w): the roots are the inverses of each other
        lower = 1 / (1 + w + jnp.sqrt(w * (2 + w)))
        take = jax.random.uniform(for_root, eta.shape, eta.dtype) <= 1 / (1 + lower)
        return mu * jnp.where(take, lower, 1 / lower)

    def start_mean(self, y):
        return y

    def start_phi(self, y, mu, weights):
        return (0.5 * jnp.log((weights * (y / mu - 1) ** 2 / y).sum() / weights.sum()),)

    @property
    def own_traits(self):
        return Traits(
            self.link.name == "inverse",
            covers_line=self.link.name == "log",
            spread=lambda dispersion, size: (dispersion[0] * size**0.5,),
        )
