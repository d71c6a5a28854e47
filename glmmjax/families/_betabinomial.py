"""The beta-binomial distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._binomial import unit_link
from ._family import AbstractMeanFamily, Traits, absolute_curvature
from ._link import AbstractLink, AbstractUnitLink, softplus
from ._nbinom import alpha_of
from ._parameter import AbstractParameter, InverseSquare
from ._rising import log_rising_of_count, log_rising_over


class BetaBinomial(AbstractMeanFamily):
    """`y[0]` successes among `y[1]` trials, whose common probability has a beta distribution of
    mean `mu` and precision `phi` (glmmTMB's `betabinomial`): variance of the proportion `mu (1 -
    mu) (1 + (n - 1) / (phi + 1)) / n`.

    The unconstrained parameter is `tau` with `1 / phi = tau^2 = rho`: the likelihood

        prod_{k<y} (mu + k rho) prod_{k<n-y} (1 - mu + k rho) / prod_{k<n} (1 + k rho)

    is smooth at zero, the binomial limit, which is a point like any other. The sign of `tau` means
    nothing.
    """

    link: AbstractUnitLink
    name: ClassVar[str] = "betabinomial"
    response: ClassVar[str] = "proportion"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (
        InverseSquare("phi", simpler="binomial is the simpler family"),
    )

    def __init__(self, link: str | AbstractLink = "logit"):
        self.link = unit_link(link, self.name)

    def kernel(self, y, eta, phi):
        # Tied to the predictor, the failures stay in the loop that uses them. Taken out of it one
        # by one they would have all that hangs on them compiled as often.
        y, _ = jax.lax.optimization_barrier((y, jax.lax.stop_gradient(eta)))
        successes, failures, rho = y[0], y[1] - y[0], alpha_of(phi)
        log_p, log_q = self.link.log_inverse(eta), self.link.log_complement(eta)
        if self.link.name == "logit":
            binomial = successes * eta - y[1] * softplus(eta)
        else:
            binomial = successes * log_p + failures * log_q
        return (
            binomial
            + log_rising_over(successes, rho, log_p)
            + log_rising_over(failures, rho, log_q)
        )

    def base(self, y, phi, weight):
        successes, trials = y[0], y[1]
        log_ways = gammaln(trials + 1) - gammaln(successes + 1) - gammaln(trials - successes + 1)
        return weight * (log_ways - log_rising_of_count(trials, alpha_of(phi)))

    def variance(self, y, eta, phi):
        rho = alpha_of(phi)
        of_one = self.mean(eta, phi) * jnp.exp(self.link.log_complement(eta))
        return y[1] * of_one * (1 + (y[1] - 1) * rho / (1 + rho))

    def expected_curvature(self, y, eta, phi):
        """A stand-in: the expectation is a sum over all counts up to the trials."""
        return absolute_curvature(self, y, eta, phi)

    def sample(self, key, y, eta, phi, weight):
        for_rate, for_count = jax.random.split(key)
        mu, rho = self.link.inverse(eta), jnp.broadcast_to(alpha_of(phi), eta.shape)
        precision = 1 / jnp.maximum(rho, jnp.finfo(eta.dtype).eps ** 2)
        mixed = jax.random.beta(for_rate, mu * precision, (1 - mu) * precision, dtype=eta.dtype)
        successes = jax.random.binomial(
            for_count, y[1], jnp.where(rho > 0, mixed, mu), dtype=eta.dtype
        )
        return jnp.stack([successes, y[1]])

    def start_mean(self, y):
        return (y[0] + 0.5) / (y[1] + 1)

    def start_phi(self, y, mu, weights):
        """By moments of the correlation `1 / (phi + 1)` of trials, kept above the standard error in
        the absence of overdispersion (but not above a half), because zero is a stationary point of
        the likelihood."""
        successes, trials = y[0], y[1]
        variance = jnp.maximum(mu * (1 - mu), jnp.finfo(mu.dtype).eps)
        pairs = jnp.maximum((weights * trials * (trials - 1)).sum(), 1.0)
        correlation = (weights * ((successes - trials * mu) ** 2 / variance - trials)).sum() / pairs
        error = jnp.sqrt(2 * ((weights * trials) ** 2).sum()) / pairs
        correlation = jnp.clip(correlation, jnp.minimum(error, 0.5), 0.9)
        return (jnp.sqrt(correlation / (1 - correlation)),)

    @property
    def own_traits(self):
        return Traits(False, can_separate=True, has_expectation=False)
