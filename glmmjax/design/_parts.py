"""What a formula and a table become: the arrays of a model, and what is needed to read other
rows."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..formula import ParsedFormula, RandomFormula
from ._matrix import Recipe
from ._separate import Separate, separate
from ._smooth import Smooth


class Columns(Protocol):
    """What makes the columns of a random term, for any rows."""

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray | None]:
        """`z` (m, c), and for terms with positions that of each row (m,), -1 for one that is none
        of the term's."""
        ...


@dataclass(frozen=True, eq=False)
class FixedPart:
    """The fixed effects.

    - `names`: (p,) column names as formulaic gives them, then those of the smooths.
    - `x`: (n, p) float64.
    - `dropped`: names of the columns that were linear combinations of earlier ones and are not in
      `x`.
    - `recipe`: gives the columns of the formula, the dropped ones too, for other rows.
    - `keep`: (p,) the places of the columns of `x` among all columns.
    - `smooths`: the curves, whose unpenalised columns follow those of `recipe`.
    """

    names: tuple[str, ...]
    x: np.ndarray
    dropped: tuple[str, ...]
    recipe: Recipe
    keep: np.ndarray
    smooths: tuple[Smooth, ...] = ()


@dataclass(frozen=True, eq=False)
class RandomPart:
    """One random term, or the penalised part of one smooth.

    - `formula`: what was written.
    - `names`: (q,) names of the effects of one level.
    - `z`: (n, q) float64, or (n, 1) ones for a term with positions.
    - `refs`: (n,) the level of each row, an index into `levels`.
    - `levels`: the label of each level, `"a:b"` labels joined by `:`; `("",)` for `propto` and
      smooths.
    - `columns`: gives `z` and `position` for other rows.
    - `factor_levels`: for each column of the grouping factor the labels of its own levels.
    - `cells`: (levels, factors) which label of each column makes up a level.
    - `position`: (n,) which of the q effects row i has, with a one; None where `z` says it.
    - `coordinates`: (q, dims) where the effects are: whole steps along a sequence, times, or points
      in space.
    - `matrix`: (q, q) the covariance that `propto` knows.
    - `is_smooth`: whether it is part of a smooth.
    - `predictor`: the number of its linear predictor.
    - `dropped`: names of the columns that are zero in every row, such as those of cells that do not
      occur.
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
    predictor: int = 0
    dropped: tuple[str, ...] = ()

    @functools.cached_property
    def separate(self) -> Separate:
        """Which of the positions each level has; for terms with `position`."""
        assert self.position is not None
        return separate(self.refs, self.position, len(self.levels), len(self.names))


@dataclass(frozen=True, eq=False)
class Predictor:
    """The part of a linear predictor that has no levels.

    - `name`: `mean`, `disp` or `zi`.
    - `formula`: as given.
    - `offset`: (n,) float64, zeros if there is none; of the mean with what the argument gave.
    - `offset_recipe`: gives the `offset(...)` terms of the formula for other rows.
    """

    name: str
    formula: ParsedFormula
    fixed: FixedPart
    offset: np.ndarray
    offset_recipe: Recipe | None

    @property
    def prefix(self) -> str:
        """What stands before the names of its effects where those of all linear predictors are
        together."""
        return "" if self.name == "mean" else f"{self.name}_"


@dataclass(frozen=True, eq=False)
class Design:
    """The data of a model, n rows in the order of the table.

    - `predictors`: the linear predictors, that of the mean first.
    - `formula`, `fixed`, `offset`: of the mean; `response_name` is the left-hand side.
    - `response_kind`: as given.
    - `frame`: the columns used, n kept rows with their original labels, as bool, int64, float64 or
        categorical. `build_design(formula.text, frame, response=response_kind,
        weights=weights_name, offset=offset_name)` gives this design again, with the same
        `covariances`, `matrices`, `others` and `context`.
    - `y`: (n,) float64, or for proportions (n, 2): successes and trials. NaN (the successes of
        proportions) if the formula has no response.
    - `weights`: (n,) float64; ones if none were given.
    - `random`: the random terms of all linear predictors, in their order.
    - `weights_name`, `offset_name`: the column of `frame` for the argument; `"(weights)"`,
        `"(offset)"` for arrays.
    - `dropped_rows`: how many rows of the table had a missing value.
    - `context`: the functions and constants of one's own that the formulas use, by name.
    - `is_inherited`: whether means, knots and levels are those of a design of other rows, so that
        `frame` does not tell all of this one.
    """

    predictors: tuple[Predictor, ...]
    response_kind: str
    frame: pd.DataFrame
    y: np.ndarray
    weights: np.ndarray
    random: tuple[RandomPart, ...]
    dropped_rows: int
    weights_name: str | None
    offset_name: str | None
    context: Mapping[str, Any]
    is_inherited: bool = False

    @property
    def formula(self) -> ParsedFormula:
        """The formula of the mean, with the response."""
        return self.predictors[0].formula

    @property
    def fixed(self) -> FixedPart:
        """The fixed effects of the mean."""
        return self.predictors[0].fixed

    @property
    def offset(self) -> np.ndarray:
        """(n,) the offset of the mean."""
        return self.predictors[0].offset

    def with_mean(self, **changes: Any) -> "Design":
        """The same design with other fields of the mean's `Predictor`."""
        return replace(
            self, predictors=(replace(self.predictors[0], **changes), *self.predictors[1:])
        )

    @property
    def response_name(self) -> str:
        """The left-hand side of the formula, as written."""
        return self.formula.response

    @property
    def has_response(self) -> bool:
        """Whether the formula has a left-hand side."""
        return bool(self.formula.response)
