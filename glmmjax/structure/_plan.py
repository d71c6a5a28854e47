"""Which factors are eliminated level by level and which are left to one dense matrix, and the
arrays that follow.

NumPy, once a data set. Several data sets of one kind get arrays of common shapes, so that one
program serves them all.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ._columns import Columns
from ._layout import Layout, Rounded, make_layouts, round_far_up, round_up
from ._structure import Border, Structure

LARGEST_BLOCK = 32  # columns of a level; a factor with more is dense anyway
LARGEST_REST = 10_000  # order of the dense matrix: 0.8 GB, of which a gradient holds several
LARGEST_PRODUCTS = 2**28  # pairs of entries of a border: 3 GB of indices
_PRODUCT = 4.0  # ns to gather two numbers and add their product in place (measured, as is the next)
_FLOP = 0.01  # ns of a dense product
_DENSE_BORDER = 2**28  # numbers
FAR = 64  # levels, above which half as many more cost the dense matrix too much


class Grouping(NamedTuple):
    """One grouping factor of one data set of `n` rows.

    Attributes:
        terms: numbers of the random terms of the formula.
        refs: (n,) level of each row.
        levels: number of levels.
        z: (n, c) columns; (n, 1) if each row has one only, `position`.
        position: (n,) column of each row, or None.
        q, rank: columns, and spherical effects, of a level.
        predictor_of: (c,) linear predictor of each column of `z`.
        separate: whether each level has positions of its own, of which `q` is the largest number.
        alike: whether these are the same in all levels after all.
        linked: whether they lie on a line and each effect depends on the one before it only.
    """

    terms: tuple[int, ...]
    refs: np.ndarray
    levels: int
    z: np.ndarray
    position: np.ndarray | None
    q: int
    rank: int
    predictor_of: tuple[int, ...]
    separate: bool = False
    alike: bool = False
    linked: bool = False


class Arrangement(NamedTuple):
    """The random effects of one data set, and where its rows lie."""

    structure: Structure
    layout: Layout


def make_structure(factors: Sequence[Grouping], n: int, rounded: Rounded = round_up) -> Arrangement:
    """The structure of the factors of one data set of `n` rows."""
    return make_structures([factors], [n], rounded)[0]


def make_structures(
    members: Sequence[Sequence[Grouping]], n: Sequence[int], rounded: Rounded = round_up
) -> list[Arrangement]:
    """Structures of one shape for data sets that have the same factors, lengths being `rounded`
    (those of a large dense matrix never far)."""
    members = _of_one_width(members)
    order, chain = choose(members)
    matrix_free = _too_large(members, order, chain)
    if matrix_free:
        order, chain = list(range(len(order))), 0
    members = [[factors[number] for number in order] for factors in members]
    finest = [
        factors[0].refs if chain else np.zeros(rows, int)
        for factors, rows in zip(members, n, strict=True)
    ]
    levels = [factors[0].levels if chain else 1 for factors in members]
    layouts = make_layouts(finest, levels, rounded)
    levels = [max(factors[f].levels for factors in members) for f in range(len(order))]
    levels = [
        layouts[0].groups if chain and f == 0 else _room(f, count, chain, rounded)
        for f, count in enumerate(levels)
    ]
    maps = [_Maps(factors, levels, chain) for factors in members]
    shapes = _shapes(maps, levels, rounded)
    pairs = zip(maps, layouts, strict=True)
    return [
        Arrangement(_structure(one, layout, shapes, matrix_free), layout) for one, layout in pairs
    ]


def _room(f: int, levels: int, chain: int, rounded: Rounded) -> int:
    """Room for so many levels of factor `f`."""
    return (round_up if f >= chain and levels > FAR else rounded)(levels)


def _of_one_width(members: Sequence[Sequence[Grouping]]) -> list[list[Grouping]]:
    """Room for as many positions in every data set as in the one with the most of them."""

    def widened(f: int, one: Grouping) -> Grouping:
        if not one.separate:
            return one
        q = round_up(max(factors[f].q for factors in members))
        return one._replace(q=q, rank=q, alike=all(factors[f].alike for factors in members))

    return [[widened(f, one) for f, one in enumerate(factors)] for factors in members]


def _too_large(members: Sequence[Sequence[Grouping]], order: list[int], chain: int) -> int:
    """The order of the dense matrix if it, or the work to form it, is out of proportion; else 0."""
    r = _size_of_rest(order[:chain], members)
    if r > LARGEST_REST:
        return r
    if not chain or chain == len(order):
        return 0
    fine, rest = members[0][order[0]], [members[0][number] for number in order[chain:]]
    met = np.zeros(fine.levels, np.int64)
    for other in rest:
        met += other.rank * np.bincount(
            _pairs_of(fine, other) // other.levels, minlength=fine.levels
        )
    products = int((met * (met + 1) // 2).sum())
    return r if products > LARGEST_PRODUCTS and fine.rank * fine.levels * r > _DENSE_BORDER else 0


def _pairs_of(fine: Grouping, other: Grouping) -> np.ndarray:
    """Codes of the pairs of levels that occur."""
    return np.unique(fine.refs.astype(np.int64) * other.levels + other.refs)


def choose(members: Sequence[Sequence[Grouping]]) -> tuple[list[int], int]:
    """The order of the factors, and how many of them make the chain: the one that leaves the
    smallest dense matrix.

    Factors of a single level, and those with more than `LARGEST_BLOCK` columns a level, go to the
    rest, unless there is no other, or they are linked and can be the first of the chain.
    """
    first = members[0]
    able = [f for f, one in enumerate(first) if one.rank <= LARGEST_BLOCK and _most(members, f) > 1]
    linked = [f for f, one in enumerate(first) if one.linked]
    starts = [*linked, *(f for f in able if f not in linked)]
    if not starts:
        alone = len(first) == 1 and first[0].rank <= LARGEST_BLOCK
        return list(range(len(first))), int(alone)
    chains = [_chain_from(start, able, members) for start in starts]
    best = min(chains, key=lambda chain: _size_of_rest(chain, members))
    return [*best, *(f for f in range(len(first)) if f not in best)], len(best)


def _chain_from(start: int, able: list[int], members: Sequence[Sequence[Grouping]]) -> list[int]:
    """Factors in which `start` and each other are nested, finest first."""
    chain = [start]
    for f in sorted(able, key=lambda f: -_most(members, f)):
        if f not in chain and all(_nested(m[chain[-1]], m[f]) for m in members):
            chain.append(f)
    return chain


def _size_of_rest(chain: list[int], members: Sequence[Sequence[Grouping]]) -> int:
    return sum(one.rank * _most(members, f) for f, one in enumerate(members[0]) if f not in chain)


def _most(members: Sequence[Sequence[Grouping]], f: int) -> int:
    return max(factors[f].levels for factors in members)


def _nested(fine: Grouping, coarse: Grouping) -> bool:
    return fine.levels >= coarse.levels and bool(
        (_parents(fine, coarse)[fine.refs] == coarse.refs).all()
    )


def _parents(fine: Grouping, coarse: Grouping) -> np.ndarray:
    """The level of `coarse` in which some row of each level of `fine` lies."""
    parents = np.zeros(fine.levels, np.int32)
    parents[fine.refs] = coarse.refs
    return parents


class _Border(NamedTuple):
    """What the levels of a chain factor have in common with the rest, unpadded.

    `pair` holds for each factor of the rest the number of each row's pair of levels; the pairs
    themselves are `levels` of the chain factor and `others` of the rest.
    """

    pair: list[np.ndarray]
    levels: list[np.ndarray]
    others: list[np.ndarray]


class _Maps:
    """Index arrays of one data set before padding."""

    def __init__(self, factors: Sequence[Grouping], levels: Sequence[int], chain: int):
        self.factors, self.levels, self.chain = factors, levels, chain
        self.borders = (
            [self._border(factors[t]) for t in range(chain)] if chain < len(factors) else []
        )

    def _border(self, fine: Grouping) -> _Border:
        border = _Border([], [], [])
        for other in self.factors[self.chain :]:
            codes, pair = np.unique(fine.refs * other.levels + other.refs, return_inverse=True)
            border.pair.append(pair)
            border.levels.append(codes // other.levels)
            border.others.append(codes % other.levels)
        return border


class _Entries(NamedTuple):
    """The entries of a flattened border: level of the chain factor, column of the rest; `real` ones
    are no padding."""

    level: np.ndarray
    column: np.ndarray
    real: np.ndarray


class _Shapes(NamedTuple):
    """Sizes common to all data sets: levels of each factor, for each border pairs and products (0:
    dense)."""

    levels: Sequence[int]
    pairs: list[tuple[int, ...]]
    products: list[int]


def _shapes(maps: list[_Maps], levels: Sequence[int], rounded: Rounded) -> _Shapes:
    first = maps[0]
    rest = range(len(first.factors) - first.chain)
    pairs = [
        tuple(_room_for_pairs(maps, t, r, levels, rounded) for r in rest)
        for t in range(len(first.borders))
    ]
    products = []
    for t in range(len(first.borders)):
        counts = [_count_products(_entries(m, t, pairs[t])) for m in maps]
        products.append(rounded(max(counts)) if _sparse(first, t, max(counts), levels) else 0)
    return _Shapes(levels, pairs, products)


def _room_for_pairs(
    maps: list[_Maps], t: int, r: int, levels: Sequence[int], rounded: Rounded
) -> int:
    """One pair more than there are: the padding of every index points to its zero. Where lengths
    are rounded far up and most pairs occur, there is room for all."""
    count = max(len(m.borders[t].levels[r]) for m in maps) + 1
    every = levels[t] * levels[maps[0].chain + r] + 1
    return every if rounded is round_far_up and every <= 3 * count else rounded(count)


def _sparse(maps: _Maps, t: int, products: int, levels: Sequence[int]) -> bool:
    """Whether multiplying the pairs that occur costs less than multiplying all of them as a dense
    matrix."""
    r = sum(
        f.rank * n for f, n in zip(maps.factors[maps.chain :], levels[maps.chain :], strict=True)
    )
    wide = maps.factors[t].rank * levels[t] * r
    return wide > _DENSE_BORDER or products * _PRODUCT < 2 * wide * r * _FLOP


def _entries(maps: _Maps, t: int, pairs: tuple[int, ...]) -> _Entries:
    """Entries in the order of the flattened border: factor of the rest, its effects, pairs of
    levels."""
    level, column, real, first = [], [], [], 0
    border = maps.borders[t]
    for r, other in enumerate(maps.factors[maps.chain :]):
        count, size = len(border.levels[r]), maps.levels[maps.chain + r]
        fine, coarse = (
            _padded(border.levels[r], pairs[r], 0),
            _padded(border.others[r], pairs[r], 0),
        )
        for effect in range(other.rank):
            level.append(fine)
            column.append(first + effect * size + coarse)
            real.append(np.arange(pairs[r]) < count)
        first += other.rank * size
    return _Entries(np.concatenate(level), np.concatenate(column), np.concatenate(real))


def _count_products(entries: _Entries) -> int:
    met = np.bincount(entries.level[entries.real])
    return int((met.astype(np.int64) * (met + 1) // 2).sum())


def _products(entries: _Entries, size: int, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of entries of the same level, the one with the larger column first, sorted by where
    their product goes.

    `R_cd -= sum B_lc (A^-1 B')_ld` over the levels `l` that meet both columns: an entry of rank `k`
    among those of its level is `first` in `k + 1` pairs, with itself and those before it as
    `second`; `target` is the flat index of (c, d), `c >= d`.
    """
    order = np.flatnonzero(entries.real)
    order = order[np.lexsort((entries.column[order], entries.level[order]))]
    level = entries.level[order]
    rank = np.arange(len(order)) - np.searchsorted(level, level)
    first = np.repeat(np.arange(len(order)), rank + 1)
    second = np.arange(len(first)) - np.repeat(np.cumsum(rank + 1) - (rank + 1), rank + 1)
    second = second + np.repeat(np.arange(len(order)) - rank, rank + 1)
    first, second = order[first], order[second]
    target = entries.column[first] * r + entries.column[second]
    sorting = np.argsort(target, kind="stable")
    nothing = int(np.flatnonzero(~entries.real)[0])
    arrays = (first[sorting], second[sorting])
    padded = [_padded(array, size, nothing) for array in arrays]
    return padded[0], padded[1], _padded(target[sorting], size, r * r - 1)


