"""Rows that a model was not fitted to, coded as the model codes its own."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._clean import clean, missing_rows, naming
from ._grouping import match_groups
from ._matrix import matrix_columns
from ._matrix_columns import MatrixColumns
from ._names import quoted, require
from ._parts import Design, RandomPart
from ._positions import Place
from ._predictor import fixed_columns, group_columns, new_fixed, new_offset
from ._table import open_table
from ._text import what_it_holds


@dataclass(frozen=True, eq=False)
class NewRows:
    """The linear predictors' data for m other rows: those of a table of M rows that lack no value.

    - `x`: for each linear predictor (m, p); `offset`: for each (m,); all float64.
    - `z`: for each random term of the design (m, c), as many columns as there; `refs`: for each
        (m,) its levels' indices, -1 for a level not seen; `positions`: for each (m,) or None, as
        there, -1 for one not seen; `coordinates`: for each (m, dims) where the rows are, None for
        terms without coordinates.
    - `index`: the row labels of the table, those of pandas or positions, (M,).
    - `complete`: (M,) which rows of the table these are.
    - `beyond`: (m,) whether a row has an effect that a random term lacks, of a cell that did not
      occur.
    """

    x: tuple[np.ndarray, ...]
    offset: tuple[np.ndarray, ...]
    z: tuple[np.ndarray, ...]
    refs: tuple[np.ndarray, ...]
    index: pd.Index
    positions: tuple[np.ndarray | None, ...]
    coordinates: tuple[np.ndarray | None, ...]
    complete: np.ndarray
    beyond: np.ndarray


def new_rows(
    design: Design, newdata: Any, *, random: bool = True, groups: bool = True, missing: str = "nan"
) -> NewRows:
    """Code the rows of another table with the means, knots and levels of the design.

    `newdata` is any table that `build_design` takes; it needs no response and no weights. Without
    `random` the columns of the written random terms are not needed: their `z` is zero, `refs` and
    `positions` are -1. Without `groups` their factors are not needed: `refs` are -1, and the
    positions of `propto`, which are levels, if they are absent. Smooths are coded always.

    A row with a missing value is not coded, but for a missing level of a grouping factor, which is
    one not seen; `missing="raise"` refuses both. Raises `ModelError` for a column that is missing,
    a level of a fixed factor that the model was not fitted to, and a design whose offset was an
    array.
    """
    table = open_table(newdata, "newdata")
    written = [term for term in design.random if random and not term.is_smooth]
    needed, factors = _needed(design, written, table.names, groups=groups)
    raw = table.read(list(dict.fromkeys([*needed, *factors])))
    if len(raw) == 0:
        raise ModelError("newdata has no rows.")
    if missing == "raise":
        _check_complete(raw)
    complete = ~missing_rows(raw.filter(list(dict.fromkeys(needed))))
    if not complete.any():
        return _no_rows(design, table.index)
    frame = _coded_frame(design, raw.iloc[np.flatnonzero(complete)], needed, written)
    coded = [_code(term, frame, random=random, groups=random and groups) for term in design.random]
    return NewRows(
        x=tuple(new_fixed(own.fixed, frame) for own in design.predictors),
        offset=tuple(
            new_offset(frame, design.offset_name if own.name == "mean" else None, own.offset_recipe)
            for own in design.predictors
        ),
        z=tuple(z for z, _, _ in coded),
        refs=tuple(refs for _, refs, _ in coded),
        index=table.index,
        positions=tuple(position for _, _, position in coded),
        coordinates=tuple(_coordinates(term, frame) if random else None for term in design.random),
        complete=complete,
        beyond=rows_beyond(written, frame),
    )


def _needed(
    design: Design, written: Collection[RandomPart], available: tuple[str, ...], *, groups: bool
) -> tuple[list[str], list[str]]:
    """The columns of which a row may miss no value, and those that only tell its levels."""
    needed, factors = aligned_columns(design, written) + offset_column(design, available), []
    for term in written:
        here = groups or (term.matrix is not None and set(term.formula.factors) <= set(available))
        needed += matrix_columns(term.formula.columns, design.frame.columns, design.context)
        factors += term.formula.factors if here else ()
    return needed, factors


def rows_beyond(terms: Collection[RandomPart], frame: pd.DataFrame) -> np.ndarray:
    """Which rows have an effect that one of the terms lacks, of a cell that did not occur, (m,)
    bool."""
    cut = (term.columns for term in terms if term.dropped)
    parts = [columns.beyond(frame) for columns in cut if isinstance(columns, MatrixColumns)]
    return np.logical_or.reduce([np.zeros(len(frame), bool), *parts])


def _no_rows(design: Design, index: pd.Index) -> NewRows:
    """What a table is coded to in which every row misses a value."""
    return NewRows(
        x=tuple(own.fixed.x[:0] for own in design.predictors),
        offset=tuple(own.offset[:0] for own in design.predictors),
        z=tuple(term.z[:0] for term in design.random),
        refs=tuple(term.refs[:0] for term in design.random),
        index=index,
        positions=tuple(
            None if term.position is None else term.position[:0] for term in design.random
        ),
        coordinates=tuple(None for _ in design.random),
        complete=np.zeros(len(index), bool),
        beyond=np.zeros(0, bool),
    )


def _coded_frame(
    design: Design, raw: pd.DataFrame, needed: Collection[str], written: Collection[RandomPart]
) -> pd.DataFrame:
    """The columns `needed` clean and with the levels of the design, those that only tell levels as
    they are."""
    alone = group_columns(
        [own.formula for own in design.predictors], design.frame.columns, design.context
    )
    frame = clean(raw.filter(list(dict.fromkeys(needed))), groups=alone)
    frame = align(design, frame, aligned_columns(design, written))
    return frame.assign(**{str(name): raw[name] for name in raw.columns if name not in needed})


def aligned_columns(design: Design, terms: Iterable[RandomPart]) -> list[str]:
    """The columns that have the levels of the design: those of the fixed parts, and of `terms` with
    such columns."""
    fitted, context = design.frame.columns, design.context
    names = [
        name for own in design.predictors for name in fixed_columns(own.formula, fitted, context)
    ]
    for term in terms:
        if term.position is None and not term.is_smooth:
            names += matrix_columns(term.formula.columns, fitted, context)
    return names


def align(design: Design, frame: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """The frame with the levels of the design in the columns `names`; `ModelError` for one that it
    does not have."""
    columns = ((str(name), column) for name, column in frame.items() if name in names)
    return frame.assign(
        **{name: _aligned(name, column, design.frame.dtypes[name]) for name, column in columns}
    )


def _coordinates(term: RandomPart, frame: pd.DataFrame) -> np.ndarray | None:
    return term.columns.coordinates(frame) if isinstance(term.columns, Place) else None


def _code(
    term: RandomPart, frame: pd.DataFrame, *, random: bool, groups: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The columns, levels and positions of one term."""
    rows = len(frame)
    unknown = np.full(rows, -1, np.intp)
    if not random and not term.is_smooth:
        return (
            np.zeros((rows, term.z.shape[1])),
            unknown,
            None if term.position is None else unknown,
        )
    if term.matrix is not None and not set(term.formula.factors) <= set(frame.columns):
        return np.ones((rows, 1)), unknown, unknown
    z, position = term.columns(frame)
    if not term.factor_levels:
        return z, np.zeros(rows, np.intp), position
    if not groups:
        return z, unknown, position
    return z, match_groups(frame, term.formula.factors, term.cells, term.factor_levels), position


