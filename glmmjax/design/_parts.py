"""What a formula and a table become: the arrays of a model, and what is needed to read other rows."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from ..formula import ParsedFormula, RandomFormula
from ._smooth import Smooth


class Columns(Protocol):
    """What makes the columns of a random term, for any rows."""

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray | None]:
        """`z` (m, c), and for terms with positions that of each row (m,), -1 for one that is none of the term's."""
        ...


@dataclass(frozen=True, eq=False)
class FixedPart:
    """The fixed effects.

    - `names`: (p,) column names as formulaic gives them, then those of the smooths.
    - `x`: (n, p) float64.
    - `dropped`: names of the columns that were linear combinations of earlier ones and are not in `x`.
    - `spec`: gives the columns of the formula, the dropped ones too, for other rows.
    - `keep`: (p,) the places of the columns of `x` among all columns.
    - `smooths`: the curves, whose unpenalised columns follow those of `spec`.
    """

    names: tuple[str, ...]
    x: np.ndarray
    dropped: tuple[str, ...]
    spec: ModelSpec
    keep: np.ndarray
    smooths: tuple[Smooth, ...] = ()


@dataclass(frozen=True, eq=False)
class RandomPart:
    """One random term, or the penalised part of one smooth.

    - `formula`: what was written.
    - `names`: (q,) names of the effects of one level.
    - `z`: (n, q) float64, or (n, 1) ones for a term with positions.
    - `refs`: (n,) the level of each row, an index into `levels`.
    - `levels`: the label of each level, `"a:b"` labels joined by `:`; `("",)` for `propto` and smooths.
    - `columns`: gives `z` and `position` for other rows.
    - `factor_levels`: for each column of the grouping factor the labels of its own levels.
    - `cells`: (levels, factors) which label of each column makes up a level.
    - `position`: (n,) which of the q effects row i has, with a one; None where `z` says it.
    - `coordinates`: (q, dims) where the effects are: whole steps along a sequence, times, or points in space.
    - `matrix`: (q, q) the covariance that `propto` knows.
    - `is_smooth`: whether it is part of a smooth.
    """

    formula: RandomFormula
    names: tuple[str, ...]
    z: np.ndarray
    refs: np.ndarray
    levels: tuple[str, ...]
    columns: Columns
    factor_levels: tuple[tuple[str, ...], ...]
    cells: np.ndarray
    position: np.ndarray | None = None
    coordinates: np.ndarray | None = None
    matrix: np.ndarray | None = None
    is_smooth: bool = False


@dataclass(frozen=True, eq=False)
class Design:
    """The data of a model with one linear predictor, n rows in the order of the table.

    - `formula`, `response_kind`: as given; `response_name` is the left-hand side.
    - `frame`: the columns used, n kept rows with their original labels, as bool, int64, float64 or
        categorical. `build_design(formula.text, frame, response=response_kind, weights=weights_name,
        offset=offset_name)` gives this design again, with the same `covariances` and `matrices`.
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
