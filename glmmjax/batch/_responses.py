"""Responses of many members: arrays, tables and sparse matrices, made dense some at a time."""

import abc
from collections.abc import Iterator, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import scipy.sparse

from .._errors import ModelError
from .._numbers import as_float64, is_real
from .._traced import refuse_tracers


class AbstractResponses(abc.ABC):
    """`B` responses of `n` rows each, or of `n` rows with two components (successes and trials)."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @property
    @abc.abstractmethod
    def names(self) -> Sequence:
        """Labels of the members."""

    @abc.abstractmethod
    def take(self, numbers: np.ndarray) -> np.ndarray:
        """(members, n) or (members, n, 2) float64."""

    @abc.abstractmethod
    def inputs(self) -> Iterator[np.ndarray]:
        """The arrays that hold the values, for a digest."""


class Dense(AbstractResponses):
    """Rows of an array; a memory-mapped one is read when it is needed."""

    def __init__(self, values: np.ndarray, names: Sequence):
        self._values, self._names = values, names

    def __len__(self):
        return len(self._values)

    @property
    def names(self):
        return self._names

    def take(self, numbers):
        return np.asarray(self._values[numbers], np.float64)

    def inputs(self):
        yield self._values


class Sparse(AbstractResponses):
    """Rows of a scipy sparse matrix."""

    def __init__(self, values):
        self._values = values.tocsr()

    def __len__(self):
        return self._values.shape[0]

    @property
    def names(self):
        return range(len(self))

    def take(self, numbers):
        return self._values[numbers].toarray().astype(np.float64)

    def inputs(self):
        yield from (self._values.data, self._values.indices, self._values.indptr)


def by_label(argument: str, values: Any, index: pd.Index) -> Any:
    """A pandas Series or table with its rows in the order of `index`, by their labels; anything else as it is, by
    position. Raises `ModelError` if a label is missing."""
    if not isinstance(values, pd.Series | pd.DataFrame) or values.index.equals(index):
        return values
    if not (values.index.is_unique and index.isin(values.index).all()):
        raise ModelError(f"{argument} has other row labels than the model's data: give its values as an array.")
    return values.reindex(index)


def as_responses(values: Any, index: pd.Index, *, pairs: bool) -> AbstractResponses:
    """Responses for a design whose rows have the labels `index` (n,).

    A (B, n) array or sparse matrix has a member in every row, a table one in every column (rows of a pandas table go by
    their labels); if the family takes `pairs`, (B, n, 2) are successes and trials. Raises `ModelError` for other shapes
    and for values that are no numbers.
    """
    n = len(index)
    if scipy.sparse.issparse(values):
        _check_numbers(values.dtype)
        _check_shape(values.shape, n, "a sparse matrix", pairs=False)
        return Sparse(values)
    if nw.dependencies.is_into_dataframe(values):
        names, array = _read_table(by_label("responses", values, index))
        _check_shape(array.shape, n, "a table (whose columns are members), turned round,", pairs=False)
        return Dense(array, names)
    array = _numbers(values)
    _check_shape(array.shape, n, "an array", pairs=pairs)
    return Dense(array, range(len(array)))


def _read_table(values: Any) -> tuple[tuple, np.ndarray]:
    """The names of the columns, and the columns as rows."""
    try:
        table = nw.from_native(values, eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise ModelError("responses is a table whose column names repeat: give every member a name.") from error
    return tuple(table.columns), np.ascontiguousarray(_numbers(table.to_numpy()).T)


def _numbers(values: Any) -> np.ndarray:
    refuse_tracers("responses", values)
    if isinstance(values, np.ndarray) and values.dtype != object:  # which a file may hold: read when it is needed
        _check_numbers(values.dtype)
        return values
    return as_float64("responses", values, "numbers")


def _check_numbers(dtype: np.dtype) -> None:
    if not is_real(dtype):
        raise ModelError(f"responses must be numbers, not {dtype}.")


def _check_shape(shape: tuple[int, ...], n: int, kind: str, *, pairs: bool) -> None:
    if shape[1:] == (n,) or (pairs and shape[1:] == (n, 2)):
        return
    hint = f" (the design has {n} rows, without those that had missing values)"
    raise ModelError(f"responses is {kind} of shape {tuple(shape)}; it must be (members, {n}){hint}.")
