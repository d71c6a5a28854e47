"""The positions that occur in each level of a grouping factor, of all that a term has."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Separate:
    """The positions of each level, in increasing order.

    - `codes`: (total,) sorted, `level * count + position` of those that occur.
    - `count`: how many positions the term has.
    - `starts`: (levels + 1,) where the codes of each level begin.
    """

    codes: np.ndarray
    count: int
    starts: np.ndarray

    @property
    def most(self) -> int:
        """The largest number of positions of a level."""
        return int(np.diff(self.starts).max(initial=1))

    @property
    def alike(self) -> bool:
        """Whether every level has the same positions."""
        table = self.table
        return bool((table == table[:, :1]).all())

    def find(self, refs: np.ndarray, position: np.ndarray) -> np.ndarray:
        """(n,) the place of positions among those of their level, -1 where it has none or either is
        -1."""
        wanted = np.where(
            (refs < 0) | (position < 0), -1, refs.astype(np.int64) * self.count + position
        )
        at = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        return np.where(self.codes[at] == wanted, at - self.starts[np.maximum(refs, 0)], -1)

    def of_level(self, level: int) -> np.ndarray:
        """(k,) the positions of a level."""
        return self.codes[self.starts[level] : self.starts[level + 1]] - level * self.count

    @property
    def table(self) -> np.ndarray:
        """(most, levels) the positions of each level, -1 behind them."""
        level, within = self.codes // self.count, np.arange(len(self.codes))
        found = np.full((self.most, len(self.starts) - 1), -1)
        found[within - self.starts[level], level] = self.codes % self.count
        return found


def separate(refs: np.ndarray, position: np.ndarray, levels: int, count: int) -> Separate:
    """Which positions (below `count`) occur in each level, from those (n,) of the rows."""
    codes = np.unique(refs.astype(np.int64) * count + position)
    return Separate(
        codes, count, np.searchsorted(codes, np.arange(levels + 1, dtype=np.int64) * count)
    )
