"""The Poisson distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._family import AbstractWithoutParameters, Traits, as_link
from ._link import AbstractLink, slope


class Poisson(AbstractWithoutParameters):
    """Counts with mean and variance `mu`. No dispersion parameter."""

    link: AbstractLink
    name: ClassVar[str] = "poisson"
    response: ClassVar[str] = "count"

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt", "softplus"), self.name)

    def kernel(self, y, eta, phi):
        return y * self.link.log_inverse(eta) - self.link.inverse(eta)

    def base(self, y, phi, weight):
        return -weight * gammaln(y + 1)

    def variance(self, y, eta, phi):
        return self.mean(eta, phi)

    def expected_curvature(self, y, eta, phi):
        if self.link.name == "log":
            return jnp.exp(eta)
        return slope(self.link, eta) ** 2 / self.link.inverse(eta)

    def sample(self, key, y, eta, phi, weight):
        return jax.random.poisson(key, self.link.inverse(eta), eta.shape).astype(eta.dtype)

    def start_mean(self, y):
        return y + 0.1

    @property
    def own_traits(self):
        return Traits(
            log_concave=True,
            covers_line=self.link.name != "identity",
            can_separate=self.link.name in ("log", "softplus"),
        )
