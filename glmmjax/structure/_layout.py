"""Where each observation lies: rows sorted by group in blocks of equal length, padded with rows of
weight zero.

A group takes as many blocks as its rows need, so one enormous group among small ones wastes
nothing, and every data set is one array of shape (blocks, rows a block): one traced program
whatever the balance. Sums over a group are sums over the last axis, then over the blocks of the
group; both lengths are rounded up to few sizes, so that the next data set of about the same shape
runs the program that is already compiled.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

Rounded = Callable[[int], int]
"""From a length to the one of the array that holds it: `round_up` or `round_far_up`."""

# A block's share of the sum over blocks, in units of one padded row (measured: 4.3 ns, 1.1 ns)
_BLOCK_COST = 4.0


@dataclasses.dataclass(frozen=True)
class Layout:
    """The place of `n` rows in blocks.

    Attributes:
        rows: (blocks, width) row that each cell holds; padding repeats a row of the same group.
        present: (blocks, width) whether a cell holds a row (and is no padding).
        group_of_block: (blocks,) sorted; None if block `g` is all of group `g`.
        groups: number of groups, padding included.
    """

    rows: np.ndarray
    present: np.ndarray
    group_of_block: np.ndarray | None
    groups: int

    def to_blocks(self, values: np.ndarray) -> np.ndarray:
        """(..., n) values of rows as (..., blocks, width)."""
        return values[..., self.rows]

    def to_rows(self, blocks: np.ndarray) -> np.ndarray:
        """(..., blocks, width) values of cells as (..., n), in the order of the data."""
        out = np.empty((*blocks.shape[:-2], int(self.present.sum())), blocks.dtype)
        out[..., self.rows[self.present]] = blocks[..., self.present]
        return out


def round_up(count: int) -> int:
    """The next of 1, 2, ..., 16, 18, 20, ..., 32, 36, 40, ...: eight sizes an octave, at most an
    eighth more."""
    if count <= 16:
        return max(count, 1)
    step = 1 << (int(count - 1).bit_length() - 4)
    return -(-count // step) * step


def round_far_up(count: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, ...: two sizes an octave, so that data sets of
    about one size have one shape; at most half more."""
    if count <= 4:
        return max(count, 1)
    step = 1 << (int(count - 1).bit_length() - 2)
    return -(-count // step) * step


def make_layouts(
    refs: Sequence[np.ndarray], levels: Sequence[int], rounded: Rounded = round_up
) -> list[Layout]:
    """Layouts of one shape for several sets of rows, so that one program serves them all."""
    sizes = [np.bincount(r, minlength=count) for r, count in zip(refs, levels, strict=True)]
    width = _cheapest_width(np.concatenate(sizes), rounded)
    groups = rounded(max(levels))
    used = max(int(np.maximum(-(-s // width), 1).sum()) for s in sizes)
    one_each = bool(max(s.max() for s in sizes) <= width)
    blocks = groups if one_each else rounded(used)
    return [
        _lay_out(r, s, (blocks, width, groups), one_each=one_each)
        for r, s in zip(refs, sizes, strict=True)
    ]


def _lay_out(
    refs: np.ndarray, sizes: np.ndarray, shape: tuple[int, int, int], *, one_each: bool
) -> Layout:
    (blocks, width, groups), levels = shape, len(sizes)
    blocks_of_group = np.maximum(-(-sizes // width), 1)
    order = np.argsort(refs, kind="stable")
    start = np.concatenate([[0], np.cumsum(sizes)])
    padding = np.full(blocks - int(blocks_of_group.sum()), levels - 1)
    group = np.concatenate([np.repeat(np.arange(levels), blocks_of_group), padding])
    within = np.arange(blocks) - np.concatenate([[0], np.cumsum(blocks_of_group)])[group]
    position = within[:, None] * width + np.arange(width)
    present = position < sizes[group][:, None]
    # An absent cell repeats the last row of its group (so what is finite for the rows is finite for
    # the padding).
    last = np.maximum(sizes[group] - 1, 0)[:, None]
    rows = order[np.minimum(start[group][:, None] + np.minimum(position, last), len(refs) - 1)]
    return Layout(rows, present, None if one_each else group.astype(np.int32), groups)


def _cheapest_width(sizes: np.ndarray, rounded: Rounded) -> int:
    """The block width of least padded rows plus cost of blocks."""
    candidates = sorted(
        {rounded(int(size)) for size in np.unique(sizes)[-64:]} | {2**k for k in range(17)}
    )
    candidates = [width for width in candidates if width <= max(rounded(int(sizes.max())), 1)]

    def cost(width: int) -> float:
        blocks = np.maximum(-(-sizes // width), 1)
        shared = 0.0 if blocks.max() == 1 else _BLOCK_COST
        return float(blocks.sum()) * (width + shared)

    return min(candidates, key=cost)
