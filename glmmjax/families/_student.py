"""Student's t distribution."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ._family import AbstractMeanFamily, Traits, Values, as_link
from ._link import AbstractLink
from ._parameter import AbstractParameter, InverseSquare, Positive
from ._rising import log1p_ratio
from ._special import HALF_LOG_2PI, log_rising


class StudentT(AbstractMeanFamily):
    """`y = eta + sigma t` with a `t` of `df` degrees of freedom, which are estimated.

    The unconstrained parameters are `log sigma` and `tau`, with `1 / df = tau^2 = alpha`.
    Everything is written in `alpha` and smooth at zero, the normal distribution, which is a point
    like any other (`df` would have to run to infinity). The sign of `tau` means nothing. What is
    called the mean is the centre; a mean needs more than one degree of freedom. Weights multiply
    the log density.
    """

    link: AbstractLink
    name: ClassVar[str] = "student_t"
    response: ClassVar[str] = "real"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (
        Positive("sigma"),
        InverseSquare("df", simpler="gaussian is the simpler family"),
    )

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity",), self.name)

    def kernel(self, y, eta, phi):
        alpha = jnp.square(phi[1])
        z = (y - eta) * jnp.exp(-phi[0])
        return -0.5 * (1 + alpha) * _scaled_log1p(z * z, alpha)

    def base(self, y, phi, weight):
        # log_rising is lgamma((df + 1) / 2) - lgamma(df / 2) - log(df / 2) / 2.
        return (
            weight
            * (log_rising(0.5, 2 * jnp.square(phi[1])) - HALF_LOG_2PI - phi[0])
            * jnp.ones_like(y)
        )

    def variance(self, y, eta, phi):
        """Infinite up to two degrees of freedom."""
        alpha = jnp.square(phi[1])
        finite = alpha < 0.5
        found = jnp.exp(2 * phi[0]) / jnp.where(finite, 1 - 2 * alpha, 1.0)
        return jnp.broadcast_to(jnp.where(finite, found, jnp.inf), eta.shape)

    def expected_curvature(self, y, eta, phi):
        alpha = jnp.square(phi[1])
        return jnp.broadcast_to((1 + alpha) / (1 + 3 * alpha) * jnp.exp(-2 * phi[0]), eta.shape)

    def sample(self, key, y, eta, phi, weight):
        """A normal variable over the root of a gamma variable of mean one, which is one at `alpha =
        0`."""
        for_normal, for_scale = jax.random.split(key)
        alpha = jnp.broadcast_to(jnp.square(phi[1]), eta.shape)
        half_df = 0.5 / jnp.maximum(alpha, jnp.finfo(eta.dtype).eps ** 2)
        mixed = jnp.where(
            alpha > 0, jax.random.gamma(for_scale, half_df, dtype=eta.dtype) / half_df, 1.0
        )
        return eta + jnp.exp(phi[0]) * jax.random.normal(
            for_normal, eta.shape, eta.dtype
        ) / jnp.sqrt(mixed)

    def start_mean(self, y):
        return y

    def start_phi(self, y, mu, weights):
        """By the second and fourth moments, whose `df` is kept between 5 and 50: zero is a
        stationary point of the likelihood in `tau`."""
        square = (weights * (y - mu) ** 2).sum() / weights.sum()
        excess = (weights * (y - mu) ** 4).sum() / weights.sum() / square**2 - 3
        alpha = jnp.clip(excess / (6 + 4 * jnp.maximum(excess, 0)), 0.02, 0.2)
        return 0.5 * jnp.log(square * (1 - 2 * alpha)), jnp.sqrt(alpha)

    @property
    def own_traits(self):
        return Traits(log_concave=False, spread=lambda dispersion, size: (dispersion[0] / size,))


def _scaled_log1p(square: Values, alpha: Values) -> Values:
    """`log1p(alpha square) / alpha`, which is `square` at `alpha = 0`."""
    return square * log1p_ratio(alpha * square)
