"""A statistic of each member, one after the other."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from .._progress import progress_bar
from ..fit import Fits, Solution


def solutions(fits: Fits) -> Iterator[tuple[object, Solution]]:
    """The members that ended well (a model by itself in any case), with their labels."""
    for number, label in enumerate(fits.index):
        if fits.members.is_alone or fits.ok[number]:
            yield label, Solution(fits.alone(number))


def row_each(fits: Fits, of_one: Callable[[Solution], pd.Series]) -> pd.DataFrame:
    """A row a member, NaN for those that failed."""
    found = {label: of_one(own) for label, own in solutions(fits)}
    return pd.DataFrame(found).T.reindex(fits.index).astype(np.float64)


def table_each(
    fits: Fits,
    of_one: Callable[[Solution], pd.DataFrame],
    *,
    title: str = "",
    progress: bool | None = False,
) -> pd.DataFrame:
    """Tables with a first index level `member`; members that failed have none. A bar of `progress`
    counts members."""
    found = {}
    total = 1 if fits.members.is_alone else int(fits.ok.sum())
    with progress_bar(total, title=title, shown=progress) as report:
        for label, own in solutions(fits):
            found[label] = of_one(own)
            report(1, 0)
    if not found:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["member", "row"]))
    return pd.concat(found, names=["member"])
