"""The Tweedie distribution between Poisson and gamma."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ._family import AbstractMeanFamily, Traits, Values, as_link
from ._link import AbstractLink, slope
from ._parameter import AbstractParameter, OneToTwo, Positive
from ._special import HALF_LOG_2PI, log_gamma_rest

_TERMS = 128  # of the series
_REACH = 9.5  # standard deviations of the index, to either side


class Tweedie(AbstractMeanFamily):
    """`y >= 0` with mean `mu` and variance `phi mu^power`, `1 < power < 2`: a Poisson number of
    gamma variables.

    The unconstrained parameters are `log phi` and `logit(power - 1)` (glmmTMB's `tweedie`). The
    density of a positive `y` is the series of Dunn and Smyth (2005) around its largest term.
    Weights multiply the log density.
    """

    link: AbstractLink
    name: ClassVar[str] = "tweedie"
    response: ClassVar[str] = "nonnegative"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("phi"), OneToTwo("power"))

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log",), self.name)

    def kernel(self, y, eta, phi):
        """`(y mu^(1 - p) / (1 - p) - mu^(2 - p) / (2 - p)) / phi`."""
        # `above` is p - 1 and `below` 2 - p, here and in what follows.
        log_mu, above, below = (
            self.link.log_inverse(eta),
            jax.nn.sigmoid(phi[1]),
            jax.nn.sigmoid(-phi[1]),
        )
        return -jnp.exp(-phi[0]) * (
            y * jnp.exp(-above * log_mu) / above + jnp.exp(below * log_mu) / below
        )

    def base(self, y, phi, weight):
        positive = y > 0
        log_y = jnp.log(jnp.where(positive, y, 1.0))
        return weight * jnp.where(positive, _log_series(log_y, phi) - log_y, 0.0)

    def variance(self, y, eta, phi):
        scale, power = self.dispersion(phi)
        return scale * self.mean(eta, phi) ** power

    def expected_curvature(self, y, eta, phi):
        """`(d mu / d eta)^2 / (phi mu^p)`."""
        power = 1 + jax.nn.sigmoid(phi[1])
        return slope(self.link, eta) ** 2 * jnp.exp(-phi[0] - power * self.link.log_inverse(eta))

    def sample(self, key, y, eta, phi, weight):
        """Poisson(`mu^(2 - p) / (phi (2 - p))`) gamma variables of shape `(2 - p) / (p - 1)` and
        scale `phi (p - 1) mu^(p - 1)`."""
        for_number, for_sum = jax.random.split(key)
        above, below = jax.nn.sigmoid(phi[1]), jax.nn.sigmoid(-phi[1])
        log_mu = self.link.log_inverse(eta)
        number = jax.random.poisson(for_number, jnp.exp(below * log_mu - phi[0]) / below, eta.shape)
        drawn = jax.random.gamma(
            for_sum, jnp.maximum(number, 1) * (below / above), eta.shape, eta.dtype
        )
        return jnp.where(number > 0, drawn * above * jnp.exp(phi[0] + above * log_mu), 0.0)

    def start_mean(self, y):
        return y + 0.1

    def start_phi(self, y, mu, weights):
        """By moments at a power of 1.5."""
        scale = (weights * (y - mu) ** 2 / mu**1.5).sum() / weights.sum()
        return jnp.log(scale), jnp.zeros_like(scale)

    @property
    def own_traits(self):
        return Traits(
            log_concave=True,
            can_separate=True,
            spread=lambda dispersion, size: (dispersion[0] ** 0.5, dispersion[1] - 1),
        )


def _log_series(log_y: Values, phi: Values) -> Values:
    """Logarithm of `sum_j y^(j a) / (phi^(j (1 + a)) (p - 1)^(j a) (2 - p)^j j! gamma(j a))`, `a =
    (2 - p) / (p - 1)`.

    By Stirling the logarithm of term `j` is `j (1 + a) (1 + log(m / j))` and what varies slowly:
    the largest is at `m = y^(2 - p) / (phi (2 - p))`, and the index has a standard deviation of
    `sqrt((p - 1) m)`. Where that is large the terms are farther apart than one: the trapezoid rule
    of a smooth bell, exact to rounding.
    """
    above, below, log_a = jax.nn.sigmoid(phi[1]), jax.nn.sigmoid(-phi[1]), -phi[1]

    def of_terms(value):  # a power an observation is one of all its terms
        return value[..., None] if jnp.ndim(value) else value

    log_m = below * log_y - phi[0] - jnp.log(below)
    m = jax.lax.stop_gradient(jnp.exp(log_m))
    reach = _REACH * jnp.sqrt(jax.lax.stop_gradient(above) * m)
    step = jnp.maximum(2 * reach / _TERMS, 1.0)
    first = jnp.maximum(jnp.floor(m - reach), 1.0)
    log_j = jnp.log(first[..., None] + step[..., None] * jnp.arange(_TERMS, dtype=first.dtype))
    slow = log_gamma_rest(log_j) + log_gamma_rest(log_j + of_terms(log_a))
    terms = jnp.exp(log_j) / of_terms(above) * (log_m[..., None] - log_j + 1) - slow
    return jax.nn.logsumexp(terms, -1) + jnp.log(step) + 0.5 * log_a - 2 * HALF_LOG_2PI
