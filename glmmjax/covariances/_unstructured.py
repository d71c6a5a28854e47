"""Any covariance."""

from typing import ClassVar

import equinox as eqx
import numpy as np

from .._errors import ModelError
from ._basis import triangular_basis
from ._component import as_deviations, correlations, deviations
from ._covariance import AbstractCovariance
from ._triangle import (
    canonical_triangle,
    diagonal_positions,
    transform_triangle,
    triangle,
    triangle_size,
)


class Unstructured(AbstractCovariance):
    """Any covariance: `theta` is the lower triangle of `lam`, row by row (`us` in glmmTMB, `|` in a
    formula)."""

    q: int = eqx.field(static=True)
    name: ClassVar[str] = "us"

    @property
    def rank(self):
        return self.q

    @property
    def size(self):
        return triangle_size(self.q, self.q)

    def factor(self, theta):
        return triangle(theta, self.q, self.q)

    @property
    def scales(self):
        return diagonal_positions(self.q, self.q)

    def start(self, sd):
        return (sd[..., None] * np.eye(self.q, dtype=bool))[..., *np.tril_indices(self.q)]

    def working_basis(self, r):
        return triangular_basis(r)

    def transform(self, theta, a):
        return transform_triangle(theta, a, self.q)

    def canonical(self, theta):
        return canonical_triangle(theta, self.q, self.q)

    def components(self, names, label=""):
        return deviations(names) + correlations(names)

    def from_components(self, values):
        upper = np.zeros((self.q, self.q))
        upper[np.triu_indices(self.q, 1)] = values[self.q :]
        try:
            lower = np.linalg.cholesky(np.eye(self.q) + upper + upper.T)
        except np.linalg.LinAlgError:
            lower = np.full_like(upper, np.nan)
        if not np.isfinite(lower).all():
            raise ModelError("No random effects have these correlations: make them smaller.")
        return (as_deviations(values[: self.q])[:, None] * lower)[np.tril_indices(self.q)]
