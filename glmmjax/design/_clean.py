"""Raw columns to columns that mean one thing: rows with missing values go, and four kinds of column
stay."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._dates import date_label, date_levels, is_date

_HUGE = 1e100  # the largest number whose square is safe from overflow
_LARGEST = np.iinfo(np.int64).max
# What `infer_dtype` says of an object column, and the type that takes it.
_OBJECTS = {
    "string": "category",
    "boolean": "bool",
    "integer": "int64",
    "floating": "float64",
    "mixed-integer-float": "float64",
    "decimal": "float64",
    "empty": "float64",
}
_DATES = ("datetime", "datetime64", "date", "time", "timedelta", "timedelta64", "period")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Turn whatever the library of a column raises into a sentence that names the column.

    Types of columns are many, and what each library does with those that it knows by half is its
    own; whatever cannot be read is a fault of the input.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except ModelError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise ModelError(
            f"Column '{name}' cannot be read as numbers, text or truth values: {reason}."
        ) from error


def missing_rows(frame: pd.DataFrame) -> np.ndarray:
    """Whether any column of each row is missing, (n,) bool."""
    missing = np.zeros(len(frame), bool)
    for name, column in frame.items():
        with naming(str(name)):
            missing |= column.isna().to_numpy()
    return missing


def unusable(values: np.ndarray) -> np.ndarray:
    """Which numbers are missing, infinite, or so large that their squares overflow."""
    return ~(np.abs(values) <= _HUGE)


def clean(
    frame: pd.DataFrame, sequences: Collection[str] = (), groups: Collection[str] = ()
) -> pd.DataFrame:
    """Each column as bool, int64, float64 or categorical; no value may be missing.

    Text becomes categorical with sorted levels, a categorical keeps the order of its levels and
    loses unused ones, but for the columns `sequences`, where they are gaps. Dates become
    categorical in the columns `groups`, which are nothing but grouping factors. Raises `ModelError`
    for infinite values, other dates, complex numbers and mixed kinds of values.
    """
    columns = {}
    for label, column in frame.items():
        name = str(label)
        with naming(name):
            columns[name] = _clean_column(name, column, is_group=name in groups)
    cleaned = pd.DataFrame(columns, frame.index, copy=False)
    return occurring(cleaned, [name for name in columns if name not in sequences])


def occurring(frame: pd.DataFrame, names: Collection[str] | None = None) -> pd.DataFrame:
    """The frame without the levels that do not occur in the categorical columns `names`, which are
    all if None."""
    found = {
        str(name): column.cat.remove_unused_categories()
        for name, column in frame.items()
        if (names is None or name in names) and _has_unused(column)
    }
    return frame.assign(**found) if found else frame


def _has_unused(column: pd.Series) -> bool:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return False
    used = np.bincount(column.cat.codes.to_numpy(), minlength=len(column.cat.categories))
    return not used.all()


def _clean_column(name: str, column: pd.Series, *, is_group: bool) -> pd.Series:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _clean_categories(column)
    if pd.api.types.is_bool_dtype(dtype):
        return column.astype("bool")
    if pd.api.types.is_integer_dtype(dtype):
        _check_largest(name, column)
        return column.astype("int64")
    if pd.api.types.is_float_dtype(dtype):
        column = column.astype("float64")
        if unusable(column.to_numpy()).any():
            if not np.isfinite(column.to_numpy()).all():
                raise ModelError(f"Column '{name}' has infinite values.")
            raise ModelError(
                f"Column '{name}' has values beyond {_HUGE:g}, whose squares overflow: rescale it."
            )
        return column
    return _clean_object(name, column, is_group=is_group)


def _clean_categories(column: pd.Series) -> pd.Series:
    """The categorical with numbers, truth values or text as its categories; those of pd.cut are
    intervals."""
    categories = column.cat.categories.tolist()
    if all(isinstance(level, str | bool | int | float) for level in categories):
        return column
    return column.cat.rename_categories(
        [date_label(level) if is_date(level) else str(level) for level in categories]
    )


def _clean_object(name: str, column: pd.Series, *, is_group: bool) -> pd.Series:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in _DATES and is_group:
        return date_levels(column)
    if kind in _DATES:
        raise ModelError(
            f"Column '{name}' holds dates or times, which can only be a grouping factor: turn it"
            " into numbers."
        )
    if kind not in _OBJECTS:
        held = f"{kind} values{_first_text(column)}"
        raise ModelError(
            f"Column '{name}' holds {held}, and a model needs numbers, text or truth values."
        )
    if kind == "integer":
        _check_largest(name, column)
    column = column.astype(_OBJECTS[kind])
    return _clean_column(name, column, is_group=is_group) if kind != "string" else column


def _first_text(column: pd.Series) -> str:
    """Which of the values of a mixed column is the first that is text, as a spreadsheet leaves it
    among numbers."""
    for row, value in column.items():
        if isinstance(value, str):
            return f" (the first that is no number is '{value}', in row {row})"
    return ""


def _check_largest(name: str, column: pd.Series) -> None:
    """An int64 that wrapped around would be another number, a float64 would merge the levels of a
    group."""
    if len(column) and (int(column.max()) > _LARGEST or int(column.min()) < -_LARGEST):
        raise ModelError(
            f"Column '{name}' holds whole numbers above 2^63: turn it into text first."
        )
