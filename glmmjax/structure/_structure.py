"""Random effects of any number of grouping factors: `Z`, `Z'WZ` on its own pattern, and `H = I +
lam' Z'WZ lam`.

The factors come in two parts. In the *chain* every factor is nested in the next (the finest comes
first, and the rows lie in its order): their levels touch one parent each, so eliminating them fills
nothing in. The *rest* (crossed factors, smooth terms, terms that couple all their levels) is one
dense matrix, reached from the chain through the pairs of levels that occur together and no others.
A model with one grouping factor is a chain of one.
"""

import functools
import operator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Shaped

from .._types import Array
from ._block import AbstractBlock
from ._columns import Cells, Columns, collect, spread
from ._relative import AbstractRelative, two_sided

Effects = tuple[Float[Array, "_ *columns _"], ...]
"""(rank, ..., levels): spherical (or, with `q` in place of `rank`, natural) effects of each
factor."""

Factors = tuple[AbstractRelative, ...]
"""The relative covariance factor `lam` of each grouping factor."""


def to_natural(lam: Factors, b: Effects) -> Effects:
    """`u = lam b`."""
    return tuple(own.times(part) for own, part in zip(lam, b, strict=True))


def to_spherical(lam: Factors, x: Effects) -> Effects:
    """`lam' x`: a gradient by `u` becomes one by `b`; the parts may have axes between the first and
    the last."""
    return tuple(own.transposed(part) for own, part in zip(lam, x, strict=True))


class Gram(NamedTuple):
    """`Z' W Z` on its pattern; levels of a factor are the last axis.

    Attributes:
        diag: (q, q, levels) of each factor of the chain; its diagonal (q, levels) if the factor is
            `linked`.
        nest: for each factor `t` of the chain and each coarser one `s` (q_s, q_t, levels_t).
        border: for each factor `t` of the chain and each `r` of the rest (q_r, q_t, pairs of
            levels).
        trail: for each two factors `r <= s` of the rest: (q, q, levels) if they are the same, else
            (q_r, q_s, levels_r, levels_s).
        w: the curvatures themselves, where `H` is never formed (`trail` then has the first of each
            row only); or None.
    """

    diag: tuple[Array, ...]
    nest: tuple[tuple[Array, ...], ...]
    border: tuple[tuple[Array, ...], ...]
    trail: tuple[tuple[Array, ...], ...]
    w: Array | None = None


class Matrix(NamedTuple):
    """`H` in spherical coordinates: as `Gram`, but `border` is (rank, entries) of each factor of
    the chain."""

    diag: tuple[AbstractBlock, ...]
    nest: tuple[tuple[Array, ...], ...]
    border: tuple[Array, ...]
    trail: tuple[tuple[Array, ...], ...]


class Border(eqx.Module):
    """Where the levels of a chain factor meet the columns of the rest.

    Attributes:
        pair: for each factor of the rest (blocks, width): number of the pair of levels of each
            cell.
        pairs: number of pairs, padding included.
        level, column: (entries,) of each entry of the flattened border: level of the chain factor,
            column of the rest.
        up: for each coarser factor of the chain (entries,): the entry of its border with the same
            column.
        first, second, target: (products,) two entries of the same level, and the place in the lower
            triangle of the rest, sorted, to which their product goes; None if the border is
            multiplied as a dense matrix.
    """

    pair: tuple[Int[Array, "*members blocks width"], ...]
    pairs: tuple[int, ...] = eqx.field(static=True)
    level: Int[Array, "*members entries"]
    column: Int[Array, "*members entries"]
    up: tuple[Int[Array, "*members entries"], ...]
    first: Int[Array, "*members products"] | None
    second: Int[Array, "*members products"] | None
    target: Int[Array, "*members products"] | None


