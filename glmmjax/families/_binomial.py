"""Bernoulli and binomial distributions."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._family import AbstractWithoutParameters, Traits, as_unit_link
from ._link import AbstractLink, AbstractUnitLink, softplus

_LINKS = ("logit", "probit", "cloglog", "cauchit")


class Bernoulli(AbstractWithoutParameters):
    """`y` is 0 or 1 with `P(y = 1) = mu`. No dispersion parameter."""

    link: AbstractUnitLink
    name: ClassVar[str] = "bernoulli"
    response: ClassVar[str] = "binary"

    def __init__(self, link: str | AbstractLink = "logit"):
        self.link = unit_link(link, self.name)

    def kernel(self, y, eta, phi):
        return _kernel(self.link, y, 1.0, eta)

    def base(self, y, phi, weight):
        return jnp.zeros_like(y)

    def variance(self, y, eta, phi):
        return self.mean(eta, phi) * jnp.exp(self.link.log_complement(eta))

    def expected_curvature(self, y, eta, phi):
        return _expected_curvature(self.link, eta)

    def sample(self, key, y, eta, phi, weight):
        return jax.random.bernoulli(key, self.link.inverse(eta)).astype(eta.dtype)

    def start_mean(self, y):
        return (y + 0.5) / 2

    @property
    def own_traits(self):
        return Traits(log_concave=self.link.name != "cauchit", can_separate=True)


class Binomial(AbstractWithoutParameters):
    """`y[0]` successes among `y[1]` trials of probability `mu` each. No dispersion parameter."""

    link: AbstractUnitLink
    name: ClassVar[str] = "binomial"
    response: ClassVar[str] = "proportion"

    def __init__(self, link: str | AbstractLink = "logit"):
        self.link = unit_link(link, self.name)

    def kernel(self, y, eta, phi):
        return _kernel(self.link, y[0], y[1], eta)

    def base(self, y, phi, weight):
        successes, trials = y[0], y[1]
        log_ways = gammaln(trials + 1) - gammaln(successes + 1) - gammaln(trials - successes + 1)
        return weight * log_ways

    def variance(self, y, eta, phi):
        return y[1] * self.mean(eta, phi) * jnp.exp(self.link.log_complement(eta))

    def expected_curvature(self, y, eta, phi):
        return y[1] * _expected_curvature(self.link, eta)

    def sample(self, key, y, eta, phi, weight):
        successes = jax.random.binomial(key, y[1], self.link.inverse(eta), dtype=eta.dtype)
        return jnp.stack([successes, y[1]])

    def start_mean(self, y):
        return (y[0] + 0.5) / (y[1] + 1)

    @property
    def own_traits(self):
        return Traits(log_concave=self.link.name != "cauchit", can_separate=True)


def unit_link(link: str | AbstractLink, family: str) -> AbstractUnitLink:
    """The link for probabilities called `link`, or a `ModelError`."""
    return as_unit_link(link, _LINKS, family)


def _kernel(link: AbstractUnitLink, successes, trials, eta):
    if link.name == "logit":
        return successes * eta - trials * softplus(eta)
    return successes * link.log_inverse(eta) + (trials - successes) * link.log_complement(eta)


def _expected_curvature(link: AbstractUnitLink, eta):
    """`(d mu / d eta)^2 / (mu (1 - mu))` by logarithms, which do not round to zero."""
    return jnp.exp(2 * link.log_slope(eta) - link.log_inverse(eta) - link.log_complement(eta))
