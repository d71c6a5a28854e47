"""One number a row from an expression of columns, for the rows of a model and for others."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from .._errors import ModelError
from ._matrix import build_matrix, numbers, rebuild_matrix
from ._names import plain_name


@dataclass(frozen=True, eq=False)
class Variable:
    """A Python expression; `spec` keeps the means of its transforms, and is None for the name of a column."""

    expression: str
    text: str
    spec: ModelSpec | None

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """The values, (n,) float64."""
        if self.spec is not None:
            return rebuild_matrix(self.spec, frame)[:, 0] + 0.0
        name = plain_name(self.expression)
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            raise ModelError(f"Column '{name}' holds no numbers, which the term {self.text} needs.")
        return frame[name].to_numpy(np.float64) + 0.0  # -0.0 becomes 0.0


def read_variable(expression: str, text: str, frame: pd.DataFrame) -> Variable:
    """The expression of the term `text`; `ModelError` if it does not give one number a row."""
    if expression.startswith("{") and expression.endswith("}"):
        expression = expression[1:-1]  # braces say that it is Python, which it is anyway
    if plain_name(expression) is not None:
        return Variable(expression, text, None)
    values, spec = build_matrix(numbers(expression), frame)
    if values.shape[1] != 1:
        raise ModelError(f"The expression {expression} of the term {text} must give one number a row.")
    return Variable(expression, text, spec)
