"""The negative binomial distribution with linear variance."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._family import POISSON_LIMIT, AbstractMeanFamily, Traits, Values, absolute_curvature, as_link
from ._link import AbstractLink
from ._nbinom import alpha_of
from ._parameter import AbstractParameter, Square
from ._rising import log1p_ratio, log_rising_over


class NBinom1(AbstractMeanFamily):
    """Counts with mean `mu` and variance `mu (1 + alpha)` (glmmTMB's `nbinom1`, whose `sigma` is
    this `alpha`).

    A Poisson variable whose mean is a gamma variable of mean `mu` and scale `alpha`. The
    unconstrained parameter is `tau` with `alpha = tau^2`: everything is smooth at zero, the Poisson
    limit, which is a point like any other. The sign of `tau` means nothing. With a size `mu /
    alpha` that depends on the predictor only `y log(1 + alpha)` and the factorial are outside the
    kernel.
    """

    link: AbstractLink
    name: ClassVar[str] = "nbinom1"
    response: ClassVar[str] = "count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Square("alpha", POISSON_LIMIT),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt"), self.name)

    def kernel(self, y, eta, phi):
        return nbinom1_kernel(y, self.link.log_inverse(eta), alpha_of(phi))

    def base(self, y, phi, weight):
        return -weight * (y * jnp.log1p(alpha_of(phi)) + gammaln(y + 1))

    def variance(self, y, eta, phi):
        return self.mean(eta, phi) * (1 + alpha_of(phi))

    def expected_curvature(self, y, eta, phi):
        """A stand-in: the expectation is an integral that would take longer to compile than all the
        rest."""
        return absolute_curvature(self, y, eta, phi)

    def sample(self, key, y, eta, phi, weight):
        for_rate, for_count = jax.random.split(key)
        mu, alpha = self.link.inverse(eta), jnp.broadcast_to(alpha_of(phi), eta.shape)
        scale = jnp.maximum(alpha, jnp.finfo(eta.dtype).eps ** 2)
        mixed = scale * jax.random.gamma(for_rate, mu / scale, dtype=eta.dtype)
        return jax.random.poisson(for_count, jnp.where(alpha > 0, mixed, mu), eta.shape).astype(
            eta.dtype
        )

    def start_mean(self, y):
        return y + 0.1

    def start_phi(self, y, mu, weights):
        return (start_of_linear_variance(y, mu, weights),)

    @property
    def own_traits(self):
        is_log = self.link.name == "log"
        covers = self.link.name != "identity"
        return Traits(False, covers_line=covers, can_separate=is_log, has_expectation=False)


def start_of_linear_variance(y: Values, mu: Values, weights: Values) -> Values:
    """`tau` of a variance `mu (1 + tau^2)` by moments, kept above the standard error in the absence
    of overdispersion (but not above one), because zero is a stationary point of the likelihood."""
    total = (weights * mu).sum()
    alpha = (weights * ((y - mu) ** 2 - mu)).sum() / total
    error = jnp.sqrt((weights**2 * (mu + 2 * mu**2)).sum()) / total
    return jnp.sqrt(jnp.maximum(alpha, jnp.minimum(error, 1.0)))


def nbinom1_kernel(y: Values, log_mu: Values, alpha: Values) -> Values:
    """`sum_{k<y} log(mu + k alpha) - mu log(1 + alpha) / alpha`."""
    return y * log_mu + log_rising_over(y, alpha, log_mu) - jnp.exp(log_mu) * log1p_ratio(alpha)
