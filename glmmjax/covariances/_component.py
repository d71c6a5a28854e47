"""What people read of a covariance: standard deviations, correlations and parameters on their
natural scale."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._types import Array

Members = Float[Array, "*members"]
Theta = Float[Array, "*members size"]
Matrices = Float[Array, "*members q q"]


class Component(NamedTuple):
    """One row of `varcorr()`.

    Attributes:
        term1, term2: what the row is about, as lme4 writes it: `term2` is empty for a standard
            deviation.
        kind: "sd", "cor", or the name of another parameter, such as "range".
        value: of `theta` and the covariance (both may have leading members) the pair of a variance
            or covariance and of a standard deviation, correlation or parameter, NumPy's of NumPy's
            arrays and JAX's of JAX's. What does not exist is NaN.
    """

    term1: str
    term2: str
    kind: str
    value: Callable[[Theta, Matrices], tuple[Members, Members]]


def deviations(names: tuple[str, ...]) -> tuple[Component, ...]:
    """The standard deviation of each effect."""
    return tuple(Component(name, "", "sd", _deviation_of(i)) for i, name in enumerate(names))


def correlations(names: tuple[str, ...]) -> tuple[Component, ...]:
    """The correlation of each pair of effects, row by row of the upper triangle."""
    pairs = itertools.combinations(range(len(names)), 2)
    return tuple(Component(names[i], names[j], "cor", _correlation_of(i, j)) for i, j in pairs)


def _deviation_of(i: int) -> Callable[[Theta, Matrices], tuple[Members, Members]]:
    def value(theta, covariance):
        variance = covariance[..., i, i]
        return variance, variance**0.5

    return value


def _correlation_of(i: int, j: int) -> Callable[[Theta, Matrices], tuple[Members, Members]]:
    def value(theta, covariance):
        xp = covariance.__array_namespace__()
        product = covariance[..., i, i] * covariance[..., j, j]
        exists = product > 0
        root = xp.where(exists, product, 1.0) ** 0.5
        return covariance[..., i, j], xp.where(exists, covariance[..., i, j] / root, xp.nan)

    return value


def as_deviations(values: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The values themselves; a `ModelError` if one of them is no standard deviation."""
    for value in values:
        if not (np.isfinite(value) and value >= 0):
            raise ModelError(
                f"A standard deviation must be a finite number that is not negative, not {value:g}."
            )
    return values


def as_positive(name: str, value: float) -> float:
    """The value itself; a `ModelError` if it is not positive."""
    if not (np.isfinite(value) and value > 0):
        raise ModelError(f"The {name} must be a positive finite number, not {value:g}.")
    return value


def as_correlation(value: float, low: float = -1.0) -> float:
    """The value itself; a `ModelError` if it is not between `low` and 1."""
    if not low < value < 1:
        raise ModelError(f"This correlation must lie between {low:.4g} and 1, not {value:g}.")
    return value
