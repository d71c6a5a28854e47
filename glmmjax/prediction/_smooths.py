"""The curves of smooths by themselves."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float

from .._precision import own_settings
from ..design import RandomPart, Smooth
from ..fit import Solution
from ._effects import effects_of_rows, spread_of_rows
from ._predict import of_parameters
from ._rows import FactorRows, Rows

COLUMNS = ["term", "level", "value", "estimate", "std_error"]


def smooth_curves(solution: Solution, points: int = 100) -> pd.DataFrame:
    """The curve of each smooth over the range of its variable, on the scale of its linear
    predictor: `term, level, value, estimate, std_error`, `level` that of a `by` with levels, else
    empty.

    A curve is centred at the mean of its rows, since the intercept has its height; one that
    multiplies a number is not. Standard errors are of the curve so centred, by the delta method
    from the uncertainty of all parameters, the smoothing parameter included, and of the curve given
    the data.
    """
    tables = [_curve(solution, number, own, points) for number, own in _smooths(solution)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _smooths(solution: Solution) -> Iterator[tuple[int, Smooth]]:
    """The number of the grouping factor of each smooth, and the smooth."""
    for number, terms in enumerate(solution.model.glmm.structure.terms):
        smooth = solution.model.design.random[terms[0]].columns
        if isinstance(smooth, Smooth):
            yield number, smooth


def _curve(solution: Solution, number: int, smooth: Smooth, points: int) -> pd.DataFrame:
    model = solution.model
    part = model.design.random[model.glmm.structure.terms[number][0]]
    value = np.linspace(smooth.low, smooth.high, points)
    fixed, penalised = smooth.at(value)
    if len(smooth.names) == 1:
        fitted = smooth.at(
            smooth.variable(model.design.frame)[_own_rows(smooth, model.design.frame)]
        )
        fixed, penalised = fixed - fitted[0].mean(0), penalised - fitted[1].mean(0)
    estimate, std_error = _sums(solution, number, _rows(solution, number, part, fixed, penalised))
    numbers = {"value": value, "estimate": estimate, "std_error": std_error}
    return pd.DataFrame({"term": smooth.formula.text, "level": smooth.level or ""} | numbers)


def _own_rows(smooth: Smooth, frame: pd.DataFrame) -> np.ndarray:
    if smooth.level is None:
        return np.ones(len(frame), bool)
    return smooth.fixed(frame.assign(**{smooth.formula.variable: 1.0}))[:, 0] != 0


def _rows(
    solution: Solution, number: int, part: RandomPart, fixed: np.ndarray, penalised: np.ndarray
) -> Rows:
    """Rows that have the columns of one curve, and nothing else."""
    model, count = solution.model, len(fixed)
    x = [np.zeros((count, len(own.fixed.names))) for own in model.design.predictors]
    assert isinstance(part.columns, Smooth)
    names = list(model.design.predictors[part.predictor].fixed.names)
    for k, name in enumerate(part.columns.names):
        if name in names:
            x[part.predictor][:, names.index(name)] = fixed[:, k]
    factors = []
    for k, factor in enumerate(model.glmm.structure.factors):
        z = penalised if k == number else np.zeros((count, factor.q))
        predictors, refs = np.array(factor.predictor_of), np.zeros(count, int)
        factors.append(FactorRows(z, refs, None, k == number, predictors))
    everywhere = np.ones(count, bool)
    offset = np.zeros((len(x), count))
    return Rows(tuple(x), offset, tuple(factors), pd.RangeIndex(count), everywhere, ~everywhere)


def _sums(
    solution: Solution, number: int, rows: Rows
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Estimates and standard errors of the sum of what rows have in all linear predictors."""
    ones = np.ones_like(rows.offset)
    with own_settings():
        eta = rows.fixed(np.asarray(solution.params.beta))
        eta = eta + effects_of_rows(solution, rows, [number])
        moved = rows._replace(factors=tuple(own.times(ones) for own in rows.factors))
        spread = spread_of_rows(solution, moved, [number])
        jacobian = spread.jacobian
        jacobian[:, : solution.p] += rows.columns(ones)
        variance = spread.variance + of_parameters(jacobian, solution.vcov)
    return eta.sum(0), np.sqrt(variance)
