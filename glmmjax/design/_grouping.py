"""The levels of a grouping factor and the level of each row."""

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._clean import clean, missing_rows, occurring
from ._dates import date_label, is_date


def code_column(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """The level of each row, (n,) codes, and the labels of the levels.

    A categorical keeps its order, numbers are sorted. Labels are text, so that a level is found
    again whether its column is read as text or as numbers.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(np.intp), tuple(map(label_of, column.cat.categories))
    codes, levels = pd.factorize(column, sort=True)
    return codes, tuple(map(label_of, levels.tolist()))


def code_groups(
    frame: pd.DataFrame, factors: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[tuple[str, ...], ...]]:
    """The combinations of several columns that occur: the levels of `a:b`.

    Returns `refs` (n,), the level of each row; `cells` (levels, factors), the code of each column
    in a level, ordered by the first column, then the second; and the labels of each column. Raises
    `ModelError` for levels that have one label.
    """
    own = occurring(frame.filter(factors))
    codes, labels = zip(*(code_column(column) for _, column in own.items()), strict=True)
    for name, known in zip(factors, labels, strict=True):
        if len(set(known)) < len(known):
            alike = next(label for label in known if known.count(label) > 1)
            raise ModelError(
                f"Column '{name}' has several levels that are all written '{alike}': rename them."
            )
    refs = codes[0]
    for code, levels in zip(codes[1:], labels[1:], strict=True):
        # Recoded at every step, the product stays below n * levels and cannot overflow.
        refs, _ = pd.factorize(refs * len(levels) + code, sort=True)
    rows = np.empty(int(refs.max()) + 1, np.intp)
    rows[refs] = np.arange(len(refs))
    return refs, np.column_stack(codes)[rows], labels


def join_labels(cells: np.ndarray, labels: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The label of each level, the labels of its columns joined by `:`."""
    parts = (np.array(own, object)[cells[:, j]] for j, own in enumerate(labels))
    return tuple(map(":".join, zip(*parts, strict=True)))


def match_groups(
    frame: pd.DataFrame,
    factors: tuple[str, ...],
    cells: np.ndarray,
    labels: tuple[tuple[str, ...], ...],
) -> np.ndarray:
    """The level of each row of another frame, (n,) indices into `cells`, -1 for a level that is not
    there.

    The columns may be raw: a row in which one is missing has a level that is not there.
    """
    own = frame.filter(factors)
    here = ~missing_rows(own)
    refs, codes = np.full(len(frame), -1, np.intp), []
    if not here.any():
        return refs
    for (_, column), known in zip(
        clean(own.iloc[np.flatnonzero(here)], groups=factors).items(), labels, strict=True
    ):
        code, found = code_column(column)
        place = {label: i for i, label in enumerate(known)}
        codes.append(np.array([place.get(label, -1) for label in found], np.intp)[code])
    refs[here] = pd.MultiIndex.from_arrays(list(cells.T)).get_indexer(
        pd.MultiIndex.from_arrays(codes)
    )
    return refs


def label_of(level: object) -> str:
    """A level as text; as in R, 1.0 is "1"."""
    if is_date(level):
        return date_label(level)
    return str(level).removesuffix(".0") if isinstance(level, float) else str(level)