def _padded(values: np.ndarray, size: int, fill: int) -> np.ndarray:
    return np.concatenate([values, np.full(size - len(values), fill)]).astype(np.int32)


def _structure(maps: _Maps, layout: Layout, shapes: _Shapes, matrix_free: int) -> Structure:
    factors, chain = maps.factors, maps.chain
    columns = [
        Columns(
            z=layout.to_blocks(f.z.T),
            position=None if f.position is None else layout.to_blocks(f.position).astype(np.int32),
            level=layout.to_blocks(f.refs).astype(np.int32) if number >= chain else None,
            q=f.q,
            rank=f.rank,
            levels=shapes.levels[number],
            predictor_of=f.predictor_of,
            alike=f.alike,
            linked=f.linked and number == 0 and chain > 0,
        )
        for number, f in enumerate(factors)
    ]
    # Levels that only pad hang on the last level of each coarser factor, to which they add nothing.
    parents = tuple(
        tuple(
            _padded(_parents(factors[t], factors[s]), shapes.levels[t], shapes.levels[s] - 1)
            for s in range(t + 1, chain)
        )
        for t in range(chain)
    )
    return Structure(
        factors=tuple(columns),
        group_of_block=layout.group_of_block if chain else np.zeros(len(layout.rows), np.int32),
        parents=parents,
        borders=tuple(_border(maps, t, layout, shapes) for t in range(len(maps.borders))),
        terms=tuple(f.terms for f in factors),
        chain=chain,
        groups=layout.groups,
        matrix_free=matrix_free,
    )


