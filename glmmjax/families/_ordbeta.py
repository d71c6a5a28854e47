"""Ordered beta regression."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ._beta import Beta
from ._cumulative import Cumulative
from ._family import AbstractFamily, Traits, as_link
from ._link import AbstractLink
from ._parameter import AbstractParameter, Positive, increasing

_BETA = Beta("logit")
_PLACE = Cumulative("logit", 3)  # at zero, between, at one


class OrderedBeta(AbstractFamily):
    """`y` in [0, 1] with mass at both ends (Kubinec 2022; glmmTMB's `ordbeta`).

    `P(y = 0) = F(lower - eta)` and `P(y = 1) = F(eta - upper)`, `F` the logistic function; in
    between a beta distribution of mean `F(eta)` and precision `phi`. The cutpoints are on the scale
    of the predictor (glmmTMB 1.1.5 has them there as `psi` and prints `F` of them). The
    unconstrained parameters are `log phi`, `lower` and `log(upper - lower)`. A cutpoint at whose
    end there are no observations runs off: use `beta` where there are none at either. The mean is
    that of `y`, ends included. Weights multiply the log density.
    """

    link: AbstractLink
    name: ClassVar[str] = "ordbeta"
    response: ClassVar[str] = "closed_unit"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (
        Positive("phi"),
        *increasing(("lower", "upper")),
    )

    def __init__(self, link: str | AbstractLink = "logit"):
        self.link = as_link(link, ("logit",), self.name)

    def kernel(self, y, eta, phi):
        inside, between = _between(y)
        at = _PLACE.kernel(_place(y), eta, phi[1:])
        return at + jnp.where(inside, _BETA.kernel(between, eta, phi[:1]), 0.0)

    def base(self, y, phi, weight):
        inside, between = _between(y)
        return jnp.where(inside, _BETA.base(between, phi[:1], weight), 0.0)

    def mean(self, eta, phi):
        above_lower, above_upper = _PLACE.above(eta, phi[1:])
        return above_upper + (above_lower - above_upper) * self.link.inverse(eta)

    def variance(self, y, eta, phi):
        above_lower, above_upper = _PLACE.above(eta, phi[1:])
        square_between = _BETA.variance(y, eta, phi[:1]) + jnp.square(_BETA.mean(eta, phi[:1]))
        return (
            above_upper
            + (above_lower - above_upper) * square_between
            - jnp.square(self.mean(eta, phi))
        )

    def expected_curvature(self, y, eta, phi):
        """That of the place, and that of the beta distribution times the probability of being
        between."""
        above_lower, above_upper = _PLACE.above(eta, phi[1:])
        of_beta = (above_lower - above_upper) * _BETA.expected_curvature(y, eta, phi[:1])
        return _PLACE.expected_curvature(y, eta, phi[1:]) + of_beta

    def sample(self, key, y, eta, phi, weight):
        for_place, for_value = jax.random.split(key)
        place = _PLACE.sample(for_place, y, eta, phi[1:], weight)
        between = _BETA.sample(for_value, y, eta, phi[:1], weight)
        return jnp.where(place == 1, 0.0, jnp.where(place == 3, 1.0, between))

    def start_mean(self, y):
        return _BETA.start_mean(y)

    def start_phi(self, y, mu, weights):
        """By moments of what is between, and from the shares of the places at the average
        predictor, which is read off the means at `phi = 0`."""
        steps = jnp.linspace(-20.0, 20.0, 401)
        eta = jnp.interp(mu, self.mean(steps, jnp.zeros(3)), steps)
        inside, between = _between(y)
        # Where all is at the ends nothing tells of the precision; some number is needed.
        counted = weights * jnp.where(inside, 1.0, 1e-6)
        level = (weights * eta).sum() / weights.sum()
        lower, log_gap = _PLACE.start_phi(_place(y), mu, weights)
        return (*_BETA.start_phi(between, self.link.inverse(eta), counted), level + lower, log_gap)

    @property
    def own_traits(self):
        return Traits(
            log_concave=False,
            can_separate=True,
            is_latent=True,
            spread=lambda dispersion, size: (dispersion[0] ** -0.5,),
        )


def _between(y):
    """Whether `y` is between the ends, and `y` with one half in place of an end."""
    inside = (y > 0) & (y < 1)
    return inside, jnp.where(inside, y, 0.5)


def _place(y):
    """1 at zero, 2 between, 3 at one."""
    return 1.0 + (y > 0) + (y >= 1)