class Structure(eqx.Module):
    """The random effects of a model.

    Attributes:
        factors: random columns of each grouping factor: the chain, finest first, then the rest.
        group_of_block: (blocks,) sorted level of the finest factor, None when block `g` is level
            `g`.
        parents: for each factor of the chain and each coarser one (levels,): the level in which a
            level is nested.
        borders: for each factor of the chain; empty without a rest.
        terms: numbers of the random terms of the formula that each factor holds.
        chain: number of factors in the chain.
        groups: levels of the finest factor, padding included (one without a chain).
        matrix_free: order of the dense matrix that would be too large, so that all factors are in
            the rest and `H` is never formed; 0 where it is.
    """

    factors: tuple[Columns, ...]
    group_of_block: Int[Array, "*members blocks"] | None
    parents: tuple[tuple[Int[Array, "*members _"], ...], ...]
    borders: tuple[Border, ...]
    terms: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    chain: int = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    matrix_free: int = eqx.field(static=True, default=0)

    @property
    def rest(self) -> tuple[Columns, ...]:
        """Factors that are not in the chain."""
        return self.factors[self.chain :]

    @property
    def size_of_rest(self) -> int:
        """Order of the dense matrix."""
        return sum(f.rank * f.levels for f in self.rest)

    @property
    def components(self) -> int:
        """Number of parts of the random effects that are independent given the data."""
        return 1 if self.rest or not self.chain else self.factors[self.chain - 1].levels

    @property
    def random_predictors(self) -> tuple[int, ...]:
        """Linear predictors that have random effects."""
        return tuple(
            sorted({number for columns in self.factors for number in columns.predictor_of})
        )

    def spread(self, u: Effects, predictors: int) -> Float[Array, "predictors blocks width"]:
        """`Z u`: what the random effects add to each linear predictor."""
        parts: list[list[Array]] = [[] for _ in range(predictors)]
        for number, (columns, own) in enumerate(zip(self.factors, u, strict=True)):
            for predictor, part in zip(
                columns.predictor_of, spread(columns, own, self.level(number)), strict=True
            ):
                parts[predictor].append(part)
        nothing = jnp.zeros(self.factors[0].z.shape[-2:] if self.factors else (1, 1))
        return jnp.stack([sum(part[1:], part[0]) if part else nothing for part in parts])

    def gather(self, f: Float[Array, "predictors *columns blocks width"]) -> Effects:
        """`Z' f` for values `f` of each linear predictor, which may come in several columns."""
        found = []
        for number, columns in enumerate(self.factors):
            z = columns.z.reshape(len(columns.z), *[1] * (f.ndim - 3), *columns.z.shape[-2:])
            found.append(self._sum(z * columns.of_predictor(f), (columns,), number))
        return tuple(found)

    def gram(self, w: Float[Array, "predictors predictors blocks width"]) -> Gram:
        """`Z' W Z` for curvatures `w` between linear predictors."""
        chain, rest = range(self.chain), range(self.chain, len(self.factors))
        if self.matrix_free:
            return Gram((), (), (), tuple((self._trail(r, r, w),) for r in rest), w)
        return Gram(
            diag=tuple(self._product(t, t, w, t) for t in chain),
            nest=tuple(tuple(self._product(s, t, w, t) for s in chain[t + 1 :]) for t in chain),
            border=tuple(
                tuple(self._paired(r, t, w) for r in rest) if self.borders else () for t in chain
            ),
            trail=tuple(
                tuple(self._trail(r, s, w) for s in range(r, len(self.factors))) for r in rest
            ),
        )

    def sum_components(self, values: Cells) -> Float[Array, "*batch components"]:
        """Sum of `values` over the observations of each component."""
        if self.rest or not self.chain:
            return values.sum((-1, -2))[..., None]
        return self.up(self._sum_groups(values), 0, self.chain - 1)

    def by_component(
        self, parts: tuple[Float[Array, "*batch _"], ...]
    ) -> Float[Array, "*batch components"]:
        """Sum of numbers of the levels of each factor over the components."""
        if self.rest or not self.chain:
            return sum((part.sum(-1) for part in parts), jnp.zeros(()))[..., None]
        return functools.reduce(
            operator.add, (self.up(part, t, self.chain - 1) for t, part in enumerate(parts))
        )

    def dot(self, a: Effects, b: Effects) -> Float[Array, " components"]:
        """`a' b` of each component."""
        return self.by_component(tuple((one * two).sum(0) for one, two in zip(a, b, strict=True)))

    def to_levels(self, values: Shaped[Array, " components"]) -> tuple[Array, ...]:
        """Numbers of the components, for (or broadcasting to) the levels of each factor."""
        if self.rest or not self.chain:
            return (values,) * len(self.factors)
        last = self.chain - 1
        return tuple(
            values if t == last else values[self.parents[t][-1]] for t in range(self.chain)
        )

    def no_effects(self, dtype) -> Effects:
        """Spherical random effects of zero."""
        return tuple(jnp.zeros((f.rank, f.levels), dtype) for f in self.factors)

    def matrix(self, lam: Factors, gram: Gram) -> Matrix:
        """`H = I + lam' gram lam`."""
        chain = range(self.chain)
        nest = [
            tuple(
                two_sided(self._of_parents(lam, t, s), block, lam[t])
                for s, block in enumerate(gram.nest[t], t + 1)
            )
            for t in chain
        ]
        border = [self._flat_border(lam, t, gram.border[t]) for t in chain] if self.borders else []
        return Matrix(
            tuple(lam[t].block(gram.diag[t]) for t in chain),
            tuple(nest),
            tuple(border),
            self._spherical_trail(lam, gram.trail),
        )

    def _of_parents(self, lam: Factors, t: int, s: int) -> AbstractRelative:
        """The factor of the parents in `s` of each level of `t`."""
        return lam[s].at(jnp.asarray(self.parents[t][s - t - 1]))

    def level(self, number: int) -> Array | None:
        """Level of each cell, (blocks, width) or (blocks, 1), in a factor; None if block `g` is
        level `g`."""
        if number >= self.chain:
            return self.factors[number].level
        group = self.group_of_block
        if number == 0:
            return None if group is None else group[:, None]
        parent = self.parents[0][number - 1]
        return (parent if group is None else parent[group])[:, None]

    def up(
        self, values: Float[Array, "*batch levels"], t: int, s: int
    ) -> Float[Array, "*batch parents"]:
        """Sum of numbers of the levels of factor `t` of the chain over the levels of `s`."""
        if t == s:
            return values
        zero = jnp.zeros((*values.shape[:-1], self.factors[s].levels), values.dtype)
        return zero.at[..., self.parents[t][s - t - 1]].add(values)

    def _sum_groups(self, values: Cells) -> Array:
        """Sum of `values` over the observations of each level of the finest factor."""
        sums = values.sum(-1)
        if self.group_of_block is None:
            return sums
        zero = jnp.zeros((*sums.shape[:-1], self.groups), sums.dtype)
        return zero.at[..., self.group_of_block].add(sums, indices_are_sorted=True)

    def _sum(self, values: Array, rows: tuple[Columns, ...], number: int) -> Array:
        """Sum of cells over the levels of a factor, by the columns of `rows`."""
        if number < self.chain and all(c.position is None for c in rows):
            return self.up(self._sum_groups(values), 0, number)
        level = self.level(number)
        slot = jnp.arange(self.groups)[:, None] if level is None else level
        return collect(
            values, rows, jnp.broadcast_to(slot, values.shape[-2:]), self.factors[number].levels
        )

    def _cells(self, f: int, g: int, w: Array) -> tuple[Array, tuple[Columns, Columns]]:
        """(c_f, c_g, blocks, width) products of the columns of two factors with their
        curvatures."""
        one, two = self.factors[f], self.factors[g]
        if len(w) > 1:
            w = w[one.predictors][:, two.predictors]
        return one.z[:, None] * two.z * w, (one, two)

    def _product(self, f: int, g: int, w: Array, number: int) -> Array:
        """(q_f, q_g, levels) sums of products over the levels of factor `number`."""
        values, rows = self._cells(f, g, w)
        if f == g and rows[0].position is not None:
            diagonal = self._sum(values[0], rows[:1], number)
            if rows[0].linked:
                return diagonal
            return diagonal[:, None] * jnp.eye(rows[0].q, dtype=diagonal.dtype)[:, :, None]
        return self._sum(values, rows, number)

    def _paired(self, r: int, t: int, w: Array) -> Array:
        """(q_r, q_t, pairs) sums of products over the pairs of levels of `r` in the rest and `t` in
        the chain."""
        values, rows = self._cells(r, t, w)
        border = self.borders[t]
        return collect(values, rows, border.pair[r - self.chain], border.pairs[r - self.chain])

    def _trail(self, r: int, s: int, w: Array) -> Array:
        if r == s:
            return self._product(r, r, w, r)
        values, rows = self._cells(r, s, w)
        one, two = rows
        assert one.level is not None and two.level is not None
        found = collect(values, rows, one.level * two.levels + two.level, one.levels * two.levels)
        return found.reshape(one.q, two.q, one.levels, two.levels)

    def _flat_border(
        self, lam: Factors, t: int, blocks: tuple[Array, ...]
    ) -> Float[Array, "rank entries"]:
        """The border in spherical coordinates, entries in the order of `Border.level`."""
        parts, border, first, column = [], self.borders[t], 0, 0
        for columns, own, block, pairs in zip(
            self.rest, lam[self.chain :], blocks, border.pairs, strict=True
        ):
            pair = slice(
                first, first + pairs
            )  # the first effect of each pair; the others repeat its levels
            fine, coarse = lam[t].at(border.level[pair]), own.at(border.column[pair] - column)
            part = jnp.swapaxes(two_sided(coarse, block, fine), 0, 1)
            parts.append(part.reshape(len(part), -1))
            first, column = first + columns.rank * pairs, column + columns.rank * columns.levels
        return jnp.concatenate(parts, 1)

    def _spherical_trail(
        self, lam: Factors, blocks: tuple[tuple[Array, ...], ...]
    ) -> tuple[tuple[Array, ...], ...]:
        own = lam[self.chain :]

        def between(i: int, j: int, block: Float[Array, "q r levels others"]) -> Array:
            left = jnp.moveaxis(own[i].transposed(jnp.moveaxis(block, 2, -1)), -1, 2)
            return jnp.swapaxes(own[j].transposed(jnp.swapaxes(left, 0, 1)), 0, 1)

        return tuple(
            (
                own[i].block(row[0]).entries,
                *(between(i, j, block) for j, block in enumerate(row[1:], i + 1)),
            )
            for i, row in enumerate(blocks)
        )

    def add_to_rest(
        self, s: Float[jax.Array, "r r"], blocks: tuple[tuple[Array, ...], ...]
    ) -> Float[jax.Array, "r r"]:
        """Add `Matrix.trail` to the lower triangle of a dense matrix, whose columns run by factor,
        effect, level."""
        sizes = [f.rank * f.levels for f in self.rest]
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        for i, (diagonal, *others) in enumerate(blocks):
            levels, effects = np.arange(self.rest[i].levels), np.tril_indices(len(diagonal))
            down, across = (
                starts[i] + effect[:, None] * len(levels) + levels for effect in effects
            )
            s = s.at[down, across].add(diagonal[effects], unique_indices=True)
            for j, block in enumerate(others, i + 1):
                flat = jnp.transpose(block, (1, 3, 0, 2)).reshape(sizes[j], sizes[i])
                s = s.at[starts[j] : starts[j] + sizes[j], starts[i] : starts[i] + sizes[i]].add(
                    flat
                )
        return s
