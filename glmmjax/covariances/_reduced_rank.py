"""Effects that depend on a few factors."""

from typing import ClassVar

import equinox as eqx
import numpy as np

from .._errors import ModelError
from ._basis import triangular_basis
from ._component import correlations, deviations
from ._covariance import AbstractCovariance
from ._triangle import (
    canonical_triangle,
    diagonal_positions,
    transform_triangle,
    triangle,
    triangle_size,
)


class ReducedRank(AbstractCovariance):
    """A covariance of rank `d`: `theta` is the lower trapezoid of the loadings `lam` (q, d), row by
    row.

    The zeros above the diagonal choose one of the rotations of the factors (`rr` in glmmTMB;
    McGillycuddy, Warton, Popovic and Bolker 2025, J. Stat. Softw. 112).
    """

    q: int = eqx.field(static=True)
    d: int = eqx.field(static=True)
    name: ClassVar[str] = "rr"

    @property
    def rank(self):
        return self.d

    @property
    def size(self):
        return triangle_size(self.q, self.d)

    def factor(self, theta):
        return triangle(theta, self.q, self.d)

    @property
    def scales(self):
        return diagonal_positions(self.q, self.d)

    def start(self, sd):
        return (sd[..., None] * _pattern(self.q, self.d).astype(sd.dtype))[
            ..., *np.tril_indices(self.q, 0, self.d)
        ]

    def working_basis(self, r):
        return triangular_basis(r)

    def transform(self, theta, a):
        return transform_triangle(theta, a, self.d)

    def canonical(self, theta):
        return canonical_triangle(theta, self.q, self.d)

    def components(self, names, label=""):
        return deviations(names) + correlations(names)

    def from_components(self, values):
        raise ModelError(
            "Many loadings of rr have the same standard deviations and correlations: give"
            " gj.Params."
        )


def _pattern(q: int, d: int) -> np.ndarray:
    """(q, d) loadings of unit rows. Where factors are alike, or have no loadings, the likelihood is
    stationary; so the first is common to all effects, and factor j changes sign every j effects, at
    half the size."""
    rows, columns = np.arange(q)[:, None], np.arange(1, d)
    others = 0.5 * (-1.0) ** ((rows - columns) // columns)
    loadings = np.tril(np.concatenate([np.ones((q, 1)), others], 1))
    return loadings / np.sqrt((loadings * loadings).sum(1, keepdims=True))
