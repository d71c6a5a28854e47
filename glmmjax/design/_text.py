"""Columns of text where numbers may have been meant."""

import re
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError

# With a decimal point or comma, or with separators of thousands.
_NUMBER = re.compile(
    r"\s*[-+\u2212]?(\d{1,3}([., ]\d{3})+([.,]\d+)?|\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*"
)
_MANY = 20  # levels, beyond which a factor with more levels than half of the rows is none


def is_text(column: pd.Series) -> bool:
    """Whether a column of a table holds text and was not declared to be categories."""
    return (
        not isinstance(column.dtype, pd.CategoricalDtype)
        and pd.api.types.infer_dtype(column) == "string"
    )


def holds_text(values: Any) -> bool:
    """Whether any of the values, or of the categories of categorical ones, is text."""
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):
        values = dtype.categories
    elif dtype is not None and dtype.kind in "biufcmM":
        return False
    return any(isinstance(value, str) for value in np.asarray(values, object).ravel())


def what_it_holds(column: pd.Series) -> str:
    """What a clean column that holds no numbers holds, for a sentence."""
    levels = column.cat.categories
    if not all(isinstance(level, str) for level in levels):
        return "holds categories"
    bad = ~column.isin(_numbers(levels)).to_numpy()
    if not bad.any():
        return "holds numbers written as text"
    row = int(bad.argmax())
    return (
        f"holds text (the first value that is no number is '{column.iloc[row]}', in row"
        f" {column.index[row]})"
    )


def refuse_numbers(column: pd.Series) -> None:
    """Raise a `ModelError` if most levels of a clean column of text are numbers, or nearly every
    row has its own.

    Each level would be a coefficient: what was meant to be one slope would be fitted as hundreds of
    means, without a word.
    """
    levels, name = column.cat.categories, column.name
    if 2 * len(_numbers(levels)) > len(levels):
        raise ModelError(
            f"Column '{name}' {what_it_holds(column)}: make it numbers, or write C({name}) or make"
            " it a categorical if they are categories."
        )
    if len(levels) > max(_MANY, len(column) / 2):
        raise ModelError(
            f"Column '{name}' {what_it_holds(column)} and {len(levels)} levels in {len(column)}"
            f" rows: make it numbers or a grouping factor, or write C({name}) for a coefficient a"
            " level."
        )


def _numbers(levels: pd.Index) -> list[str]:
    return [level for level in levels if _NUMBER.fullmatch(level)]
