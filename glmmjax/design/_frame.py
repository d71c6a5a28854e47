"""The used columns and rows of a table, clean: the frame that a design keeps."""

from collections.abc import Collection
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from .._numbers import as_float64
from .._traced import refuse_tracers
from ._clean import clean, missing_rows
from ._labels import by_label
from ._names import near_matches
from ._table import Table
from ._text import is_text, what_it_holds


class Frame(NamedTuple):
    """What of a table a model uses.

    - `data`: the used columns, clean, without the rows that miss a value.
    - `dropped`: how many rows those were.
    - `texts`: the columns that held text.
    """

    data: pd.DataFrame
    dropped: int
    texts: frozenset[str]


def argument_name(argument: str, value: Any) -> str | None:
    """The column of the frame for `weights` or `offset`: its name, `"(weights)"` for an array, or
    None."""
    if value is None or isinstance(value, str):
        return value
    return f"({argument})"


def read_frame(
    table: Table,
    names: list[str],
    arguments: dict[str, Any],
    sequences: Collection[str] = (),
    groups: Collection[str] = (),
) -> Frame:
    """The named columns without the rows that miss a value.

    `arguments` maps "weights" and "offset" to a column name, an array with a value for each row of
    the table, or None; each becomes a column under its `argument_name`. `sequences` are the columns
    that keep unused levels, `groups` those that may hold dates.
    """
    given = {argument: value for argument, value in arguments.items() if isinstance(value, str)}
    for argument, name in given.items():
        if name not in table.names:
            hint = near_matches(name, table.names)
            raise ModelError(
                f"Column '{name}', given as {argument}, is not in {table.argument}{hint}."
            )
    frame = table.read(list(dict.fromkeys([*names, *given.values()])))
    for argument, value in arguments.items():
        if value is not None and argument not in given:
            frame[f"({argument})"] = _argument_array(argument, value, frame.index)
    missing = missing_rows(frame)
    if missing.all():
        empty = [
            f"column '{name}' has none" for name, column in frame.items() if column.isna().all()
        ]
        reason = f": {empty[0]}" if empty and len(frame) else ""
        raise ModelError(
            f"No row of {table.argument} has a value in every column that the model uses{reason}."
        )
    kept = frame.take(np.flatnonzero(~missing)) if missing.any() else frame
    texts = frozenset(str(name) for name, column in kept.items() if is_text(column))
    return Frame(clean(kept, sequences, groups), int(missing.sum()), texts)


def number_column(frame: pd.DataFrame, name: str, argument: str) -> np.ndarray:
    """A column as (n,) float64; `ModelError` if it holds text."""
    column = cast(pd.Series, frame[name])
    if isinstance(column.dtype, pd.CategoricalDtype):
        raise ModelError(
            f"Column '{name}', given as {argument}, {what_it_holds(column)}, and numbers are"
            " needed."
        )
    return column.to_numpy(np.float64)


def read_weights(frame: pd.DataFrame, name: str | None) -> np.ndarray | None:
    """The prior weights, (n,); None if there are none; `ModelError` if one is negative or all are
    zero."""
    if name is None:
        return None
    weights = number_column(frame, name, "weights")
    if (weights < 0).any():
        raise ModelError(f"The weights must not be negative, and one is {weights.min():g}.")
    if not weights.any():
        raise ModelError("The weights are all zero.")
    return weights


def _argument_array(argument: str, value: Any, index: pd.Index) -> np.ndarray:
    """(n,) numbers; a pandas Series goes by its row labels, everything else by position."""
    rows, value = len(index), by_label(argument, value, index)
    refuse_tracers(f"The argument {argument}", value)
    array = as_float64(f"The argument {argument}", value, "an array of numbers or a column name")
    if array.shape != (rows,):
        raise ModelError(
            f"The argument {argument} has shape {array.shape}, and the data have {rows} rows."
        )
    if not np.isfinite(array).all():
        raise ModelError(f"The argument {argument} has missing or infinite values.")
    return array
