"""A lower-triangular or trapezoidal factor whose entries are the parameters, row by row."""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._types import Array


def triangle_size(q: int, rank: int) -> int:
    """Number of entries on and below the diagonal of a (q, rank) matrix."""
    return q * rank - rank * (rank - 1) // 2


@functools.cache
def diagonal_positions(q: int, rank: int) -> np.ndarray:
    """Where the diagonal of a (q, rank) matrix is among its entries on and below it."""
    rows, columns = np.tril_indices(q, 0, rank)
    return np.flatnonzero(rows == columns)


def triangle(theta: Float[Array, " size"], q: int, rank: int) -> Float[Array, "q rank"]:
    """The matrix with the entries `theta`."""
    rows, columns = np.tril_indices(q, 0, rank)
    # A product with the (constant) positions: linear, so its derivatives are products too and trace
    # quickly.
    positions = np.eye(q * rank)[rows * rank + columns]
    return (theta @ positions.astype(theta.dtype)).reshape(q, rank)


def transform_triangle(
    theta: Float[np.ndarray, " size"], a: Float[np.ndarray, "*members q q"], rank: int
) -> Float[np.ndarray, "*members size"]:
    """Entries of `a lam`."""
    q = a.shape[-1]
    return (a @ np.asarray(triangle(np.asarray(theta), q, rank)))[..., *np.tril_indices(q, 0, rank)]


def canonical_triangle(theta: Float[Array, " size"], q: int, rank: int) -> Float[Array, " size"]:
    """Columns with the signs that make the diagonal positive."""
    lam = triangle(theta, q, rank)
    return (lam * jnp.where(jnp.diagonal(lam) < 0, -1.0, 1.0))[np.tril_indices(q, 0, rank)]
