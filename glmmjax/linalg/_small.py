"""Cholesky algebra for many small matrices, kept as `(q, q, groups)`: matrix axes first, so that
each entry is one contiguous vector. Up to `UNROLL` the loops are unrolled: 7 ns a 2 x 2 factor on a
CPU where a LAPACK call takes 94. Larger matrices take a loop over their columns, because batched
LAPACK calls that XLA runs side by side can wait for each other forever (jaxlib 0.10.2).
"""

import functools
import operator

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array

UNROLL = 4

Blocks = Float[Array, "q q groups"]
Columns = Float[Array, "q *columns groups"]


def cholesky(a: Blocks) -> Blocks:
    """Lower-triangular `l` with `l l' = a`; NaN in the groups whose matrix is not positive
    definite."""
    q = a.shape[0]
    if q > UNROLL:
        return _eliminated(a)[0]
    rows: list[list[Array]] = []
    for i in range(q):
        row: list[Array] = []
        for j in range(i + 1):
            rest = a[i, j] - sum(row[k] * (row if i == j else rows[j])[k] for k in range(j))
            row.append(jnp.sqrt(rest) if i == j else rest / rows[j][j])
        rows.append(row)
    if not q:
        return a
    zero = jnp.zeros_like(a[0, 0])
    return jnp.stack(
        [jnp.stack([rows[i][j] if j <= i else zero for j in range(q)]) for i in range(q)]
    )


def solve_lower(l: Blocks, x: Columns) -> Columns:
    """`l^-1 x` for lower-triangular `l`; `x` may have axes between the first and the last."""
    q = l.shape[0]
    if q > UNROLL:
        return _substituted(l, x)
    out: list[Array] = []
    for i in range(q):
        out.append((x[i] - sum(l[i, k] * out[k] for k in range(i))) / l[i, i])
    return jnp.stack(out) if q else x


def solve_upper(l: Blocks, x: Columns) -> Columns:
    """`l'^-1 x` for lower-triangular `l`; `x` may have axes between the first and the last."""
    q = l.shape[0]
    if q > UNROLL:
        return _substituted(jnp.swapaxes(l, 0, 1)[::-1, ::-1], x[::-1])[::-1]
    out: list[Array] = [x[0]] * q if q else []
    for i in reversed(range(q)):
        out[i] = (x[i] - sum(l[k, i] * out[k] for k in range(i + 1, q))) / l[i, i]
    return jnp.stack(out) if q else x


def lower_inverse(l: Blocks) -> Blocks:
    """`l^-1` for lower-triangular `l`."""
    return solve_lower(l, jnp.broadcast_to(jnp.eye(len(l), dtype=l.dtype)[:, :, None], l.shape))


def multiply(a: Float[Array, "q d _"], x: Float[Array, "d *columns groups"]) -> Columns:
    """`a x` of each group (or the same `a` in all); `x` may have axes between the first and the
    last.

    A sum of outer products: XLA's sums over so short an axis, or its matrix products, are calls
    that nothing fuses with, and took three times as long on a CPU.
    """
    q, d = a.shape[:2]
    if not q * d:
        return jnp.zeros((q, *x.shape[1:]), x.dtype)
    if max(q, d) <= UNROLL:
        between = tuple(range(1, x.ndim - 1))
        parts = (
            jax.lax.expand_dims(jax.lax.index_in_dim(a, k, 1, keepdims=False), between)
            * jax.lax.index_in_dim(x, k, 0)
            for k in range(d)
        )
        return functools.reduce(operator.add, parts)
    if a.shape[-1] == 1:
        return jnp.tensordot(a[..., 0], x, 1)
    return jnp.einsum("ikg,k...g->i...g", a, x)


@jax.custom_jvp
def logdet(h: Blocks) -> Float[Array, " groups"]:
    """`log det h` of each group."""
    l = cholesky(h)
    if l.shape[0] > UNROLL:
        return 2 * jnp.log(jnp.diagonal(l)).sum(-1)
    return 2 * sum(
        (jnp.log(l[i, i]) for i in range(l.shape[0])), jnp.zeros_like(l, shape=l.shape[2:])
    )


@jax.custom_jvp
def inverse(h: Blocks) -> Blocks:
    """`h^-1` of each group."""
    if len(h) > UNROLL:
        half = _eliminated(h)[1]
        return multiply(jnp.swapaxes(half, 0, 1), half)
    l = cholesky(h)
    identity = jnp.broadcast_to(jnp.eye(l.shape[0], dtype=l.dtype)[:, :, None], l.shape)
    return solve_upper(l, solve_lower(l, identity))


# Two products with the inverse, to every order: differentiating the factorisation takes twice as
# long.


@logdet.defjvp
def _(primals, tangents):
    (h,), (h_dot,) = primals, tangents
    return logdet(h), (inverse(h) * h_dot).sum((0, 1))


@inverse.defjvp
def _(primals, tangents):
    (h,), (h_dot,) = primals, tangents
    p = inverse(h)
    return p, -multiply(multiply(p, h_dot), p)


def _eliminated(a: Blocks) -> tuple[Blocks, Blocks]:
    """The Cholesky factor of each group and its inverse: Gaussian elimination of `[a | 1]`, a
    column a turn."""
    q, rows = len(a), jnp.arange(len(a)).reshape(-1, *[1] * (a.ndim - 2))
    identity = jnp.broadcast_to(jnp.eye(q, dtype=a.dtype)[:, :, None], a.shape)

    def turn(k, state):
        left, factor = state
        pivot = jnp.sqrt(left[k, k])
        column, row = left[:, k] / pivot, left[k] / pivot
        below = jnp.where(rows > k, column, 0.0)
        left = (left - below[:, None] * row).at[k].set(row)
        return left, factor.at[:, k].set(jnp.where(rows >= k, column, 0.0))

    left, factor = jax.lax.fori_loop(
        0, q, turn, (jnp.concatenate([a, identity], 1), jnp.zeros_like(a))
    )
    return factor, left[:, q:]


def _substituted(l: Blocks, x: Columns) -> Columns:
    """`l^-1 x` for lower-triangular `l`, a row a turn."""
    axes = (slice(None), *[None] * (x.ndim - 2))

    def turn(k, out):
        return out.at[k].set((x[k] - (l[k][axes] * out).sum(0)) / l[k, k])

    return jax.lax.fori_loop(0, len(l), turn, jnp.zeros_like(x))
