"""What models of ordered categories share: the numbers and labels of the categories, draws,
means."""

import abc
import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp

from .._errors import ModelError
from ._family import AbstractFamily, Values
from ._link import AbstractUnitLink


class AbstractOrdinal(AbstractFamily):
    """Categories `y` = 1, ..., K with K - 1 thresholds, which take the place of the intercept.

    A model reads `categories` and their `labels` off its response. The mean is that of the number
    of the category. Weights multiply the log probability.
    """

    link: eqx.AbstractVar[AbstractUnitLink]
    categories: eqx.AbstractVar[int | None]
    labels: eqx.AbstractVar[tuple[str, ...] | None]
    """Names of the categories; None if these are their numbers."""

    @property
    def threshold_names(self) -> tuple[str, ...]:
        """`low|high` or `1|2`, ...: the thresholds, by the categories that they lie between."""
        names = self.labels or tuple(str(k) for k in range(1, (self.categories or 1) + 1))
        return tuple(f"{low}|{high}" for low, high in itertools.pairwise(names))

    @abc.abstractmethod
    def above(self, eta: Values, phi: Values) -> tuple[Values, ...]:
        """`P(y > k)` for k = 1, ..., K - 1."""

    @abc.abstractmethod
    def from_shares(self, shares: tuple[Values, ...]) -> tuple[Values, ...]:
        """`phi` at which a predictor of zero gives the K categories the probabilities `shares`."""

    def with_categories(self, categories: int, labels: tuple[str, ...] | None) -> "AbstractOrdinal":
        """The family for other categories."""
        return type(self)(self.link, categories, labels)  # pyright: ignore[reportCallIssue]

    def base(self, y, phi, weight):
        return jnp.zeros_like(y)

    def mean(self, eta, phi):
        return 1 + sum(self.above(eta, phi))

    def variance(self, y, eta, phi):
        """`E (y - 1)^2 = sum_k (2 k - 1) P(y > k)`."""
        above = self.above(eta, phi)
        return sum((2 * k - 1) * p for k, p in enumerate(above, 1)) - jnp.square(sum(above))

    def expected_curvature(self, y, eta, phi):
        """`sum_k P(y = k) (d log P(y = k) / d eta)^2`: the square has no cancellation."""
        total = jnp.zeros_like(eta)
        for k in range(1, len(phi) + 2):
            log_p, score = jax.jvp(
                functools.partial(self._kernel_of, k, phi), (eta,), (jnp.ones_like(eta),)
            )
            total = total + jnp.exp(log_p) * score**2
        return total

    def _kernel_of(self, k, phi, eta):
        return self.kernel(jnp.full_like(eta, k), eta, phi)

    def sample(self, key, y, eta, phi, weight):
        u = jax.random.uniform(key, eta.shape, eta.dtype)
        return 1 + sum((u < one).astype(eta.dtype) for one in self.above(eta, phi))

    def start_mean(self, y):
        return jnp.full_like(y, 0.5)

    def start_phi(self, y, mu, weights):
        """Thresholds from the frequencies, with half an observation more in each category."""
        top = len(self.parameters) + 1
        total = weights.sum() + 0.5 * top
        return self.from_shares(
            tuple(((weights * (y == k)).sum() + 0.5) / total for k in range(1, top + 1))
        )


def checked_categories(
    family: str, categories: int | None, labels: tuple[str, ...] | None
) -> tuple[int | None, tuple[str, ...] | None]:
    """The categories and labels of a family; labels that are the numbers of the categories are
    none."""
    if labels is not None:
        labels = tuple(str(label) for label in labels)
        if categories is not None and categories != len(labels):
            raise ModelError(
                f"The {family} family has {categories} categories and {len(labels)} labels."
            )
        if len(set(labels)) < len(labels):
            raise ModelError(f"The labels of the {family} family repeat: {', '.join(labels)}.")
        categories = len(labels)
        labels = None if labels == tuple(str(k) for k in range(1, categories + 1)) else labels
    if categories is not None and (not isinstance(categories, int) or categories < 2):
        raise ModelError(f"A {family} family needs at least 2 categories, not {categories!r}.")
    return categories, labels
