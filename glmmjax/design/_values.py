"""Numbers of the left-hand side, and refusals that name the row."""

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._matrix import evaluate
from ._names import plain_name
from ._rules import RULES


def read_values(text: str, kind: str, frame: pd.DataFrame) -> np.ndarray:
    """An expression of the left-hand side, (n,) float64."""
    name = plain_name(text)
    if name is None:
        return evaluate(text, frame)
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = ", ".join(f"'{level}'" for level in column.cat.categories[:5])
        needed = "0 and 1" if kind in ("binary", "proportion") else "numbers"
        raise ModelError(f"The response {text} holds {found}, and {needed} are needed.")
    return column.to_numpy(np.float64)


def check_rules(y: np.ndarray, text: str, kind: str, index: pd.Index) -> None:
    """Raise a `ModelError` if a value of the response `text` is not of its kind."""
    for broken, sentence in RULES[kind]:
        if kind == "binary" and broken(y).any():
            found = np.unique(y)
            shown = ", ".join(f"{value:g}" for value in found[:5]) + (", ..." if len(found) > 5 else "")
            raise ModelError(f"The response {text} {sentence}, and it holds {shown}.")
        refuse(broken(y), index, f"The response {text} {sentence}", y)


def refuse(bad: np.ndarray, index: pd.Index, sentence: str, values: np.ndarray | None = None) -> None:
    """Raise a `ModelError` that says the sentence and names the first bad row."""
    if bad.any():
        first = int(np.argmax(bad))
        value = "" if values is None else f", and it is {values[first]:g}"
        raise ModelError(f"{sentence}{value} in row {index[first]}.")
