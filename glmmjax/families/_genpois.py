"""The generalised Poisson distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._family import POISSON_LIMIT, AbstractMeanFamily, Traits, Values, as_link
from ._link import AbstractLink, slope
from ._nbinom1 import start_of_linear_variance
from ._parameter import AbstractParameter, OneAndSquare


class GenPois(AbstractMeanFamily):
    """Counts with mean `mu` and variance `mu phi`, `phi >= 1` (glmmTMB's `genpois`, whose `sigma`
    is this `phi`).

    Consul's distribution with `theta = mu / s` and `lambda = 1 - 1 / s`, `s = sqrt(phi)`: the total
    number in a branching process that starts with Poisson(`theta`) and in which each has
    Poisson(`lambda`) offspring. With `d = s - 1` the mass is

        mu (mu + d y)^(y - 1) s^-y exp(-(mu + d y) / s) / y!

    The unconstrained parameter is `tau` with `phi = 1 + tau^2`, smooth at zero, the Poisson limit,
    which is a point like any other; its sign means nothing. A `phi` below one is refused: `mu + d
    y` turns negative for large `y`, and what is left does not sum to one. Counts with less variance
    than Poisson's end at the limit.
    """

    link: AbstractLink
    name: ClassVar[str] = "genpois"
    response: ClassVar[str] = "count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (OneAndSquare("phi", POISSON_LIMIT),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt"), self.name)

    def kernel(self, y, eta, phi):
        s, d = _scales(phi)
        log_mu = self.link.log_inverse(eta)
        # (y - 1) log(mu + d y) = (y - 1) (log mu + log1p(d y / mu))
        return (
            y * log_mu + (y - 1) * jnp.log1p(d * y * jnp.exp(-log_mu)) - self.link.inverse(eta) / s
        )

    def base(self, y, phi, weight):
        s, d = _scales(phi)
        return -weight * (0.5 * y * jnp.log1p(jnp.square(phi[0])) + d * y / s + gammaln(y + 1))

    def variance(self, y, eta, phi):
        return self.mean(eta, phi) * self.dispersion(phi)[0]

    def expected_curvature(self, y, eta, phi):
        """From `(theta (1 - lambda) + 2 lambda) / (theta (theta + 2 lambda))`, the information
        about `theta`."""
        (s, d), mu = _scales(phi), self.link.inverse(eta)
        by_log_mu = mu * (mu + 2 * d * s) / (mu + 2 * d) / jnp.square(s)
        return (
            by_log_mu
            if self.link.name == "log"
            else by_log_mu * jnp.square(slope(self.link, eta) / mu)
        )

    def sample(self, key, y, eta, phi, weight):
        """The branching process itself, one generation of all observations at a time."""
        s, d = _scales(phi)
        first, rest = jax.random.split(key)
        born = jax.random.poisson(first, self.link.inverse(eta) / s, eta.shape)

        def generation(state):
            key, total, born = state
            key, own = jax.random.split(key)
            born = jax.random.poisson(own, born * (d / s), eta.shape)
            return key, total + born, born

        _, total, _ = jax.lax.while_loop(
            lambda state: (state[2] > 0).any(), generation, (rest, born, born)
        )
        return total.astype(eta.dtype)

    def start_mean(self, y):
        return y + 0.1

    def start_phi(self, y, mu, weights):
        return (start_of_linear_variance(y, mu, weights),)

    @property
    def own_traits(self):
        return Traits(
            False, covers_line=self.link.name != "identity", can_separate=self.link.name == "log"
        )


def _scales(phi: Values) -> tuple[Values, Values]:
    """`s = sqrt(1 + tau^2)` and `d = s - 1`."""
    square = jnp.square(phi[0])
    s = jnp.sqrt(1 + square)
    return s, square / (1 + s)