def _border(maps: _Maps, t: int, layout: Layout, shapes: _Shapes) -> Border:
    border, pairs, size = maps.borders[t], shapes.pairs[t], shapes.products[t]
    entries = _entries(maps, t, pairs)
    r = sum(
        f.rank * n
        for f, n in zip(maps.factors[maps.chain :], shapes.levels[maps.chain :], strict=True)
    )
    products = _products(entries, size, r) if size else (None, None, None)
    return Border(
        pair=tuple(layout.to_blocks(pair).astype(np.int32) for pair in border.pair),
        pairs=pairs,
        level=entries.level.astype(np.int32),
        column=entries.column.astype(np.int32),
        up=tuple(_up(maps, t, s, shapes) for s in range(t + 1, maps.chain)),
        first=products[0],
        second=products[1],
        target=products[2],
    )


def _up(maps: _Maps, t: int, s: int, shapes: _Shapes) -> np.ndarray:
    """For each entry of the border of `t` the one of the border of `s` with the same column, in its
    parent's row."""
    parents, first, found = _parents(maps.factors[t], maps.factors[s]), 0, []
    fine, coarse = maps.borders[t], maps.borders[s]
    for r, other in enumerate(maps.factors[maps.chain :]):
        codes = coarse.levels[r] * other.levels + coarse.others[r]
        place = np.searchsorted(codes, parents[fine.levels[r]] * other.levels + fine.others[r])
        count = shapes.pairs[s][r]
        for effect in range(other.rank):
            start = first + effect * count
            found.append(_padded(start + place, shapes.pairs[t][r], start + count - 1))
        first += other.rank * count
    return np.concatenate(found)
