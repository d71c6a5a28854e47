"""Working bases by what a covariance leaves free: a triangle, a diagonal, or one scale.

All take `r` with `r'r = z'z / count`, whose columns have the mean squares of those of `z`. A column
of zeros keeps its scale, and so does one that depends on others: any invertible basis is right, and
these are not identified anyway.
"""

import numpy as np
from jaxtyping import Float

Matrices = Float[np.ndarray, "*members q q"]
_DEPENDENT = 1e-12


def triangular_basis(r: Matrices) -> Matrices:
    """Lower-triangular `a` with `a'a = r'r`: the QR factors of the columns in reverse, reversed."""
    reverse = r[..., ::-1]
    upper = np.linalg.qr(reverse, mode="r")
    diagonal, norms = np.diagonal(upper, axis1=-2, axis2=-1), np.sqrt((reverse * reverse).sum(-2))
    signs = np.where(diagonal < 0, -1.0, 1.0)
    lost = np.where(np.abs(diagonal) <= _DEPENDENT * norms, _one_for_zero(norms), 0.0)
    return (upper * signs[..., None] + lost[..., None] * np.eye(r.shape[-1]))[..., ::-1, ::-1]


def diagonal_basis(r: Matrices) -> Matrices:
    """Diagonal `a` of the root mean squares of the columns."""
    return _one_for_zero(np.sqrt((r * r).sum(-2)))[..., None] * np.eye(r.shape[-1])


def scalar_basis(r: Matrices) -> Matrices:
    """One scale: the root mean square of all columns."""
    return position_basis(r / np.sqrt(r.shape[-1]))


def position_basis(r: Matrices) -> Matrices:
    """One scale for columns that share the rows among them: the root mean square of the rows, 1 for
    indicators."""
    return _one_for_zero(np.sqrt((r * r).sum((-2, -1), keepdims=True))) * np.eye(r.shape[-1])


def _one_for_zero(scale: np.ndarray) -> np.ndarray:
    return np.where(scale == 0, 1.0, scale)