def offset_column(design: Design, available: Collection[str]) -> list[str]:
    """The column of the argument `offset`, if there was one; `ModelError` if another table cannot
    have it."""
    if design.offset_name is None:
        return []
    if design.offset_name == "(offset)" and "(offset)" not in available:
        raise ModelError(
            "The offset was an array, which newdata cannot have: fit the model with the name of a"
            " column as offset."
        )
    require([design.offset_name], available, "newdata")
    return [design.offset_name]


def _check_complete(frame: pd.DataFrame) -> None:
    for name, column in frame.items():
        with naming(str(name)):
            missing = int(column.isna().to_numpy().sum())
        if missing:
            raise ModelError(f"Column '{name}' of newdata has {missing} missing value(s).")


def _aligned(name: str, column: pd.Series, fitted: Any) -> pd.Series:
    """The column with the levels of `fitted`, the type of the column that the model was fitted
    to."""
    if not isinstance(fitted, pd.CategoricalDtype):
        if isinstance(column.dtype, pd.CategoricalDtype):
            raise ModelError(
                f"Column '{name}' of newdata {what_it_holds(column)}, and the model was fitted to"
                " numbers."
            )
        return column
    known = set(fitted.categories)
    unseen = [level for level in pd.unique(column) if level not in known]
    if unseen:
        raise ModelError(
            f"Column '{name}' of newdata has levels the model was not fitted to:"
            f" {quoted(unseen[:5])}."
        )
    return column.astype(fitted)
