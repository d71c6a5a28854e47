"""A balanced grid of the variables of a linear predictor, for means that no unbalanced data
distort."""

import itertools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._newrows import align
from ._parts import Design, Predictor
from ._predictor import fixed_columns, new_fixed, new_offset


class Grid(NamedTuple):
    """Rows of all combinations of levels.

    Attributes:
        frame: the variables.
        x: (m, p) columns of the fixed effects.
        offset: (m,).
        estimable: (m,) whether the data determine the linear predictor of a row, where columns were
            left out because others determine them.
    """

    frame: pd.DataFrame
    x: np.ndarray
    offset: np.ndarray
    estimable: np.ndarray


def reference_grid(design: Design, part: Predictor, at: Mapping[str, Any]) -> Grid:
    """All combinations of the levels of the factors, other variables at their means; `at` has other
    values for some. Raises `ModelError` for a variable that the predictor does not use."""
    variables = variables_of(design, part)
    for name in at:
        if name not in variables:
            raise ModelError(
                f"There is no variable {name!r} among the fixed effects; they use"
                f" {', '.join(variables) or 'none'}."
            )
    values = [
        list(np.atleast_1d(at[name])) if name in at else _levels(design, part, name)
        for name in variables
    ]
    rows = list(itertools.product(*values))
    columns = {name: [row[k] for row in rows] for k, name in enumerate(variables)}
    frame = align(design, pd.DataFrame(columns, index=range(len(rows))), variables)
    named = design.offset_name if part.name == "mean" else None
    if named is not None and named not in frame:
        frame[named] = np.full(len(rows), design.frame[named].to_numpy(np.float64).mean())
    x, offset = new_fixed(part.fixed, frame), new_offset(frame, named, part.offset_recipe)
    return Grid(frame, x, offset, _estimable(design, part, frame))


def variables_of(design: Design, part: Predictor) -> list[str]:
    """The columns of the data that the fixed effects and offsets of a predictor use."""
    return list(dict.fromkeys(fixed_columns(part.formula, design.frame.columns, design.context)))


def _levels(design: Design, part: Predictor, name: str) -> list[Any]:
    """The levels of a factor that occur, or the mean of a number."""
    column = cast(pd.Series, design.frame[name])
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.unique(column.cat.codes.to_numpy())
        return list(column.cat.categories[codes[codes >= 0]])
    if column.dtype == bool or _is_coded(part, name):
        return sorted(column.unique().tolist())
    return [float(column.to_numpy(np.float64).mean())]


def _is_coded(part: Predictor, name: str) -> bool:
    """Whether a term such as `C(x)` makes levels of a number."""
    encoded = part.fixed.recipe.spec.encoder_state.items()
    coded = [factor for factor, (_, state) in encoded if "categories" in state]
    return any(re.search(rf"\b{re.escape(name)}\b", factor) for factor in coded)


def _estimable(design: Design, part: Predictor, frame: pd.DataFrame) -> np.ndarray:
    """Whether the rows are combinations of those that were fitted, all columns taken together."""
    fixed = part.fixed
    if not set(fixed.dropped) - {"Intercept"}:
        return np.ones(len(frame), bool)
    fitted, new = fixed.recipe(design.frame), fixed.recipe(frame)
    _, sizes, directions = np.linalg.svd(fitted, full_matrices=False)
    directions = directions[sizes > 1e-9 * sizes[0]]
    return np.abs(new - new @ directions.T @ directions).max(1) < 1e-8 * np.abs(new).max()
