"""Parts of tables, and what is chosen of them."""

from collections.abc import Sequence
from typing import Any, cast

import pandas as pd

from .._errors import ModelError


def parts(table: pd.DataFrame, by: Any) -> dict[Any, pd.DataFrame]:
    """The rows of a table by what they have in some columns, in their order."""
    return dict(iter(table.groupby(by, sort=False)))


def rows_with(table: pd.DataFrame, column: str, values: Sequence[Any]) -> pd.DataFrame:
    """The rows that have one of some values in a column."""
    return cast(pd.DataFrame, table[table[column].isin(values)])


def chosen_rows(table: pd.DataFrame, column: str, name: Any) -> pd.DataFrame:
    """The rows of one value of a column, whose name is that of the argument; of None all. Raises
    `ModelError` for a value that does not occur."""
    if name is None:
        return table
    return rows_with(table, column, [choose(column, name, list(parts(table, column)))])


def choose(argument: str, name: Any, known: list[str]) -> str:
    """`name`, or the only one there is; raises `ModelError` for one that is not known."""
    if name is None and len(known) == 1:
        return known[0]
    if name is None or name not in known:
        said = "must be given" if name is None else f"{name!r} is not known"
        raise ModelError(f"{argument} {said}; there is {', '.join(map(str, known)) or 'none'}.")
    return name
