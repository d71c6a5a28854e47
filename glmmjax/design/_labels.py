"""Row labels: what has some is paired by them, whatever it is paired with; what has none goes by
position."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError

# Types that keep whole numbers and truth values beside missing ones.
_WITH_MISSING = {"i": "Int64", "u": "UInt64", "b": "boolean"}


def by_label(argument: str, values: Any, index: pd.Index) -> Any:
    """A pandas Series or table with its rows in the order of `index`, by their labels; anything
    else as it is.

    Rows of other labels go. Raises `ModelError` if a label of `index` is missing, or some label
    stands twice.
    """
    if not isinstance(values, pd.Series | pd.DataFrame) or values.index.equals(index):
        return values
    places = values.index.get_indexer(index) if values.index.is_unique else np.array([-1])
    if (places < 0).any():
        kind = "Series" if isinstance(values, pd.Series) else "table"
        raise ModelError(
            f"The {kind} given as {argument} has other row labels than the data: give its values as"
            " an array."
        )
    return values.take(places)


def common_index(columns: Mapping[str, pd.Series], argument: str) -> pd.Index:
    """The labels that any of the columns has: those of the first in its order, then those that
    others add.

    Raises `ModelError` if labels repeat in columns that do not have the same.
    """
    (_, first), *others = columns.items()
    index = first.index
    if all(column.index.equals(index) for _, column in others):
        return index
    for name, column in columns.items():
        if not column.index.is_unique:
            raise ModelError(
                f"Column '{name}' of {argument} has row labels that repeat, and other columns have"
                " other labels, so they cannot be paired: give the values as arrays."
            )
    for _, column in others:
        new = column.index[index.get_indexer(column.index) < 0]
        index = index.append(new) if len(new) else index
    return index


def aligned(column: pd.Series, index: pd.Index) -> pd.Series:
    """The column in the rows of `index`, missing where it has no such label."""
    if column.index.equals(index):
        return column
    places = column.index.get_indexer(index)
    if (
        (places < 0).any()
        and isinstance(column.dtype, np.dtype)
        and column.dtype.kind in _WITH_MISSING
    ):
        column = column.astype(_WITH_MISSING[column.dtype.kind])
    return column.reindex(index)
