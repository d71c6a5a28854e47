"""Cholesky algebra for one large matrix, with derivatives that need no differentiated factorisation.

Functions take the symmetric matrix `s`, of which only the lower triangle means anything and which carries the
derivative, and its Cholesky factor `l`, which is computed once. The rules use the inverse itself: it is what the
gradient of the determinant is, so it is there anyway.
"""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Float

from .._types import Array
from . import _small as small

Matrix = Float[Array, "r r"]
Columns = Float[Array, "r *columns"]

_SMALLEST_HALF = 128


def cholesky(s: Matrix) -> Matrix:
    """Lower-triangular `l` with `l l' = s` (its lower triangle is read), without derivative; NaN if `s` is not positive
    definite.

    Small matrices, of which a batch has many, stay clear of LAPACK's batched calls (see `_small`).
    """
    s = jax.lax.stop_gradient(s)
    if len(s) <= _SMALLEST_HALF:
        return small.cholesky(_symmetric(s)[..., None])[..., 0]
    return jnp.linalg.cholesky(s, symmetrize_input=False)


def half_solve(l: Matrix, x: Columns) -> Columns:
    """`l'^-1 x`."""
    return solve_triangular(l, x, trans=1, lower=True)


@jax.custom_jvp
def logdet(s: Matrix, l: Matrix) -> Float[Array, ""]:
    """`log det s`."""
    del s
    return 2 * jnp.log(jnp.diagonal(l)).sum()


@jax.custom_jvp
def inverse(s: Matrix, l: Matrix) -> Matrix:
    """`s^-1`."""
    del s
    half = _lower_inverse(l)
    return half.T @ half


def solve(s: Matrix, l: Matrix, x: Columns) -> Columns:
    """`s^-1 x`.

    Not by a rule for `jax.custom_jvp`: where the solution is itself the linear part of a rule (the derivative of the
    conditional mode), that rule would be lost when it is transposed.
    """
    half = _lower_inverse(l) if len(l) <= _SMALLEST_HALF else None

    def solution(_, b):
        return cho_solve((l, True), b) if half is None else half.T @ (half @ b)

    return jax.lax.custom_linear_solve(lambda y: _symmetric(s) @ y, x, solution, symmetric=True)


@logdet.defjvp
def _(primals, tangents):
    s, l = primals
    p = inverse(s, l)
    return logdet(s, l), ((2 * p - jnp.diag(jnp.diagonal(p))) * jnp.tril(tangents[0])).sum()


@inverse.defjvp
def _(primals, tangents):
    s, l = primals
    p = inverse(s, l)
    return p, -p @ _symmetric(tangents[0]) @ p


def _symmetric(s: Matrix) -> Matrix:
    return jnp.tril(s) + jnp.tril(s, -1).T


def _lower_inverse(l: Matrix) -> Matrix:
    """`l^-1` by halves: nearly all of it is matrix products, four times as fast as solving for the identity."""
    r = len(l)
    if r <= _SMALLEST_HALF:
        return small.solve_lower(l[..., None], jnp.eye(r, dtype=l.dtype)[..., None])[..., 0]
    half = (r // 2 + 31) // 32 * 32
    above, below = _lower_inverse(l[:half, :half]), _lower_inverse(l[half:, half:])
    across = -below @ (l[half:, :half] @ above)
    return jnp.block([[above, jnp.zeros((half, r - half), l.dtype)], [across, below]])
