"""Zeros beside those of a family: zero inflation, and hurdles where the family itself has none."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from .._errors import ModelError
from ._composite import AbstractComposite, conditional_mean, seen_inside
from ._custom import CustomFamily
from ._family import AbstractFamily
from ._link import log_sum, softplus

# Kind of the family's response, and of the response with zeros.
_WITH_ZERO = {
    "count": "count",
    "nonnegative": "nonnegative",
    "proportion": "proportion",
    "positive_count": "count",
    "positive": "nonnegative",
    "unit": "below_one",
}
_OWN_ZEROS = ("count", "nonnegative", "proportion")


class ZeroInflated(AbstractComposite):
    """Zero with probability `p = logistic(eta[-1])`, else a draw of `inner` (Lambert 1992; Mullahy
    1986).

    Where `inner` has zeros of its own these add to `p`; where it has none (truncated counts,
    positive numbers) it is a hurdle model, and `p` is the probability of zero.
    """

    inner: AbstractFamily
    response: str = eqx.field(static=True)
    name: ClassVar[str] = "zero_inflated"
    part: ClassVar[str] = "zi"

    def __init__(self, inner: AbstractFamily):
        if inner.traits.is_quasi:
            raise ModelError(
                f"ziformula needs a distribution, and {inner.name} has none: use nbinom2 or"
                " betabinomial."
            )
        if inner.response not in _WITH_ZERO or isinstance(inner, CustomFamily):
            raise ModelError(
                f"ziformula needs counts, proportions or positive numbers, which {inner.name} is"
                " not for."
            )
        self.inner, self.response = inner, _WITH_ZERO[inner.response]

    @property
    def parameters(self):
        """Those of `inner`."""
        return self.inner.parameters

    def kernel(self, y, eta, phi):
        extra = eta[-1]
        inside = self.inner.kernel(self._filled(y), seen_inside(self, eta), phi)
        # p = (1 - p) exp(eta), and p + (1 - p) f(0) = (1 - p) (exp(eta) + f(0))
        at_zero = extra if self.is_hurdle else log_sum(extra, inside + self._base_of_zero(y, phi))
        return jnp.where(self._is_zero(y), at_zero, inside) - softplus(extra)

    def base(self, y, phi, weight):
        return jnp.where(self._is_zero(y), 0.0, self.inner.base(self._filled(y), phi, weight))

    def mean(self, eta, phi):
        return jax.lax.logistic(-eta[-1]) * self.inner.mean(seen_inside(self, eta), phi)

    def variance(self, y, eta, phi):
        inside, q = seen_inside(self, eta), jax.lax.logistic(-eta[-1])
        m = self.inner.mean(inside, phi) * (y[1] if self.response == "proportion" else 1.0)
        # E y^2 - (E y)^2 = q (V + m^2) - q^2 m^2
        return q * (self.inner.variance(y, inside, phi) + (1 - q) * jnp.square(m))

    def conditional_mean(self, eta, phi):
        return conditional_mean(self.inner, seen_inside(self, eta), phi)

    def sample(self, key, y, eta, phi, weight):
        for_zero, for_rest = jax.random.split(key)
        drawn = self.inner.sample(for_rest, y, seen_inside(self, eta), phi, weight)
        extra = jax.random.bernoulli(for_zero, jax.lax.logistic(eta[-1]))
        if drawn.ndim == eta.ndim - 1:
            return jnp.where(extra, 0.0, drawn)
        return jnp.stack([jnp.where(extra, 0.0, drawn[0]), *drawn[1:]])

    def inner_response(self, y, weight):
        """Without the zeros, if `inner` has none."""
        if not self.is_hurdle:
            return y, weight
        return self._filled(y), jnp.where(self._is_zero(y), 0.0, weight)

    def start(self, y, phi, weight):
        """From the share of zeros, half of which are extra ones where there are others."""
        zeros = (weight * self._is_zero(y)).sum() + 0.5
        share = zeros / (weight.sum() + 1.0)
        share = share if self.is_hurdle else share / 2
        return jnp.log(share) - jnp.log1p(-share), phi

    @property
    def is_hurdle(self) -> bool:
        """Whether all zeros are those of `p`."""
        return self.inner.response not in _OWN_ZEROS

    def _base_of_zero(self, y, phi):
        """Only no successes out of trials have one."""
        if self.response != "proportion":
            return 0.0
        return self.inner.base(jnp.stack([jnp.zeros_like(y[0]), y[1]]), phi, jnp.ones_like(y[1]))

    def _is_zero(self, y):
        return (y[0] if self.response == "proportion" else y) == 0

    def _filled(self, y):
        """Responses in which zeros, where `inner` has none, are something that it takes."""
        if not self.is_hurdle:
            return y
        return jnp.where(y == 0, 0.5 if self.inner.response == "unit" else 1.0, y)


def is_hurdle(family: AbstractFamily) -> bool:
    """Whether a family has a linear predictor for all of its zeros."""
    return isinstance(family, ZeroInflated) and family.is_hurdle
