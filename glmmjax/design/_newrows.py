"""Rows that a model was not fitted to, coded as the model codes its own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._clean import clean
from ._grouping import match_groups
from ._matrix import matrix_columns, rebuild_matrix
from ._names import quoted, require
from ._parts import Design
from ._predictor import fixed_columns, new_offset
from ._table import open_table


@dataclass(frozen=True, eq=False)
class NewRows:
    """The linear predictor's data for m other rows.

    - `x`: (m, p); `offset`: (m,); both float64.
    - `z`: for each random term (m, q); `refs`: for each (m,) its levels' indices, -1 for a level not seen.
    - `index`: the row labels of a pandas table, positions otherwise.
    """

    x: np.ndarray
    offset: np.ndarray
    z: tuple[np.ndarray, ...]
    refs: tuple[np.ndarray, ...]
    index: pd.Index


def new_rows(design: Design, newdata: Any, *, random: bool = True, groups: bool = True) -> NewRows:
    """Code the rows of another table with the means, knots and levels of the design.

    `newdata` is any table that `build_design` takes; it needs no response and no weights. Without
    `random` the columns of the random terms are left out and `z` is empty, without `groups` their factors and `refs`.
    Raises `ModelError` for a
    column that is missing or has missing values, a level of a fixed factor that the model was not fitted to,
    and a design whose offset was an array.
    """
    table = open_table(newdata, "newdata")
    terms = design.random if random else ()
    grouped = terms if groups else ()
    coded = fixed_columns(design.formula, design.frame.columns)
    for term in terms:
        coded += matrix_columns(term.formula.columns, design.frame.columns)
    needed = coded + [name for term in grouped for name in term.formula.factors]
    frame = table.read(list(dict.fromkeys(needed + _offset_column(design, table.names))))
    _check_complete(frame)
    frame = clean(frame)
    for name, column in list(frame.items()):
        if name in coded:
            frame[name] = _aligned(str(name), column, design.frame.dtypes[name])
    return NewRows(
        x=rebuild_matrix(design.fixed.spec, frame)[:, design.fixed.keep],
        offset=new_offset(frame, design.offset_name, design.offset_spec),
        z=tuple(rebuild_matrix(term.spec, frame) for term in terms),
        refs=tuple(match_groups(frame, term.formula.factors, term.cells, term.factor_levels) for term in grouped),
        index=table.index,
    )


def _offset_column(design: Design, available: tuple[str, ...]) -> list[str]:
    if design.offset_name is None:
        return []
    if design.offset_name == "(offset)" and "(offset)" not in available:
        raise ModelError(
            "The offset was an array, which newdata cannot have: fit the model with the name of a column as offset."
        )
    require([design.offset_name], available, "newdata")
    return [design.offset_name]


def _check_complete(frame: pd.DataFrame) -> None:
    if len(frame) == 0:
        raise ModelError("newdata has no rows.")
    for name, column in frame.items():
        missing = int(column.isna().to_numpy().sum())
        if missing:
            raise ModelError(f"Column '{name}' of newdata has {missing} missing value(s).")


def _aligned(name: str, column: pd.Series, fitted: Any) -> pd.Series:
    """The column with the levels of `fitted`, the type of the column that the model was fitted to."""
    if not isinstance(fitted, pd.CategoricalDtype):
        if isinstance(column.dtype, pd.CategoricalDtype):
            raise ModelError(f"Column '{name}' of newdata holds no numbers, and the model was fitted to numbers.")
        return column
    known = set(fitted.categories)
    unseen = [level for level in pd.unique(column) if level not in known]
    if unseen:
        raise ModelError(f"Column '{name}' of newdata has levels the model was not fitted to: {quoted(unseen[:5])}.")
    return column.astype(fitted)
