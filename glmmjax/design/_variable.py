"""One number a row from an expression of columns, for the rows of a model and for others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._matrix import Recipe, build_matrix, numbers
from ._names import NO_CONTEXT, plain_name
from ._text import what_it_holds


@dataclass(frozen=True, eq=False)
class Variable:
    """A Python expression; `recipe` keeps the means of its transforms, and is None for the name of
    a column."""

    expression: str
    text: str
    recipe: Recipe | None

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """The values, (n,) float64."""
        if self.recipe is not None:
            return self.recipe(frame)[:, 0] + 0.0
        name = plain_name(self.expression)
        column = cast(pd.Series, frame[name])
        if isinstance(column.dtype, pd.CategoricalDtype):
            raise ModelError(
                f"Column '{name}' {what_it_holds(column)}, and the term {self.text} needs numbers."
            )
        return column.to_numpy(np.float64) + 0.0  # -0.0 becomes 0.0


def read_variable(
    expression: str, text: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT
) -> Variable:
    """The expression of the term `text`; `ModelError` if it does not give one number a row."""
    if expression.startswith("{") and expression.endswith("}"):
        expression = expression[1:-1]  # braces say that it is Python, which it is anyway
    if plain_name(expression) is not None:
        return Variable(expression, text, None)
    values, recipe = build_matrix(numbers(expression), frame, context)
    if values.shape[1] != 1:
        raise ModelError(
            f"The expression {expression} of the term {text} must give one number a row."
        )
    return Variable(expression, text, recipe)
