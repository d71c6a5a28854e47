"""Adjacent-category models of ordered categories."""

import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from ._family import Traits, Values, as_unit_link
from ._link import AbstractLink, AbstractUnitLink
from ._ordinal import AbstractOrdinal, checked_categories
from ._parameter import free


class AdjacentCategory(AbstractOrdinal):
    """Categories with `log(P(y = k + 1) / P(y = k)) = eta - t_k` (Agresti 2010, section 4.1; VGAM's
    and brms's `acat`).

    The partial credit model of item response theory. The thresholds need no order, and each is a
    parameter as it is.
    """

    link: AbstractUnitLink
    categories: int | None = eqx.field(static=True)
    labels: tuple[str, ...] | None = eqx.field(static=True)
    name: ClassVar[str] = "adjacent_category"
    response: ClassVar[str] = "ordered"

    def __init__(
        self,
        link: str | AbstractLink = "logit",
        categories: int | None = None,
        labels: tuple[str, ...] | None = None,
    ):
        self.link = as_unit_link(link, ("logit",), self.name)
        self.categories, self.labels = checked_categories(self.name, categories, labels)

    @property
    def parameters(self):
        """The thresholds."""
        return free(self.threshold_names)

    def kernel(self, y, eta, phi):
        """NaN for a number that is no category."""
        log_p = _log_probabilities(eta, phi)
        found = jnp.full_like(eta, jnp.nan)
        for k, one in enumerate(log_p, 1):
            found = jnp.where(y == k, one, found)
        return found

    def above(self, eta, phi):
        p = jnp.exp(_log_probabilities(eta, phi))
        return tuple(p[k:].sum(0) for k in range(1, len(p)))

    def from_shares(self, shares):
        return tuple(jnp.log(low) - jnp.log(high) for low, high in itertools.pairwise(shares))

    @property
    def own_traits(self):
        return Traits(log_concave=True, can_separate=True, is_latent=True)


def _log_probabilities(eta: Values, phi: Values) -> Values:
    """The categories on the first axis."""
    odds = [jnp.zeros_like(eta)]
    for k in range(len(phi)):
        odds.append(odds[-1] + eta - phi[k])
    return jax.nn.log_softmax(jnp.stack(jnp.broadcast_arrays(*odds)), 0)
