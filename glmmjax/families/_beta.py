"""The beta distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import polygamma

from ._family import AbstractMeanFamily, Traits, as_unit_link
from ._link import AbstractLink, AbstractUnitLink
from ._parameter import AbstractParameter, Positive
from ._special import HALF_LOG_2PI, log_gamma_rest


class Beta(AbstractMeanFamily):
    """`y` in (0, 1) with mean `mu` and variance `mu (1 - mu) / (1 + phi)`; the unconstrained
    parameter is `log phi`.

    Ferrari and Cribari-Neto (2004), glmmTMB's `beta_family`, whose `sigma()` is this `phi`. The
    shapes are `a = mu phi` and `b = (1 - mu) phi`. Stirling's elementary part of their gamma
    functions is taken out, which leaves `-phi KL(mu || y)`: at a large `phi` no large numbers are
    subtracted. Weights multiply the log density.
    """

    link: AbstractUnitLink
    name: ClassVar[str] = "beta"
    response: ClassVar[str] = "unit"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("phi"),)

    def __init__(self, link: str | AbstractLink = "logit"):
        self.link = as_unit_link(link, ("logit", "probit", "cloglog"), self.name)

    def kernel(self, y, eta, phi):
        log_mu, log_rest = self.link.log_inverse(eta), self.link.log_complement(eta)
        log_a, log_b = phi[0] + log_mu, phi[0] + log_rest
        # a log(y / mu) + b log((1 - y) / (1 - mu)), which is -phi KL(mu || y)
        divergence = jnp.exp(log_a) * (jnp.log(y) - log_mu) + jnp.exp(log_b) * (
            jnp.log1p(-y) - log_rest
        )
        # What rounds to more than zero looks like a likelihood; derivatives stay as they are.
        divergence = divergence - jax.lax.stop_gradient(jnp.maximum(divergence, 0.0))
        return (
            divergence + 0.5 * (log_mu + log_rest) - log_gamma_rest(log_a) - log_gamma_rest(log_b)
        )

    def base(self, y, phi, weight):
        rest = log_gamma_rest(jnp.asarray(phi[0])) + 0.5 * phi[0] - HALF_LOG_2PI
        return weight * (rest - jnp.log(y) - jnp.log1p(-y))

    def variance(self, y, eta, phi):
        return self.mean(eta, phi) * jnp.exp(self.link.log_complement(eta)) / (1 + jnp.exp(phi[0]))

    def expected_curvature(self, y, eta, phi):
        """`(phi d mu / d eta)^2 (psi'(a) + psi'(b))`, with `a^2 psi'(a) = 1 + a^2 psi'(1 + a)` near
        zero."""
        log_slope = self.link.log_slope(eta)
        parts = []
        for log_share in (self.link.log_inverse(eta), self.link.log_complement(eta)):
            shape = jnp.exp(phi[0] + log_share)
            parts.append(
                jnp.exp(2 * (log_slope - log_share)) * (1 + shape * shape * polygamma(1, 1 + shape))
            )
        return parts[0] + parts[1]

    def sample(self, key, y, eta, phi, weight):
        a, b = (
            jnp.exp(phi[0] + self.link.log_inverse(eta)),
            jnp.exp(phi[0] + self.link.log_complement(eta)),
        )
        drawn = jax.random.beta(key, a, b, eta.shape, eta.dtype)
        smallest = jnp.finfo(eta.dtype).tiny
        return jnp.clip(
            drawn, smallest, 1 - jnp.finfo(eta.dtype).epsneg
        )  # the ends are a matter of rounding

    def start_mean(self, y):
        return 0.9 * y + 0.05

    def start_phi(self, y, mu, weights):
        """By moments, at least one half."""
        spread = (weights * (y - mu) ** 2).sum() / (weights * mu * (1 - mu)).sum()
        return (jnp.log(jnp.maximum(1 / spread - 1, 0.5)),)

    @property
    def own_traits(self):
        return Traits(log_concave=False, spread=lambda dispersion, size: (dispersion[0] ** -0.5,))
