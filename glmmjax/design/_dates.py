"""Dates and times as the levels of a grouping factor."""

import datetime

import numpy as np
import pandas as pd

_DATES = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
    pd.Period,
)  # a Timestamp is a date


def is_date(level: object) -> bool:
    """Whether a level is a date, a time, a period or a span of time."""
    return isinstance(level, _DATES)


def date_label(level: object) -> str:
    """A date or time in ISO 8601; a midnight without a zone is the same level as its date."""
    if isinstance(level, datetime.timedelta | np.timedelta64):
        return pd.Timedelta(level).isoformat()
    if isinstance(level, np.datetime64 | datetime.datetime):
        return pd.Timestamp(level).isoformat().removesuffix("T00:00:00")
    return level.isoformat() if isinstance(level, datetime.date | datetime.time) else str(level)


def date_levels(column: pd.Series) -> pd.Series:
    """The column as a categorical of text, whose levels are in the order of time."""
    codes, levels = pd.factorize(column, sort=True)
    return pd.Series(
        pd.Categorical.from_codes(codes, [date_label(level) for level in levels]), column.index
    )
