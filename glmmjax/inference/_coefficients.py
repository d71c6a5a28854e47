"""Fixed effects, their covariance and tests, and information criteria."""

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from .._errors import ModelError
from ..families import predictor_names
from ..fit import Solution
from ..marginal import Exact
from ..mixed import MixedModel
from ._satterthwaite import satterthwaite_df


def block(model: MixedModel, part: str) -> slice:
    """Where the coefficients of a linear predictor (`mean`, `disp` or `zi`) are among all;
    `ModelError` if none."""
    first = 0
    for own in model.design.predictors:
        if own.name == part:
            return slice(first, first + len(own.fixed.names))
        first += len(own.fixed.names)
    has = ", ".join(predictor_names(model.family))
    raise ModelError(
        f"part must be one of the linear predictors of the model ({has}), not {part!r}."
    )


def part_names(model: MixedModel, part: str) -> tuple[str, ...]:
    """The coefficients of a linear predictor; none if the model has no such part."""
    return next((own.fixed.names for own in model.design.predictors if own.name == part), ())


def names_of(model: MixedModel) -> list[str]:
    """Names of the coefficients of all linear predictors; those of `disp` and `zi` have that in
    front, `zi_x`."""
    return [f"{own.prefix}{name}" for own in model.design.predictors for name in own.fixed.names]


def fixef(solution: Solution, part: str = "mean") -> pd.Series:
    """Estimates of the fixed effects of a linear predictor by coefficient name."""
    own = block(solution.model, part)
    return pd.Series(solution.params.beta[own], index=_names(solution, part), name="estimate")


def other_coefficients(solution: Solution, part: str) -> pd.Series:
    """Estimates of a linear predictor beside the mean's, empty if the model has none of that
    name."""
    if part in predictor_names(solution.model.family):
        return fixef(solution, part)
    return pd.Series([], index=_names(solution, part), name="estimate", dtype=np.float64)


def std_errors(solution: Solution, part: str = "mean") -> pd.Series:
    """Standard errors of the fixed effects by coefficient name."""
    own = block(solution.model, part)
    return pd.Series(
        np.sqrt(np.diag(solution.vcov)[own]), index=_names(solution, part), name="std_error"
    )


def vcov(solution: Solution, part: str = "mean") -> pd.DataFrame:
    """(p, p) covariance of the fixed effects: their block of the inverse of minus the joint
    Hessian, or `sigma^2 (X'V^-1X)^-1` for a linear model; times the scale of a quasi-likelihood."""
    names, own = _names(solution, part), block(solution.model, part)
    return pd.DataFrame(solution.vcov[own, own], index=names, columns=names)


def aic(solution: Solution) -> float:
    """Akaike's criterion, `2 df - 2 loglik`."""
    return 2 * solution.df - 2 * solution.loglik


def bic(solution: Solution) -> float:
    """Schwarz's criterion, `log(nobs) df - 2 loglik`."""
    return float(np.log(solution.model.nobs)) * solution.df - 2 * solution.loglik


def coefficient_table(solution: Solution, part: str = "mean") -> pd.DataFrame:
    """One row a fixed effect: `estimate, std_error, statistic, df, p_value`.

    For a linear model the statistic is a t with Satterthwaite's degrees of freedom (as lmerTest),
    else a z with infinite ones.
    """
    estimate, error = fixef(solution, part), std_errors(solution, part)
    statistic = estimate / error
    if isinstance(solution.method, Exact):
        df = satterthwaite_df(solution)
        p_value = 2 * stdtr(df, -np.abs(statistic))
    else:
        df = np.full(len(estimate), np.inf)
        p_value = 2 * ndtr(-np.abs(statistic))
    columns = {
        "estimate": estimate,
        "std_error": error,
        "statistic": statistic,
        "df": df,
        "p_value": p_value,
    }
    return pd.DataFrame(columns, index=_names(solution, part))


def _names(solution: Solution, part: str) -> pd.Index:
    return pd.Index(part_names(solution.model, part), name="term")
