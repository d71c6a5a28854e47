"""The gamma distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._family import AbstractMeanFamily, Traits, as_link
from ._link import AbstractLink, slope
from ._parameter import AbstractParameter, Positive


class Gamma(AbstractMeanFamily):
    """Positive `y` with mean `mu` and variance `sigma^2 mu^2`: shape `1 / sigma^2`; `phi = log
    sigma`.

    `sigma` is the coefficient of variation, which is what `sigma()` of lme4 and glmmTMB returns.
    Weights multiply the log density (glmmTMB's convention).
    """

    link: AbstractLink
    name: ClassVar[str] = "gamma"
    response: ClassVar[str] = "positive"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("sigma"),)

    def __init__(self, link: str | AbstractLink = "inverse"):
        self.link = as_link(link, ("inverse", "log", "identity", "softplus"), self.name)

    def kernel(self, y, eta, phi):
        log_mu = self.link.log_inverse(eta)
        return -_shape(phi) * (y * jnp.exp(-log_mu) + log_mu)

    def base(self, y, phi, weight):
        shape = _shape(phi)
        return weight * (shape * jnp.log(shape) + (shape - 1) * jnp.log(y) - gammaln(shape))

    def variance(self, y, eta, phi):
        return jnp.square(self.mean(eta, phi)) / _shape(phi)

    def expected_curvature(self, y, eta, phi):
        return _shape(phi) * (slope(self.link, eta) / self.link.inverse(eta)) ** 2

    def sample(self, key, y, eta, phi, weight):
        shape = jnp.broadcast_to(_shape(phi), eta.shape)
        return jax.random.gamma(key, shape, dtype=eta.dtype) * self.link.inverse(eta) / shape

    def start_mean(self, y):
        return y

    def start_phi(self, y, mu, weights):
        return (0.5 * jnp.log((weights * (y / mu - 1) ** 2).sum() / weights.sum()),)

    @property
    def own_traits(self):
        return Traits(
            self.link.name in ("log", "inverse"),
            covers_line=self.link.name in ("log", "softplus"),
            spread=lambda dispersion, size: dispersion,
        )


def _shape(phi):
    return jnp.exp(-2 * phi[0])
