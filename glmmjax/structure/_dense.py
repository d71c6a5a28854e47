"""Cholesky algebra for one large matrix, with derivatives that need no differentiated factorisation.

Functions take the matrix `s`, which carries the derivative, and its Cholesky factor `l`, which is computed once. The
rules use the inverse itself: it is what the gradient of the determinant is, so it is there anyway.
"""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Float

from .._types import Array

Matrix = Float[Array, "r r"]
Columns = Float[Array, "r *columns"]

_SMALLEST_HALF = 128


def cholesky(s: Matrix) -> Matrix:
    """Lower-triangular `l` with `l l' = s` (its lower triangle is read), without derivative; NaN if `s` is not positive
    definite."""
    return jnp.linalg.cholesky(jax.lax.stop_gradient(s), symmetrize_input=False)


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
    return jax.lax.custom_linear_solve(lambda y: s @ y, x, lambda _, b: cho_solve((l, True), b), symmetric=True)


@logdet.defjvp
def _(primals, tangents):
    s, l = primals
    return logdet(s, l), (inverse(s, l) * tangents[0]).sum()


@inverse.defjvp
def _(primals, tangents):
    s, l = primals
    p = inverse(s, l)
    return p, -p @ tangents[0] @ p


def _lower_inverse(l: Matrix) -> Matrix:
    """`l^-1` by halves: nearly all of it is matrix products, four times as fast as solving for the identity."""
    r = len(l)
    if r <= _SMALLEST_HALF:
        return solve_triangular(l, jnp.eye(r, dtype=l.dtype), lower=True)
    half = (r // 2 + 31) // 32 * 32
    above, below = _lower_inverse(l[:half, :half]), _lower_inverse(l[half:, half:])
    across = -below @ (l[half:, :half] @ above)
    return jnp.block([[above, jnp.zeros((half, r - half), l.dtype)], [across, below]])
