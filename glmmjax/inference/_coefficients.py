"""Fixed effects, their covariance and tests, and information criteria."""

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from ..fit import Solution
from ..marginal import Exact
from ._satterthwaite import satterthwaite_df


def fixef(solution: Solution) -> pd.Series:
    """Estimates of the fixed effects by coefficient name."""
    return pd.Series(solution.params.beta, index=_names(solution), name="estimate")


def std_errors(solution: Solution) -> pd.Series:
    """Standard errors of the fixed effects by coefficient name."""
    return pd.Series(np.sqrt(np.diag(solution.vcov)[: solution.p]), index=_names(solution), name="std_error")


def vcov(solution: Solution) -> pd.DataFrame:
    """(p, p) covariance of the fixed effects: their block of the inverse of minus the joint Hessian, or
    `sigma^2 (X'V^-1X)^-1` for a linear model."""
    names, p = _names(solution), solution.p
    return pd.DataFrame(solution.vcov[:p, :p], index=names, columns=names)


def aic(solution: Solution) -> float:
    """Akaike's criterion, `2 df - 2 loglik`."""
    return 2 * solution.df - 2 * solution.loglik


def bic(solution: Solution) -> float:
    """Schwarz's criterion, `log(nobs) df - 2 loglik`."""
    return float(np.log(solution.model.nobs)) * solution.df - 2 * solution.loglik


def coefficient_table(solution: Solution) -> pd.DataFrame:
    """One row a fixed effect: `estimate, std_error, statistic, df, p_value`.

    For a linear model the statistic is a t with Satterthwaite's degrees of freedom (as lmerTest), else a z with
    infinite ones.
    """
    estimate, error = fixef(solution), std_errors(solution)
    statistic = estimate / error
    if isinstance(solution.method, Exact):
        df = satterthwaite_df(solution)
        p_value = 2 * stdtr(df, -np.abs(statistic))
    else:
        df = np.full(solution.p, np.inf)
        p_value = 2 * ndtr(-np.abs(statistic))
    columns = {"estimate": estimate, "std_error": error, "statistic": statistic, "df": df, "p_value": p_value}
    return pd.DataFrame(columns, index=_names(solution))


def _names(solution: Solution) -> pd.Index:
    return pd.Index(solution.model.design.fixed.names, name="term")
