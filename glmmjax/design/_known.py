"""Effects of levels whose covariance is a known matrix times a variance: `propto(1 | g, K)`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..formula import RandomFormula
from ._grouping import label_of, match_groups
from ._names import quoted

_SYMMETRIC = (
    1e-8  # by which two entries that should be the same may differ, relative to the largest
)


@dataclass(frozen=True, eq=False)
class Levels:
    """Positions that are the levels of a grouping factor; `cells` and `labels` as `code_groups`
    gives them."""

    factors: tuple[str, ...]
    cells: np.ndarray
    labels: tuple[tuple[str, ...], ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return np.ones((len(frame), 1)), match_groups(frame, self.factors, self.cells, self.labels)


def known_matrix(
    term: RandomFormula, levels: tuple[str, ...], matrices: Mapping[str, Any] | None
) -> np.ndarray:
    """The matrix of a term `propto(1 | g, K)` for its levels, (q, q) float64.

    A DataFrame is read by its labels and may have more than the levels; an array is in the order of
    the levels. Raises `ModelError` unless the matrix is there, finite, symmetric and positive
    definite.
    """
    name, whose = str(term.matrix), f"The matrix {term.matrix} of {term.text}"
    if matrices is None or name not in matrices:
        raise ModelError(f"{whose} is missing: give it as matrices={{'{name}': ...}}.")
    given = matrices[name]
    values = _values(given, whose)
    if isinstance(given, pd.DataFrame):
        rows, columns = (_places(labels, levels, whose) for labels in (given.index, given.columns))
        values = values[np.ix_(rows, columns)]
    elif len(values) != len(levels):
        raise ModelError(
            f"{whose} is of shape {values.shape}, and '{term.group}' has {len(levels)} levels."
        )
    _check(values, whose)
    return (values + values.T) / 2


def _values(given: Any, whose: str) -> np.ndarray:
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise ModelError(f"{whose} must hold numbers.") from None
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ModelError(f"{whose} must be square, and its shape is {values.shape}.")
    return values


def _places(labels: pd.Index, levels: tuple[str, ...], whose: str) -> np.ndarray:
    """Where each level stands among the labels, which are compared as text."""
    index = pd.Index([label_of(own) for own in labels], dtype=object)
    if not index.is_unique:
        raise ModelError(f"{whose} has the label '{index[index.duplicated()][0]}' twice.")
    places = index.get_indexer(pd.Index(levels, dtype=object))
    missing = [level for level, place in zip(levels, places, strict=True) if place < 0]
    if missing:
        raise ModelError(
            f"{whose} has no row or no column for {len(missing)} level(s): {quoted(missing[:5])}."
        )
    return places


def _check(values: np.ndarray, whose: str) -> None:
    if not np.isfinite(values).all():
        raise ModelError(f"{whose} has missing or infinite values.")
    if (np.abs(values - values.T) > _SYMMETRIC * np.abs(values).max()).any():
        raise ModelError(f"{whose} is not symmetric.")
    try:
        pivots = np.diag(np.linalg.cholesky(values)) ** 2
    except np.linalg.LinAlgError:
        pivots = np.zeros(1)
    # A pivot that is nothing but rounding: the matrix is singular, and the factor came out by
    # chance.
    if pivots.min() <= len(values) * np.finfo(np.float64).eps * np.abs(values).max():
        raise ModelError(f"{whose} is not positive definite.")
