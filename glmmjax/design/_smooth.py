"""Smooth terms: a natural cubic spline as a fixed line and random deviations from it.

    f(x) = C(x) beta,  penalty  integral f''(x)^2 dx = beta' S beta,  S = D' B^-1 D,

where `beta` are the values at the knots (Wood 2017, Generalized Additive Models, section 5.3.1).
With S = U diag(s) U', beta = U_+ s_+^(-1/2) b + (a line) turns the penalty into b'b: the
coefficients b are random effects with one variance (Ruppert, Wand and Carroll 2003; Wood 2004), and
the line is fixed. x is scaled to [0, 1] over its range, so that nothing depends on its units.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from .._later import Later
from ..formula import SmoothFormula
from ._grouping import code_column
from ._names import NO_CONTEXT, quoted
from ._variable import Variable, read_variable

if TYPE_CHECKING:
    from scipy import interpolate
else:
    interpolate = Later("scipy.interpolate")

_LEAST = 3  # knots, below which nothing is penalised


@dataclass(frozen=True, eq=False)
class Smooth:
    """One curve, ready for any rows.

    - `variable`: gives the values of the variable.
    - `low`, `high`: the range of the variable, which is [0, 1] to the basis.
    - `knots`: (k,) in [0, 1].
    - `penalised`: (k, k - 2) U_+ s_+^(-1/2).
    - `level`: the label of the level of `formula.by` whose curve this is, one of `levels`; None if
      `by` has none.
    """

    formula: SmoothFormula
    variable: Variable
    low: float
    high: float
    knots: np.ndarray
    penalised: np.ndarray
    level: str | None
    levels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fixed columns."""
        by, variable = self.formula.by, self.formula.variable
        if by is None:
            return (f"s({variable})",)
        name = f"s({variable}, by={by})"
        return (name, f"{name}:{variable}") if self.level is None else (f"{name}[{self.level}]",)

    def fixed(self, frame: pd.DataFrame) -> np.ndarray:
        """The unpenalised columns, (n, 1 or 2): the variable, and before it the factor that
        multiplies the curve."""
        x, factor = self.variable(frame), self._factor(frame)
        columns = (
            [factor * x]
            if self.formula.by is None or self.level is not None
            else [factor, factor * x]
        )
        return np.column_stack(columns)

    def __call__(self, frame: pd.DataFrame) -> tuple[np.ndarray, None]:
        u = (self.variable(frame) - self.low) / (self.high - self.low)
        return cardinal_basis(self.knots, u) @ self.penalised * self._factor(frame)[:, None], None

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fixed and penalised columns of the curve itself at values of the variable: those of rows
        whose factor is one."""
        ones = np.ones(len(x))
        fixed = np.column_stack([ones, x] if len(self.names) == 2 else [x])
        u = (x - self.low) / (self.high - self.low)
        return fixed, cardinal_basis(self.knots, u) @ self.penalised

    def _factor(self, frame: pd.DataFrame) -> np.ndarray:
        """What the curve is multiplied by in each row, (n,)."""
        if self.formula.by is None:
            return np.ones(len(frame))
        column = frame[self.formula.by]
        if self.level is None:
            return column.to_numpy(np.float64)
        codes, labels = code_column(cast(pd.Series, column))
        unseen = [labels[code] for code in np.unique(codes) if labels[code] not in self.levels]
        if unseen:
            raise ModelError(
                f"The smooth {self.formula.text} has no curve for {quoted(unseen[:5])}."
            )
        return np.array([label == self.level for label in labels], np.float64)[codes]


def build_smooths(
    formula: SmoothFormula, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT
) -> tuple[Smooth, ...]:
    """The curves of one smooth term: one, or one for each level of a `by` with levels. The knots
    are the same for all.

    The main effect of `by` is not part of them: write `g + s(x, by=g)`. Raises `ModelError` for
    fewer distinct values than knots.
    """
    variable = read_variable(formula.variable, formula.text, frame, context)
    distinct = np.unique(variable(frame))
    if len(distinct) < formula.k:
        raise ModelError(_too_few(formula, len(distinct)))
    low, high = float(distinct[0]), float(distinct[-1])
    knots = (np.quantile(distinct, np.linspace(0, 1, formula.k)) - low) / (high - low)
    penalised = _penalised(knots)
    levels = _levels(formula, frame)
    return tuple(
        Smooth(formula, variable, low, high, knots, penalised, level, levels)
        for level in levels or (None,)
    )


def cardinal_basis(knots: np.ndarray, u: np.ndarray) -> np.ndarray:
    """C, (n, k): in column j the natural cubic spline that is 1 at knot j and 0 at the others; a
    line outside."""
    spline = interpolate.CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    inside = np.clip(u, knots[0], knots[-1])
    return spline(inside) + (u - inside)[:, None] * spline(inside, 1)


def roughness(knots: np.ndarray) -> np.ndarray:
    """S, (k, k): the integral of the squared second derivative as a quadratic form of the values at
    the knots."""
    h, inner = np.diff(knots), len(knots) - 2
    d = np.zeros((inner, len(knots)))
    rows = np.arange(inner)
    d[rows, rows] = 1 / h[:-1]
    d[rows, rows + 1] = -1 / h[:-1] - 1 / h[1:]
    d[rows, rows + 2] = 1 / h[1:]
    b = np.diag((h[:-1] + h[1:]) / 3) + np.diag(h[1:-1] / 6, 1) + np.diag(h[1:-1] / 6, -1)
    return d.T @ np.linalg.solve(b, d)


def _penalised(knots: np.ndarray) -> np.ndarray:
    """U_+ s_+^(-1/2), each column with its largest entry positive, as the sign of an eigenvector is
    left to chance."""
    values, vectors = np.linalg.eigh(roughness(knots))
    kept = vectors[:, 2:] / np.sqrt(values[2:])
    largest = np.abs(kept).argmax(axis=0)
    return kept * np.sign(kept[largest, np.arange(kept.shape[1])])


def _levels(formula: SmoothFormula, frame: pd.DataFrame) -> tuple[str, ...]:
    """The levels of `by` that occur; empty if there is no `by`, or if it is a number."""
    if formula.by is None:
        return ()
    column = frame[formula.by]
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype != bool:
        return ()
    codes, labels = code_column(cast(pd.Series, column))
    return tuple(labels[code] for code in np.unique(codes))


def _too_few(formula: SmoothFormula, distinct: int) -> str:
    start = (
        f"The smooth {formula.text} has {formula.k} knots and {formula.variable} {distinct}"
        " distinct value(s)"
    )
    if distinct < _LEAST:
        return f"{start}: a smooth needs {_LEAST} or more."
    return f"{start}: k={distinct} is the largest possible."
