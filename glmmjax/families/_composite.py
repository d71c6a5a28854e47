"""Families made of others: one linear predictor more than the family inside."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from ._family import AbstractFamily, Values, second_derivative


class AbstractComposite(AbstractFamily):
    """A family with the linear predictors of `inner` and, last, one of its own."""

    inner: eqx.AbstractVar[AbstractFamily]
    part: eqx.AbstractClassVar[str]
    """Name of its own linear predictor."""

    @property
    def link(self):
        """The link of the mean."""
        return self.inner.link

    @abc.abstractmethod
    def inner_response(self, y: Values, weight: Values) -> tuple[Values, Values]:
        """Responses and weights from which `inner` alone gets starting values."""

    @abc.abstractmethod
    def start(self, y: Values, phi: Values, weight: Values) -> tuple[Values, Values]:
        """Where its own linear predictor starts, a constant, and `phi`, from `phi` of `inner`."""

    @abc.abstractmethod
    def conditional_mean(self, eta: Values, phi: Values) -> Values:
        """Expected response of the innermost family."""

    def expected_curvature(self, y, eta, phi):
        """(predictors, predictors, ...) a stand-in: `|d2 log f / d eta_i2|` on the diagonal."""
        k, rows = len(eta), []
        for i in range(k):
            direction = jnp.zeros_like(eta).at[i].set(1.0)
            own = jnp.abs(second_derivative(lambda e: self.kernel(y, e, phi), eta, direction))
            rows.append(jnp.stack([own if i == j else jnp.zeros_like(own) for j in range(k)]))
        return jnp.stack(rows)

    def start_mean(self, y):
        return self.inner.start_mean(y)

    def start_phi(self, y, mu, weights):
        inside, counted = self.inner_response(y, weights)
        return tuple(
            self.start(y, jnp.array(self.inner.start_phi(inside, mu, counted)), weights)[1]
        )

    @property
    def own_traits(self):
        return self.inner.own_traits._replace(
            log_concave=False, can_separate=True, has_residual=False, has_expectation=False
        )


def predictor_names(family: AbstractFamily) -> tuple[str, ...]:
    """`mean`, then `disp` and `zi` where the family has these linear predictors."""
    return (
        (*predictor_names(family.inner), family.part)
        if isinstance(family, AbstractComposite)
        else ("mean",)
    )


def innermost(family: AbstractFamily) -> AbstractFamily:
    """The distribution that others are wrapped around."""
    return innermost(family.inner) if isinstance(family, AbstractComposite) else family


def with_innermost(family: AbstractFamily, other: AbstractFamily) -> AbstractFamily:
    """The same linear predictors around another distribution, of the same kind of response."""
    if not isinstance(family, AbstractComposite):
        return other
    wrap: Any = type(family)
    return wrap(with_innermost(family.inner, other))


def conditional_mean(family: AbstractFamily, eta: Values, phi: Values) -> Values:
    """Expected response without the extra zeros."""
    return (
        family.conditional_mean(eta, phi)
        if isinstance(family, AbstractComposite)
        else family.mean(eta, phi)
    )


def seen_inside(family: AbstractComposite, eta: Values) -> Values:
    """The linear predictors of `family.inner`, as it takes them."""
    return eta[:-1] if isinstance(family.inner, AbstractComposite) else eta[0]
