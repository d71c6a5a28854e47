"""Any table to pandas columns, converting only the columns that are asked for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2 import dtypes

from .._errors import ModelError
from .._numbers import is_real
from .._traced import refuse_tracers
from ._clean import naming
from ._labels import aligned, common_index
from ._names import require


@dataclass(frozen=True)
class Table:
    """Columns by name, whatever held them.

    - `names`: all column names as text; that of the column 0 is "0".
    - `index`: the row labels of a pandas table, or of the Series in a dict; positions otherwise.
    - `column`: gives a column as a Series, with missing values still in it.
    - `argument`: what the caller called the table, for messages.
    """

    names: tuple[str, ...]
    index: pd.Index
    column: Callable[[str], pd.Series]
    argument: str

    def read(self, names: list[str]) -> pd.DataFrame:
        """The named columns; `ModelError` for one that is missing or stands twice, or lengths that
        differ."""
        require(names, self.names, self.argument)
        doubled = [name for name in names if self.names.count(name) > 1]
        if doubled:
            raise ModelError(f"Column '{doubled[0]}' stands more than once in {self.argument}.")
        columns = {}
        for name in names:
            with naming(name):
                columns[name] = self.column(name)
        for name, column in columns.items():
            if len(column) != len(self.index):
                raise ModelError(
                    f"Column '{name}' of {self.argument} has {len(column)} rows and others"
                    f" {len(self.index)}."
                )
        return pd.DataFrame(
            {name: c.set_axis(self.index) for name, c in columns.items()}, self.index, copy=False
        )


def open_table(data: Any, argument: str = "data") -> Table:
    """Open a pandas or polars frame, a pyarrow table, any frame that narwhals knows, or a dict of
    arrays."""
    if isinstance(data, pd.DataFrame):
        names, place = _by_text(data.columns)
        return Table(
            names, data.index, lambda name: _from_pandas(data.iloc[:, place[name]]), argument
        )
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
            f"{argument} must be a pandas or polars DataFrame, a pyarrow Table or a dict of arrays,"
            f" not {type(data).__name__}."
        )
    return Table(
        tuple(frame.columns),
        pd.RangeIndex(len(frame)),
        lambda name: _from_narwhals(frame[name]),
        argument,
    )


def _open_mapping(data: Mapping, argument: str) -> Table:
    if not data:
        raise ModelError(f"{argument} has no columns.")
    labelled = {str(name): values for name, values in data.items() if isinstance(values, pd.Series)}
    if labelled:
        return _open_series(data, labelled, argument)
    first = next(iter(data))
    try:
        rows = len(data[first])
    except TypeError:
        raise ModelError(f"Column '{first}' of {argument} is a single value.") from None
    names, place = _by_text(data)
    values = list(data.values())
    return Table(
        names, pd.RangeIndex(rows), lambda name: _from_values(name, values[place[name]]), argument
    )


def _by_text(names: Iterable) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of columns as text, which is how a formula can write them, and the place of
    each."""
    texts = tuple(map(str, names))
    return texts, {name: i for i, name in enumerate(texts)}


def _open_series(data: Mapping, labelled: Mapping[str, pd.Series], argument: str) -> Table:
    """Series are paired by their labels; arrays beside them go by position, if all Series have the
    same labels."""
    names, place = _by_text(data)
    values, index = list(data.values()), common_index(labelled, argument)
    is_one = all(column.index.equals(index) for column in labelled.values())

    def column(name: str) -> pd.Series:
        if name in labelled:
            return _from_pandas(aligned(labelled[name], index))
        if not is_one:
            raise ModelError(
                f"Column '{name}' of {argument} has no row labels, and the Series beside it are"
                " labelled differently, so they cannot be paired: give only Series, or only"
                " arrays."
            )
        return _from_values(name, values[place[name]])

    return Table(names, index, column, argument)


def _from_values(name: str, values: Any) -> pd.Series:
    """A column of a dict without row labels: a Series of another library, a list, a NumPy or JAX
    array."""
    if isinstance(values, pd.Index | pd.api.extensions.ExtensionArray):
        return _from_pandas(pd.Series(values).reset_index(drop=True))
    pyarrow = nw.dependencies.get_pyarrow()
    if pyarrow is not None and isinstance(values, pyarrow.Array):
        values = pyarrow.chunked_array([values])
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
    """Through NumPy, so that polars needs no pyarrow; integers and bools keep their type beside
    nulls."""
    dtype = series.dtype
    if isinstance(dtype, dtypes.Categorical | dtypes.Enum):
        levels = _categories(series)
        values = (
            series.cast(nw.String) if all(isinstance(level, str) for level in levels) else series
        )
        return pd.Series(pd.Categorical(values.to_numpy(), categories=levels))
    if isinstance(dtype, dtypes.Decimal):
        series = series.cast(nw.Float64)
    if isinstance(dtype, dtypes.Datetime) and dtype.time_zone is not None:
        utc = pd.Series(series.to_numpy())  # NumPy has no zones
        return (
            utc
            if utc.dt.tz is not None
            else utc.dt.tz_localize("UTC").dt.tz_convert(dtype.time_zone)
        )
    if series.null_count() and (dtype.is_integer() or isinstance(dtype, dtypes.Boolean)):
        missing = series.is_null().to_numpy().astype(bool)
        if dtype.is_integer():
            return pd.Series(pd.arrays.IntegerArray(series.fill_null(0).to_numpy().copy(), missing))
        return pd.Series(
            pd.arrays.BooleanArray(series.fill_null(False).to_numpy().astype(bool), missing)
        )
    return pd.Series(series.to_numpy())


def _categories(series: nw.Series) -> list[str]:
    """Levels in the order that the library gives them.

    Polars compares the values of a Categorical by their text, and the order in which they happen to
    be stored is that of their appearance; only its Enum has an order of its own.
    """
    levels = series.cat.get_categories().to_list()
    is_polars = series.implementation.is_polars() and isinstance(series.dtype, dtypes.Categorical)
    return sorted(levels) if is_polars else levels
