"""The random columns of one grouping factor, cell by cell."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .._types import Array

Cells = Float[Array, "*batch blocks width"]


class Columns(eqx.Module):
    """`q` random columns whose effects differ between the levels of one factor.

    Attributes:
        z: (q, blocks, width) columns; (1, blocks, width) if each observation has one column only,
            at `position`.
        position: (blocks, width) that column, or None.
        level: (blocks, width) level of each cell; None for the factor whose levels the blocks are.
        q: number of columns.
        rank: number of spherical effects of a level; less than `q` where the covariance is of
            reduced rank.
        levels: number of levels, padded ones included.
        predictor_of: linear predictor to which each row of `z` belongs.
        alike: whether levels that could have positions of their own all have the same.
        linked: whether the columns are positions on a line, of which each effect depends on the one
            before it only.
    """

    z: Float[Array, "*members c blocks width"]
    position: Int[Array, "*members blocks width"] | None
    level: Int[Array, "*members blocks width"] | None
    q: int = eqx.field(static=True)
    rank: int = eqx.field(static=True)
    levels: int = eqx.field(static=True)
    predictor_of: tuple[int, ...] = eqx.field(static=True)
    alike: bool = eqx.field(static=True, default=False)
    linked: bool = eqx.field(static=True, default=False)

    @property
    def rows(self) -> range:
        """Numbers of the rows of `z`."""
        return range(len(self.predictor_of))

    def of_predictor(self, f: Float[Array, "predictors *any blocks width"]) -> Array:
        """`f` of the predictor of each row of `z`, or once if they have one in common."""
        return f if len(f) == 1 else f[self.predictors]

    @property
    def predictors(self) -> slice | np.ndarray:
        """Index of the linear predictors of the rows of `z`; of one alone if they have it in
        common."""
        first, *others = set(self.predictor_of)
        return np.array(self.predictor_of) if others else slice(first, first + 1)

    def at(self, row: int) -> Array | int:
        """The column that a row of `z` stands for in each cell."""
        return row if self.position is None else self.position


def spread(columns: Columns, u: Float[Array, "q levels"], level: Array | None) -> list[Array]:
    """What each row of `z` adds to its linear predictor, (blocks, width).

    `level` broadcasts to the cells; None if block `g` is level `g`.
    """
    if level is None and columns.position is None:
        return [columns.z[i] * u[i][:, None] for i in columns.rows]
    level = jnp.arange(columns.levels)[:, None] if level is None else level
    return [columns.z[i] * u[columns.at(i), level] for i in columns.rows]


def collect(
    values: Float[Array, "... blocks width"], rows: tuple[Columns, ...], slot: Array, count: int
) -> Float[Array, "... slots"]:
    """Sum cells by slot, and by the column of each of `rows` that the leading axes of `values` run
    over: `out[j, k, ..., slot] = sum of values[j, k, ..., cell] over the cells of the slot`.

    `values` has one axis for each of `rows` in front, then any others; the result has axes of
    lengths `q` there. A factor of which each row has one column only (`position`) has an axis of
    length one in `values`, and the column of the cell says where on the axis of length `q` the
    number goes: the index is then an array, which JAX wants in front, so axes are moved and back.
    """
    others = values.shape[len(rows) : -2]
    zero = jnp.zeros((*(c.q for c in rows), *others, count), values.dtype)
    if all(c.position is None for c in rows):
        return zero.at[..., slot].add(values)
    index = [_axis(c, axis, len(rows)) for axis, c in enumerate(rows)]
    moved = jnp.moveaxis(
        values, range(len(rows), values.ndim - 2), range(values.ndim - len(others), values.ndim)
    )
    summed = jnp.moveaxis(
        zero, range(len(rows), zero.ndim - 1), range(zero.ndim - len(others), zero.ndim)
    )
    summed = summed.at[*index, slot].add(moved)
    return jnp.moveaxis(
        summed, range(len(rows) + 1, summed.ndim), range(len(rows), summed.ndim - 1)
    )


def _axis(columns: Columns, axis: int, axes: int) -> Array:
    """Indices of the columns along one of the leading axes, to broadcast against the cells."""
    if columns.position is not None:
        return columns.position[(None,) * axes]
    return jnp.arange(columns.q).reshape([-1 if a == axis else 1 for a in range(axes)] + [1, 1])
