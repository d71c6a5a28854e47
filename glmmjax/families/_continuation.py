"""Continuation-ratio models of ordered categories."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ._family import Traits, as_unit_link
from ._link import AbstractLink, AbstractUnitLink
from ._ordinal import AbstractOrdinal, checked_categories
from ._parameter import free


class ContinuationRatio(AbstractOrdinal):
    """Categories that are passed one after the other: `P(y = k | y >= k) = F(t_k - eta)`, `F` the
    inverse link.

    Fienberg (1980); the `sratio` of brms and VGAM. A larger predictor means later categories. The
    thresholds need no order, and each is a parameter as it is. With the complementary log-log link
    this is the cumulative model of the same link, whose thresholds are the logarithms of the
    cumulated `exp(t_k)`.
    """

    link: AbstractUnitLink
    categories: int | None = eqx.field(static=True)
    labels: tuple[str, ...] | None = eqx.field(static=True)
    name: ClassVar[str] = "continuation_ratio"
    response: ClassVar[str] = "ordered"

    def __init__(
        self,
        link: str | AbstractLink = "logit",
        categories: int | None = None,
        labels: tuple[str, ...] | None = None,
    ):
        self.link = as_unit_link(link, ("logit", "probit", "cloglog"), self.name)
        self.categories, self.labels = checked_categories(self.name, categories, labels)

    @property
    def parameters(self):
        """The thresholds."""
        return free(self.threshold_names)

    def kernel(self, y, eta, phi):
        """NaN for a number that is no category."""
        total, is_category = jnp.zeros_like(eta), y == len(phi) + 1
        for k, t in enumerate(self.dispersion(phi), 1):
            # The logarithms of a stop and of going on, neither of which overflows where it is not
            # wanted.
            passed, stopped = self.link.log_complement(t - eta), self.link.log_inverse(t - eta)
            total = total + jnp.where(y > k, passed, jnp.where(y == k, stopped, 0.0))
            is_category |= y == k
        return jnp.where(is_category, total, jnp.nan)

    def above(self, eta, phi):
        found, log_above = [], jnp.zeros_like(eta)
        for t in self.dispersion(phi):
            log_above = log_above + self.link.log_complement(t - eta)
            found.append(jnp.exp(log_above))
        return tuple(found)

    def from_shares(self, shares):
        return tuple(self.link.link(share / sum(shares[k:])) for k, share in enumerate(shares[:-1]))

    @property
    def own_traits(self):
        return Traits(log_concave=True, can_separate=True, is_latent=True)
