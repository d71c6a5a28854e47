"""Cumulative models of ordered categories."""

import itertools
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ._family import Traits, as_unit_link
from ._link import AbstractLink, AbstractUnitLink, log_one_minus_exp_exp
from ._ordinal import AbstractOrdinal, checked_categories
from ._parameter import increasing


class Cumulative(AbstractOrdinal):
    """Categories `y` = 1, ..., K with `P(y <= k) = F(t_k - eta)`, `F` the inverse link (McCullagh
    1980; `clmm`).

    The thresholds `t_1 < ... < t_{K - 1}` are flexible. Unconstrained they are the first one and
    the logarithms of the increments.
    """

    link: AbstractUnitLink
    categories: int | None = eqx.field(static=True)
    labels: tuple[str, ...] | None = eqx.field(static=True)
    name: ClassVar[str] = "cumulative"
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
        return increasing(self.threshold_names)

    def kernel(self, y, eta, phi):
        """NaN for a number that is no category."""
        top, none = len(phi) + 1, jnp.full_like(eta, jnp.nan)
        low, high, log_gap = none, none, none
        for k, (t, own) in enumerate(zip(self.dispersion(phi), phi, strict=True), 1):
            high, low = jnp.where(y == k, t, high), jnp.where(y == k + 1, t, low)
            log_gap = jnp.where(y == k, own, log_gap)
        is_first, is_last = y == 1, y == top
        # In the first and the last category the missing threshold is put one away: it plays no
        # part.
        low, high = jnp.where(is_first, high - 1, low), jnp.where(is_last, low + 1, high)
        log_gap = jnp.where(is_first | is_last, 0.0, log_gap)
        inside = _log_between(self.link, high - eta, low - eta, log_gap)
        below, above = self.link.log_inverse(high - eta), self.link.log_complement(low - eta)
        return jnp.where(is_first, below, jnp.where(is_last, above, inside))

    def above(self, eta, phi):
        return tuple(jnp.exp(self.link.log_complement(t - eta)) for t in self.dispersion(phi))

    def from_shares(self, shares):
        below = itertools.accumulate(shares[:-1])
        return self.unconstrained(tuple(self.link.link(share) for share in below))

    @property
    def own_traits(self):
        return Traits(log_concave=True, can_separate=True, is_latent=True)


def _log_between(link: AbstractUnitLink, high, low, log_gap):
    """`log(F(high) - F(low))` with `high - low = exp(log_gap)`, in forms without cancellation."""
    if link.name == "logit":  # F(b) - F(a) = F(b) (1 - F(a)) (1 - exp(a - b))
        return link.log_inverse(high) + link.log_complement(low) + log_one_minus_exp_exp(log_gap)
    if link.name == "cloglog":  # exp(-exp(a)) (1 - exp(-(exp(b) - exp(a))))
        return link.log_complement(low) + log_one_minus_exp_exp(low + _log_expm1_exp(log_gap))
    # Both ends in the lower half, where the logarithms of the tails are far apart.
    turned = high + low > 0
    upper, lower = jnp.where(turned, -low, high), jnp.where(turned, -high, low)
    log_upper, log_lower = link.log_inverse(upper), link.log_inverse(lower)
    return log_upper + jnp.log(-jnp.expm1(log_lower - log_upper))


def _log_expm1_exp(log_gap):
    """`log(exp(d) - 1)` with `d = exp(log_gap)`."""
    return jnp.exp(log_gap) + log_one_minus_exp_exp(log_gap)
