"""Any table to pandas columns, converting only the columns that are asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2 import dtypes

from .._errors import ModelError
from .._numbers import is_real
from .._traced import refuse_tracers
from ._names import require


@dataclass(frozen=True)
class Table:
    """Columns by name, whatever held them.

    - `names`: all column names.
    - `index`: the row labels of a pandas table, positions otherwise.
    - `column`: gives a column as a Series, with missing values still in it.
    - `argument`: what the caller called the table, for messages.
    """

    names: tuple[str, ...]
    index: pd.Index
    column: Callable[[str], pd.Series]
    argument: str

    def read(self, names: list[str]) -> pd.DataFrame:
        """The named columns; `ModelError` for one that is missing or stands twice, or lengths that differ."""
        require(names, self.names, self.argument)
        doubled = [name for name in names if self.names.count(name) > 1]
        if doubled:
            raise ModelError(f"Column '{doubled[0]}' stands more than once in {self.argument}.")
        columns = {name: self.column(name) for name in names}
        for name, column in columns.items():
            if len(column) != len(self.index):
                raise ModelError(
                    f"Column '{name}' of {self.argument} has {len(column)} rows and others {len(self.index)}."
                )
        return pd.DataFrame({name: c.set_axis(self.index) for name, c in columns.items()}, self.index, copy=False)


def open_table(data: Any, argument: str = "data") -> Table:
    """Open a pandas or polars frame, a pyarrow table, any frame that narwhals knows, or a dict of arrays."""
    if isinstance(data, pd.DataFrame):
        return Table(tuple(data.columns), data.index, lambda name: _from_pandas(cast(pd.Series, data[name])), argument)
    if isinstance(data, Mapping):
        return _open_mapping(data, argument)
    if hasattr(data, "column_names") and len(set(data.column_names)) < len(data.column_names):
        doubled = [name for name in data.column_names if data.column_names.count(name) > 1]
        raise ModelError(f"Column '{doubled[0]}' stands more than once in {argument}.")
    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        raise ModelError(f"The table {argument} is lazy: collect it first.")
    if not isinstance(frame, nw.DataFrame):
        raise ModelError(
            f"{argument} must be a pandas or polars DataFrame, a pyarrow Table or a dict of arrays, "
            f"not {type(data).__name__}."
        )
    return Table(tuple(frame.columns), pd.RangeIndex(len(frame)), lambda name: _from_narwhals(frame[name]), argument)


def _open_mapping(data: Mapping, argument: str) -> Table:
    if not data:
        raise ModelError(f"{argument} has no columns.")
    first = next(iter(data))
    try:
        rows = len(data[first])
    except TypeError:
        raise ModelError(f"Column '{first}' of {argument} is a single value.") from None
    return Table(tuple(data), pd.RangeIndex(rows), lambda name: _from_values(name, data[name]), argument)


def _from_values(name: str, values: Any) -> pd.Series:
    """A column of a dict: a Series of any library, a list, a NumPy or JAX array."""
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return _from_pandas(pd.Series(values).reset_index(drop=True))
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return _from_narwhals(series)
    refuse_tracers(f"Column '{name}'", values)
    try:
        array = values if isinstance(values, np.ndarray) else np.asarray(values)
    except (TypeError, ValueError):
        raise ModelError(f"Column '{name}' is no array of one value a row.") from None
    if array.dtype.kind == "V" and is_real(array.dtype):  # bfloat16, which pandas does not know
        array = array.astype(np.float64)
    if array.ndim != 1:
        raise ModelError(f"Column '{name}' must have one dimension, not {array.ndim}.")
    return pd.Series(array)


def _from_pandas(series: pd.Series) -> pd.Series:
    if isinstance(series.dtype, pd.ArrowDtype):
        arrow = nw.from_native(cast(Any, series.array).__arrow_array__(), series_only=True)
        return _from_narwhals(arrow).set_axis(series.index)
    return series


def _from_narwhals(series: nw.Series) -> pd.Series:
    """Through NumPy, so that polars needs no pyarrow; integers and bools keep their type beside nulls."""
    dtype = series.dtype
    if isinstance(dtype, dtypes.Categorical | dtypes.Enum):
        return pd.Series(pd.Categorical(series.cast(nw.String).to_numpy(), categories=_categories(series)))
    if isinstance(dtype, dtypes.Decimal):
        series = series.cast(nw.Float64)
    if series.null_count() and (dtype.is_integer() or isinstance(dtype, dtypes.Boolean)):
        missing = series.is_null().to_numpy().astype(bool)
        if dtype.is_integer():
            return pd.Series(pd.arrays.IntegerArray(series.fill_null(0).to_numpy().copy(), missing))
        return pd.Series(pd.arrays.BooleanArray(series.fill_null(False).to_numpy().astype(bool), missing))
    return pd.Series(series.to_numpy())


def _categories(series: nw.Series) -> list[str]:
    """Levels in the order that the library gives them.

    Polars compares the values of a Categorical by their text, and the order in which they happen to be stored
    is that of their appearance; only its Enum has an order of its own.
    """
    levels = series.cat.get_categories().to_list()
    is_polars = series.implementation.is_polars() and isinstance(series.dtype, dtypes.Categorical)
    return sorted(levels) if is_polars else levels
