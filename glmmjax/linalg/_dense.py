"""Cholesky algebra for one large matrix, with derivatives that need no differentiated
factorisation.

Functions take the symmetric matrix `s`, of which only the lower triangle means anything and which
carries the derivative, and its Cholesky factor `l`, which is computed once. The rules use the
inverse itself: it is what the gradient of the determinant is, so it is there anyway.
"""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Float

from .._types import Array
from . import _small as small

Matrix = Float[Array, "r r"]
Columns = Float[Array, "r *columns"]

_BATCHED = 320  # larger matrices are not computed side by side
_LEAF = 32
_LAPACK_LEAF = 128


def cholesky(s: Matrix) -> Matrix:
    """Lower-triangular `l` with `l l' = s` (its lower triangle is read), without derivative; NaN if
    `s` is not positive definite.

    Matrices of which a batch may have many stay clear of LAPACK's batched calls (see `_small`).
    """
    s = jax.lax.stop_gradient(s)
    return (
        _cholesky_by_halves(s)
        if len(s) <= _BATCHED
        else jnp.linalg.cholesky(s, symmetrize_input=False)
    )


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
    """The lower triangle of `s^-1`."""
    del s
    return _lower_of_gram(_lower_inverse(l))


def solve(s: Matrix, l: Matrix, x: Columns) -> Columns:
    """`s^-1 x`.

    Not by a rule for `jax.custom_jvp`: where the solution is itself the linear part of a rule (the
    derivative of the conditional mode), that rule would be lost when it is transposed.
    """
    half = _lower_inverse(l) if len(l) <= _BATCHED else None

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
    whole = _symmetric(p)
    return p, -whole @ _symmetric(tangents[0]) @ whole


def _symmetric(s: Matrix) -> Matrix:
    return jnp.tril(s) + jnp.tril(s, -1).T


def _cholesky_by_halves(s: Matrix) -> Matrix:
    r = len(s)
    if r <= _LEAF:
        return small.cholesky(_symmetric(s)[..., None])[..., 0]
    half = _middle(r)
    above = _cholesky_by_halves(s[:half, :half])
    across = s[half:, :half] @ _lower_inverse(above).T
    return _lower(above, across, _cholesky_by_halves(s[half:, half:] - across @ across.T))


def _lower_inverse(l: Matrix, leaf: int | None = None) -> Matrix:
    """`l^-1` by halves: nearly all of it is matrix products, four times as fast as solving for the
    identity."""
    r = len(l)
    leaf = leaf or (_LEAF if r <= _BATCHED else _LAPACK_LEAF)
    identity = jnp.eye(r, dtype=l.dtype)
    if r <= leaf:
        by_lapack = leaf == _LAPACK_LEAF
        return (
            solve_triangular(l, identity, lower=True)
            if by_lapack
            else small.lower_inverse(l[..., None])[..., 0]
        )
    half = _middle(r)
    above, below = _lower_inverse(l[:half, :half], leaf), _lower_inverse(l[half:, half:], leaf)
    return _lower(above, -below @ (l[half:, :half] @ above), below)


def _lower_of_gram(l: Matrix) -> Matrix:
    """`l' l` for a lower-triangular `l`, of which the lower triangle means anything: by halves, a
    third of the work."""
    r = len(l)
    if r <= _LAPACK_LEAF:
        return l.T @ l
    half = _middle(r)
    above, across, below = l[:half, :half], l[half:, :half], l[half:, half:]
    return _lower(
        _lower_of_gram(above) + across.T @ across, below.T @ across, _lower_of_gram(below)
    )


def _middle(r: int) -> int:
    return (r // 2 + 15) // 16 * 16


def _lower(
    above: Float[Array, "a a"], across: Float[Array, "b a"], below: Float[Array, "b b"]
) -> Matrix:
    nothing = jnp.zeros(across.shape[::-1], across.dtype)
    return jnp.concatenate(
        [jnp.concatenate([above, nothing], 1), jnp.concatenate([across, below], 1)]
    )
