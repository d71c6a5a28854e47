"""What a formula and a table become: the arrays of a model, and what is needed to read other rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from ..formula import ParsedFormula, RandomFormula


@dataclass(frozen=True, eq=False)
class FixedPart:
    """The fixed effects.

    - `names`: (p,) column names as formulaic gives them.
    - `x`: (n, p) float64.
    - `dropped`: names of the columns that were linear combinations of earlier ones and are not in `x`.
    - `spec`: gives all columns, the dropped ones too, for other rows.
    - `keep`: (p,) the places of the columns of `x` among all columns.
    """

    names: tuple[str, ...]
    x: np.ndarray
    dropped: tuple[str, ...]
    spec: ModelSpec
    keep: np.ndarray


@dataclass(frozen=True, eq=False)
class RandomPart:
    """One random term.

    - `formula`: what was written.
    - `names`: (q,) names of the columns of `z`.
    - `z`: (n, q) float64.
    - `refs`: (n,) the level of each row, an index into `levels`.
    - `levels`: the label of each level, `"a:b"` labels joined by `:`.
    - `spec`: gives `z` for other rows.
    - `factor_levels`: for each column of the grouping factor the labels of its own levels.
    - `cells`: (levels, factors) which label of each column makes up a level.
    """

    formula: RandomFormula
    names: tuple[str, ...]
    z: np.ndarray
    refs: np.ndarray
    levels: tuple[str, ...]
    spec: ModelSpec
    factor_levels: tuple[tuple[str, ...], ...]
    cells: np.ndarray


@dataclass(frozen=True, eq=False)
class Design:
    """The data of a model with one linear predictor, n rows in the order of the table.

    - `formula`, `response_kind`: as given; `response_name` is the left-hand side.
    - `frame`: the columns used, n kept rows with their original labels, as bool, int64, float64 or
        categorical. `build_design(formula.text, frame, response=response_kind, weights=weights_name,
        offset=offset_name)` gives this design again.
    - `y`: (n,) float64, or for proportions (n, 2): successes and trials. NaN (the successes of proportions) if the
        formula has no response.
    - `weights`, `offset`: (n,) float64; ones and zeros if none were given.
    - `weights_name`, `offset_name`: the column of `frame` for the argument; `"(weights)"`, `"(offset)"` for
        arrays.
    - `offset_spec`: gives the `offset(...)` terms of the formula for other rows.
    - `dropped_rows`: how many rows of the table had a missing value.
    """

    formula: ParsedFormula
    response_kind: str
    frame: pd.DataFrame
    y: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    fixed: FixedPart
    random: tuple[RandomPart, ...]
    offset_spec: ModelSpec | None
    dropped_rows: int
    weights_name: str | None
    offset_name: str | None

    @property
    def response_name(self) -> str:
        """The left-hand side of the formula, as written."""
        return self.formula.response

    @property
    def has_response(self) -> bool:
        """Whether the formula has a left-hand side."""
        return bool(self.formula.response)
