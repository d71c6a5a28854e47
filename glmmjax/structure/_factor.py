"""The factor of `H`: the chain is eliminated level by level, finest factor first, and the rest is
one dense matrix.

Levels of a factor touch no other level of it, so one step is a batch of small solutions. With `A`
the block of a level, `N` what it has in common with its parents and `B` with the rest, a step takes
`N A^-1 N'`, `B A^-1 N'` and `B A^-1 B'` from what is left. Reverse-mode differentiation of the
determinant runs the same steps backwards and yields the inverse on the pattern of `H` (Takahashi's
recursion), so nothing else is needed for gradients.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from .._types import Array
from ..linalg import dense, small
from ._block import AbstractPivots, DenseBlock
from ._interface import AbstractFactor
from ._iterative import IterativeFactor
from ._structure import Border, Effects, Factors, Gram, Matrix, Structure


class Rest(NamedTuple):
    """The dense matrix that is left at the end, and its Cholesky factor."""

    matrix: Float[Array, "r r"]
    cholesky: Float[Array, "r r"]


class Elimination(NamedTuple):
    """What is left of the chain when finer factors are eliminated, and at the end.

    Attributes:
        diag: the factored blocks of the levels.
        nest, border: as of a `Matrix`.
        rest: the dense matrix, None if there is none.
    """

    diag: tuple[AbstractPivots, ...]
    nest: tuple[tuple[Array, ...], ...]
    border: tuple[Array, ...]
    rest: Rest | None

    def solve(self, structure: Structure, x: Effects) -> Effects:
        """`H^-1 x`; the parts of `x` may have axes between the first and the last."""
        chain = structure.chain
        moving, solvers = list(x[:chain]), [block.solver() for block in self.diag]
        bottom = None if self.rest is None else _stack(x[chain:])
        for t in range(chain):
            done = solvers[t](moving[t])
            for s, block in enumerate(self.nest[t], t + 1):
                moving[s] = moving[s] - structure.up(small.multiply(block, done), t, s)
            if bottom is not None:
                bottom = bottom - _onto_rest(
                    structure.borders[t], self.border[t], done, len(bottom)
                )
        if self.rest is not None and bottom is not None:
            bottom = dense.solve(*self.rest, bottom)
        for t in reversed(range(chain)):
            moving[t] = solvers[t](moving[t] - self.from_above(structure, t, moving, bottom))
        return (*moving, *(() if bottom is None else _unstack(bottom, x[chain:])))

    def positive(self, structure: Structure) -> Bool[Array, " components"]:
        """Whether `H` of a component is positive definite."""
        bad = tuple(1.0 - block.positive() for block in self.diag)
        good = structure.by_component(bad) == 0
        return good if self.rest is None else good & jnp.isfinite(self.rest.cholesky).all()

    def from_above(
        self, structure: Structure, t: int, moving: list[Array], bottom: Array | None
    ) -> Array:
        """What the coarser factors and the rest take from the right-hand side of factor `t`."""
        total = jnp.zeros_like(moving[t])
        for s, block in enumerate(self.nest[t], t + 1):
            parent = structure.parents[t][s - t - 1]
            total = total + small.multiply(jnp.swapaxes(block, 0, 1), moving[s][..., parent])
        if bottom is None:
            return total
        border, values = structure.borders[t], self.border[t]
        ahead = (slice(None), *[None] * (total.ndim - 2))
        parts = values[ahead] * jnp.moveaxis(bottom[border.column], 0, -1)
        return total.at[..., border.level].add(parts)


class Factor(AbstractFactor):
    """What can be asked of `H`.

    Attributes:
        structure: whose `H` it is.
        matrix: `H` itself.
        left: what its elimination left.
    """

    structure: Structure
    matrix: Matrix
    left: Elimination

    def solve(self, x: Effects) -> Effects:
        return self.left.solve(self.structure, x)

    def half_solve(self, x: Effects) -> Effects:
        chain, moving = self.structure.chain, list(x[: self.structure.chain])
        bottom = (
            dense.half_solve(self.left.rest.cholesky, _stack(x[chain:]))
            if self.left.rest is not None
            else None
        )
        for t in reversed(range(chain)):
            moving[t] = self.left.diag[t].half_solve(moving[t])
            if self.left.nest[t] or bottom is not None:
                above = self.left.from_above(self.structure, t, moving, bottom)
                moving[t] = moving[t] - self.left.diag[t].solver()(above)
        return (*moving, *(() if bottom is None else _unstack(bottom, x[chain:])))

    def logdet(self) -> Float[Array, " components"]:
        parts = self.structure.by_component(tuple(block.logdet() for block in self.left.diag))
        return parts if self.left.rest is None else parts + dense.logdet(*self.left.rest)

    def blocks(self) -> tuple[Array, ...]:
        if (
            self.structure.chain == 1
            and self.left.rest is None
            and isinstance(self.matrix.diag[0], DenseBlock)
        ):
            return (small.inverse(self.matrix.diag[0].matrix),)
        slopes = jax.grad(lambda matrix: eliminate(self.structure, matrix).logdet().sum())(
            self.matrix
        )
        found = (*(block.entries for block in slopes.diag), *(row[0] for row in slopes.trail))
        # Some steps compute one triangle only, so an entry and its mirror image share the
        # derivative in any proportion.
        return tuple(s if s.ndim == 2 else 0.5 * (s + jnp.swapaxes(s, 0, 1)) for s in found)

    def positive(self) -> Bool[Array, " components"]:
        return self.left.positive(self.structure)


def factorise(structure: Structure, lam: Factors, gram: Gram) -> AbstractFactor:
    """The factor of `H = I + lam' gram lam`."""
    if structure.matrix_free:
        return IterativeFactor(structure, lam, gram)
    return eliminate(structure, structure.matrix(lam, gram))


def eliminate(structure: Structure, matrix: Matrix) -> Factor:
    """Factor `H`.

    With `A` the blocks of factor `t`, `N_s` (in `nest`) what its levels have in common with those
    of the coarser factor `s`, and `B` (in `border`) with the rest, step `t` leaves the Schur
    complement

        H_ss - N_s A^-1 N_s',   N_us - N_s A^-1 N_u',   B_s - N_s A^-1 B,   R - B' A^-1 B,

    each summed over the levels of `t` below a level of `s` (`structure.up`).
    """
    blocks, nest = list(matrix.diag), [list(row) for row in matrix.nest]
    border, diag = [jnp.asarray(part) for part in matrix.border], []
    r = structure.size_of_rest
    taken = (
        jnp.zeros(r * r, blocks[0].entries.dtype if blocks else matrix.trail[0][0].dtype)
        if r
        else None
    )
    for t in range(structure.chain):
        diag.append(blocks[t].factored())
        if not (border or nest[t]):
            continue
        solve = diag[t].solver()
        for i, own in enumerate(tuple(nest[t])):
            s, block = t + 1 + i, jnp.swapaxes(solve(jnp.swapaxes(own, 0, 1)), 0, 1)  # N_s A^-1
            for j in range(i):
                u, shared = t + 1 + j, small.multiply(block, jnp.swapaxes(nest[t][j], 0, 1))
                nest[u][s - u - 1] = nest[u][s - u - 1] - structure.up(shared, t, u)
            coarser = blocks[s]
            assert isinstance(coarser, DenseBlock)
            blocks[s] = DenseBlock(
                coarser.matrix - structure.up(small.multiply(block, jnp.swapaxes(own, 0, 1)), t, s)
            )
            if border:
                moved = small.multiply(block[..., structure.borders[t].level], border[t])
                border[s] = border[s].at[:, structure.borders[t].up[i]].add(-moved)
        if taken is not None:
            solved = -diag[t].solve_at(structure.borders[t].level, border[t])
            taken = _take_products(
                taken, structure.borders[t], structure.factors[t].levels, border[t], solved
            )
    rest = None
    if taken is not None:
        whole = structure.add_to_rest(taken.reshape(r, r), matrix.trail)
        rest = Rest(whole, dense.cholesky(whole))
    return Factor(
        structure, matrix, Elimination(tuple(diag), tuple(map(tuple, nest)), tuple(border), rest)
    )


def _take_products(
    flat: Float[jax.Array, " cells"], border: Border, levels: int, values: Array, solved: Array
) -> Float[jax.Array, " cells"]:
    """The flattened rest less `B A^-1 B'`, of which the lower triangle is enough; `solved` is
    `-A^-1 B'`."""
    if border.first is not None:
        parts = (solved[:, border.first] * values[:, border.second]).sum(0)
        return flat.at[border.target].add(parts, indices_are_sorted=True)
    r = math.isqrt(len(flat))
    wide = [
        jnp.zeros((len(part), levels, r), part.dtype).at[:, border.level, border.column].add(part)
        for part in (values, solved)
    ]
    return flat + jnp.einsum("ilr,ils->rs", *wide).ravel()


def _onto_rest(border: Border, values: Array, done: Array, r: int) -> Array:
    """`B done`, the columns of `done` (rank, ..., levels) behind the `r` rows of the rest."""
    ahead = (slice(None), *[None] * (done.ndim - 2))
    parts = jnp.moveaxis((values[ahead] * done[..., border.level]).sum(0), -1, 0)
    return jnp.zeros((r, *parts.shape[1:]), parts.dtype).at[border.column].add(parts)


def _stack(parts: Effects) -> Float[Array, "r *columns"]:
    """Effects of the rest as rows of the dense matrix."""
    moved = [jnp.moveaxis(part, -1, 1) for part in parts]
    return jnp.concatenate([part.reshape(-1, *part.shape[2:]) for part in moved])


def _unstack(rows: Array, like: Effects) -> Effects:
    parts, first = [], 0
    for part in like:
        last = first + part.shape[0] * part.shape[-1]
        own = rows[first:last].reshape(part.shape[0], part.shape[-1], *rows.shape[1:])
        parts.append(jnp.moveaxis(own, 1, -1))
        first = last
    return tuple(parts)
