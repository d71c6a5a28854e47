"""A user's own correlation: a class with one method."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Num

from .._errors import ModelError
from .._types import Array
from ._pattern import AbstractField, Parameter

_CLOSE = 1e-4  # in any precision


class AbstractCorrelation(eqx.Module):
    """Correlation matrices of the effects of a level, for one standard deviation that all share.

    A subclass gives its `name` in formulas, the names of its `parameters`, which `matrix`, and, if
    the correlation depends on where the effects are, the `kind` of their coordinates:

    - "columns": no coordinates; `coordinates` are 0, 1, ..., one for each column of the term;
    - "order": whole numbers, in increasing order;
    - "line": numbers, in increasing order;
    - "space": points in one or more dimensions.
    """

    name: eqx.AbstractClassVar[str]
    parameters: eqx.AbstractClassVar[tuple[str, ...]]
    kind: ClassVar[str] = "columns"

    @abc.abstractmethod
    def matrix(
        self, theta: Float[Array, " k"], coordinates: Num[Array, "q dims"]
    ) -> Float[Array, "q q"]:
        """The correlation matrix, positive definite and differentiable at any real `theta`; zeros
        are the start."""


class OfMatrix(AbstractField):
    """The factor of a user's correlation matrix; its parameters are shown as they are."""

    correlation: AbstractCorrelation
    coordinates: Num[Array, "*members q dims"]

    @property
    def parameters(self):
        return tuple(Parameter(name, name) for name in self.correlation.parameters)

    def factor(self, theta):
        return jnp.linalg.cholesky(self.matrix(theta))

    def matrix(self, theta):
        return self.correlation.matrix(theta, jnp.asarray(self.coordinates))

    def elsewhere(self, points):
        return None if self.correlation.kind == "columns" else OfMatrix(self.correlation, points)

    def natural(self, theta, xp):
        return theta

    def unconstrained(self, values):
        if not np.isfinite(values).all():
            raise ModelError(f"The parameters of {self.correlation.name} must be finite numbers.")
        return values


def check_matrix(pattern: OfMatrix) -> None:
    """Raise a `ModelError` unless the matrix at the start is a correlation matrix."""
    name, q = pattern.correlation.name, len(pattern.coordinates)
    matrix = np.asarray(
        pattern.correlation.matrix(
            jnp.zeros(len(pattern.parameters)), jnp.asarray(pattern.coordinates)
        )
    )
    if matrix.shape != (q, q):
        raise ModelError(f"The matrix of {name} must have shape {(q, q)}, not {matrix.shape}.")
    symmetric = np.allclose(matrix, matrix.T, atol=_CLOSE) and np.allclose(
        np.diag(matrix), 1, atol=_CLOSE
    )
    if not (symmetric and np.linalg.eigvalsh(matrix).min() > 0):
        raise ModelError(
            f"The matrix of {name} at zero must be symmetric and positive definite with a diagonal"
            " of one."
        )
