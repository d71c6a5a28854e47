"""Numbers of the left-hand side, and refusals that name the row."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._matrix import evaluate
from ._names import NO_CONTEXT, plain_name, quoted
from ._rules import RULES
from ._text import what_it_holds

TWO_VALUED = ("binary", "proportion")
"""Kinds of responses that a categorical of two levels can be."""


def read_values(
    text: str, kind: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT
) -> np.ndarray:
    """An expression of the left-hand side, (n,) float64."""
    name = plain_name(text)
    if name is None:
        return evaluate(text, frame, context)
    column = cast(pd.Series, frame[name])
    if isinstance(column.dtype, pd.CategoricalDtype) and kind in TWO_VALUED:
        return _successes(text, column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        raise ModelError(f"The response {text} {what_it_holds(column)}, and numbers are needed.")
    return column.to_numpy(np.float64)


def _successes(text: str, column: pd.Series) -> np.ndarray:
    """(n,) whether a categorical of two levels has the last, which is the success."""
    levels = column.cat.categories
    if len(levels) == 2:
        return column.cat.codes.to_numpy(np.float64)
    found = (
        f"one level, '{levels[0]}'"
        if len(levels) == 1
        else f"{len(levels)} levels, {quoted(levels[:5])}"
    )
    raise ModelError(
        f"The response {text} has {found}, and a binary response has two, of which the last is a"
        " success."
    )


def check_rules(y: np.ndarray, text: str, kind: str, index: pd.Index) -> None:
    """Raise a `ModelError` if a value of the response `text` is not of its kind."""
    for broken, sentence in RULES[kind]:
        if kind == "binary" and broken(y).any():
            found = np.unique(y)
            shown = ", ".join(f"{value:g}" for value in found[:5]) + (
                ", ..." if len(found) > 5 else ""
            )
            raise ModelError(f"The response {text} {sentence}, and it holds {shown}.")
        refuse(broken(y), index, f"The response {text} {sentence}", y)


def refuse(
    bad: np.ndarray, index: pd.Index, sentence: str, values: np.ndarray | None = None
) -> None:
    """Raise a `ModelError` that says the sentence and names the first bad row."""
    if bad.any():
        first = int(np.argmax(bad))
        value = "" if values is None else f", and it is {values[first]:g}"
        raise ModelError(f"{sentence}{value} in row {index[first]}.")
