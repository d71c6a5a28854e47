"""Correlations by their factor: what the structures with parameters of their own differ in."""

import abc
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from .._types import Array
from ._component import Matrices, Members, Theta


class Parameter(NamedTuple):
    """A parameter of a correlation: its name, and whether it is a correlation ("cor") or else its
    name again."""

    name: str
    kind: str


class AbstractPattern(eqx.Module):
    """Lower-triangular `l` with a correlation matrix `l l'`, from unconstrained parameters that
    start at zero."""

    @property
    @abc.abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of `theta`."""

    @abc.abstractmethod
    def factor(self, theta: Float[Array, " k"]) -> Float[Array, "q q"]:
        """The factor `l`."""

    @abc.abstractmethod
    def elsewhere(self, points: Num[Array, "m dims"]) -> "AbstractPattern | None":
        """The same correlation with the same parameters at other points, sorted; None if it is not
        one of places."""

    @abc.abstractmethod
    def natural(
        self, theta: Float[Array, "*members k"], xp: ModuleType
    ) -> Float[Array, "*members k"]:
        """The parameters as people read them, computed with `xp`: NumPy, or JAX's NumPy."""

    @abc.abstractmethod
    def unconstrained(self, values: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        """The inverse of `natural`; raises a `ModelError` for values that no such correlation
        has."""


class AbstractField(AbstractPattern):
    """A correlation of effects at places of which only the matrix is known."""

    @abc.abstractmethod
    def matrix(self, theta: Float[Array, " k"]) -> Float[Array, "q q"]:
        """The correlation matrix `l l'`."""


class AbstractLinked(AbstractPattern):
    """A correlation along a line of which each effect depends on the one before it only."""

    @abc.abstractmethod
    def links(
        self, theta: Float[Array, " k"], gaps: Num[Array, "*any"]
    ) -> tuple[Float[Array, "*any"], Float[Array, "*any"]]:
        """The correlation `r` over each of the `gaps`, which are positive, and `sqrt(1 - r^2)`."""


def parameter_value(
    pattern: AbstractPattern, k: int, scales: int, *, has_covariance: bool
) -> Callable[[Theta, Matrices], tuple[Members, Members]]:
    """`Component.value` of parameter `k` of a pattern, whose `theta` stands behind those of
    `scales`."""

    def value(theta, covariance):
        xp = theta.__array_namespace__()
        natural = xp.asarray(pattern.natural(theta[..., scales:], xp))[..., k]
        variance = covariance[..., 0, 0] if has_covariance else xp.nan
        return xp.asarray(variance * natural), natural

    return value


class Independent(AbstractPattern):
    """No correlation."""

    q: int = eqx.field(static=True)

    @property
    def parameters(self):
        return ()

    def factor(self, theta):
        return jnp.eye(self.q, dtype=theta.dtype)

    def elsewhere(self, points):
        return None

    def natural(self, theta, xp):
        return theta

    def unconstrained(self, values):
        return values
