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
from ..design import CENSORED, Design, by_label


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


def as_responses(values: Any, index: pd.Index, *, pairs: bool) -> AbstractResponses:
    """Responses for a design whose rows have the labels `index` (n,).

    A (B, n) array or sparse matrix has a member in every row, a table one in every column (rows of
    a pandas table go by their labels); if the family takes `pairs`, (B, n, 2) are successes and
    trials. Raises `ModelError` for other shapes and for values that are no numbers.
    """
    n = len(index)
    if scipy.sparse.issparse(values):
        _check_numbers("responses", values.dtype)
        _check_shape(values.shape, n, "a sparse matrix", pairs=False)
        return Sparse(values)
    if nw.dependencies.is_into_dataframe(values):
        names, array = _read_table("responses", values, index)
        _check_shape(
            array.shape, n, "a table (whose columns are members), turned round,", pairs=False
        )
        return Dense(array, names)
    array = _numbers("responses", _each_by_label("responses", values, index))
    _check_shape(array.shape, n, "an array", pairs=pairs)
    return Dense(array, range(len(array)))


def per_row(argument: str, values: Any, names: Sequence, index: pd.Index) -> np.ndarray | None:
    """Weights or offsets of the members `names` (B) on rows of the labels `index` (n): (n,), (B,
    n), or None.

    A Series goes by its labels; of a table, which has a member in every column, rows and columns
    do. Raises `ModelError` for other shapes or labels, and for values that are no finite numbers or
    negative weights.
    """
    if values is None:
        return None
    n, members = len(index), len(names)
    if nw.dependencies.is_into_dataframe(values):
        columns, array = _read_table(argument, values, index)
        places = pd.Index(columns, tupleize_cols=False).get_indexer(
            pd.Index(names, tupleize_cols=False)
        )
        if len(columns) != members or (places < 0).any():
            raise ModelError(
                f"{argument} is a table whose columns are not called as the members are: give"
                " (B, n)."
            )
        array = array[places]
    else:
        array = _numbers(argument, _each_by_label(argument, values, index))
    array = np.asarray(array, np.float64)
    if array.shape not in ((n,), (members, n)):
        raise ModelError(
            f"{argument} has shape {array.shape}; it must be ({n},) or ({members}, {n})."
        )
    if not np.isfinite(array).all():
        raise ModelError(f"{argument} has missing or infinite values.")
    if argument == "weights" and (array < 0).any():
        raise ModelError(f"weights must not be negative, and one is {array.min():g}.")
    return array


def _each_by_label(argument: str, values: Any, index: pd.Index) -> Any:
    """A Series, or each of several, in the order of `index`."""
    if isinstance(values, list | tuple):
        return [by_label(argument, own, index) for own in values]
    return by_label(argument, values, index)


def _read_table(argument: str, values: Any, index: pd.Index) -> tuple[tuple, np.ndarray]:
    """The names of the columns, and the columns as rows."""
    try:
        table = nw.from_native(by_label(argument, values, index), eager_only=True)
    except nw.exceptions.DuplicateError as error:
        raise ModelError(
            f"{argument} is a table whose column names repeat: give every member a name."
        ) from error
    for name, dtype in table.schema.items():
        if not (dtype.is_numeric() or dtype in (nw.Boolean, nw.Object)):
            raise ModelError(
                f"{argument} must be numbers, and column '{name}' holds {dtype}: write a success"
                " as 1."
            )
    return tuple(table.columns), np.ascontiguousarray(_numbers(argument, table.to_numpy()).T)


def _numbers(argument: str, values: Any) -> np.ndarray:
    refuse_tracers(argument, values)
    if (
        isinstance(values, np.ndarray) and values.dtype != object
    ):  # which a file may hold: read when it is needed
        _check_numbers(argument, values.dtype)
        return values
    return as_float64(argument, values, "numbers")


def _check_numbers(argument: str, dtype: np.dtype) -> None:
    if not is_real(dtype):
        raise ModelError(f"{argument} must be numbers, not {dtype}.")


def _check_shape(shape: tuple[int, ...], n: int, kind: str, *, pairs: bool) -> None:
    if shape[1:] == (n,) or (pairs and shape[1:] == (n, 2)):
        return
    hint = f" (the design has {n} rows, without those that had missing values)"
    raise ModelError(
        f"responses is {kind} of shape {tuple(shape)}; it must be (members, {n}){hint}."
    )


def with_trials(y: np.ndarray, design: Design) -> np.ndarray:
    """Successes (members, n) with the trials of the design; responses that have their own trials as
    they are. Where the family takes censored values these are not."""
    if design.y.ndim == 1 or y.ndim == 3:
        return y
    if design.response_kind in CENSORED:
        return np.stack([y, y, np.zeros_like(y)], 2)
    if not design.has_response and (design.y[:, 1] == 1).all() and (y > 1).any():
        raise ModelError(
            "The model has no response and so no trials: give them to gj.glmm as weights, or (B, n,"
            " 2) responses of successes and trials."
        )
    return np.stack([y, np.broadcast_to(design.y[:, 1], y.shape)], 2)


def without_absent(y: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Responses in which rows of weight zero, whatever they hold, have the value of the first row
    that counts."""
    members = np.arange(len(y))
    first = y[members, present.argmax(1)]
    return (
        np.where(present[..., None], y, first[:, None])
        if y.ndim == 3
        else np.where(present, y, first[:, None])
    )
