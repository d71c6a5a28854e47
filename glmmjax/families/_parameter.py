"""The parameters that families have of their own: what an unconstrained `phi` means.

A family lists its parameters, in the order of `phi`; their names, values and limits follow from the
list.
"""

import abc
import functools
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array

Values = Float[Array, "..."]

_LOG_WIDEST = 4.1588830833596715  # log 64


class AbstractParameter(eqx.Module):
    """One parameter: a number `phi` on the whole line for its value on the natural scale.

    Attributes:
        name: of the natural value, as it is reported.
        simpler: of a parameter whose `phi` is zero at an ordinary point, the limit at which the
            family becomes a simpler one: what that one is, and what else to do there, in words.
    """

    meaning: eqx.AbstractClassVar[str]
    """The natural value, written in `phi` and, where it plays a part, `before`."""
    rule: eqx.AbstractClassVar[str]
    """What natural values must do, in words: "be positive"."""
    low: eqx.AbstractClassVar[float]
    """No natural value is below it."""
    is_even: ClassVar[bool] = False
    """Whether the sign of `phi` means nothing."""
    is_own: ClassVar[bool] = True
    """Whether the value is that of its `phi` alone."""
    name: str = eqx.field(static=True)
    simpler: str = eqx.field(default="", static=True)

    @abc.abstractmethod
    def natural(self, phi: Values, before: Values | float) -> Values:
        """The value; `before` is that of the parameter before it, zero for the first."""

    @abc.abstractmethod
    def unconstrained(self, value: Values, before: Values | float) -> Values:
        """The inverse of `natural`; not finite for values out of range."""


class Free(AbstractParameter):
    """Any number, which is its own `phi`."""

    meaning: ClassVar[str] = "phi"
    rule: ClassVar[str] = "be finite"
    low: ClassVar[float] = -math.inf

    def natural(self, phi, before):
        return jnp.asarray(phi)

    def unconstrained(self, value, before):
        return value


class Positive(AbstractParameter):
    """A positive number, by its logarithm."""

    meaning: ClassVar[str] = "exp(phi)"
    rule: ClassVar[str] = "be positive"
    low: ClassVar[float] = 0.0

    def natural(self, phi, before):
        return jnp.exp(phi)

    def unconstrained(self, value, before):
        return jnp.log(value)


class Square(AbstractParameter):
    """A number from zero up, by its root: zero is a point like any other. The sign of `phi` means
    nothing."""

    meaning: ClassVar[str] = "phi^2"
    rule: ClassVar[str] = "not be negative"
    low: ClassVar[float] = 0.0
    is_even: ClassVar[bool] = True

    def natural(self, phi, before):
        return jnp.square(phi)

    def unconstrained(self, value, before):
        return jnp.sqrt(value)


class OneAndSquare(AbstractParameter):
    """A number from one up, by the root of what it exceeds one by. The sign of `phi` means
    nothing."""

    meaning: ClassVar[str] = "1 + phi^2"
    rule: ClassVar[str] = "be one or larger"
    low: ClassVar[float] = 1.0
    is_even: ClassVar[bool] = True

    def natural(self, phi, before):
        return 1 + jnp.square(phi)

    def unconstrained(self, value, before):
        return jnp.sqrt(value - 1)


class InverseSquare(AbstractParameter):
    """A positive number up to infinity, where `phi` is zero, a point like any other. The sign of
    `phi` means nothing."""

    meaning: ClassVar[str] = "1 / phi^2"
    rule: ClassVar[str] = "be positive"
    low: ClassVar[float] = 0.0
    is_even: ClassVar[bool] = True

    def natural(self, phi, before):
        return 1 / jnp.square(phi)

    def unconstrained(self, value, before):
        return 1 / jnp.sqrt(value)


class Ratio(AbstractParameter):
    """A number from 1 / 64 to 64, by its logarithm; a `phi` beyond is taken for the end."""

    meaning: ClassVar[str] = "exp(phi)"
    rule: ClassVar[str] = "lie between 1 / 64 and 64"
    low: ClassVar[float] = 0.0

    def natural(self, phi, before):
        return 1 / inverse_ratio(phi)

    def unconstrained(self, value, before):
        log_value = jnp.log(value)
        return jnp.where(jnp.abs(log_value) <= _LOG_WIDEST, log_value, jnp.nan)


def inverse_ratio(phi):
    """One over the natural value of a `Ratio`."""
    return jnp.exp(-jnp.clip(phi, -_LOG_WIDEST, _LOG_WIDEST))


class OneToTwo(AbstractParameter):
    """A number between one and two, by the log odds of where it lies."""

    meaning: ClassVar[str] = "1 + 1 / (1 + exp(-phi))"
    rule: ClassVar[str] = "lie between 1 and 2"
    low: ClassVar[float] = 1.0

    def natural(self, phi, before):
        return 1 + jax.nn.sigmoid(phi)

    def unconstrained(self, value, before):
        above = value - 1
        return jnp.log(above) - jnp.log1p(-above)


class Above(AbstractParameter):
    """A number larger than the one before it, by the logarithm of the distance."""

    meaning: ClassVar[str] = "before + exp(phi)"
    rule: ClassVar[str] = "be larger than the one before"
    low: ClassVar[float] = -math.inf
    is_own: ClassVar[bool] = False

    def natural(self, phi, before):
        return before + jnp.exp(phi)

    def unconstrained(self, value, before):
        return jnp.log(value - before)


# Families ask for their parameters often, and making the objects takes longer than looking them up.


@functools.cache
def free(names: tuple[str, ...]) -> tuple[AbstractParameter, ...]:
    """Any numbers."""
    return tuple(map(Free, names))


@functools.cache
def increasing(names: tuple[str, ...]) -> tuple[AbstractParameter, ...]:
    """Numbers in increasing order: the lowest is free, each other one is above the one before."""
    return tuple(Above(name) if k else Free(name) for k, name in enumerate(names))
