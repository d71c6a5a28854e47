"""Fixed effects, their covariance and tests, and information criteria."""

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtr, stdtr

from .._errors import ModelError
from .._noted import noted
from ..assembly import MixedModel
from ..families import predictor_names
from ..fit import Fits
from ._freedom import denominator

PerCoefficient = Float[np.ndarray, "members p"]


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


def part_names(model: MixedModel, part: str) -> pd.Index:
    """The coefficients of a linear predictor; none if the model has no such part."""
    parts = (own.fixed.names for own in model.design.predictors if own.name == part)
    return pd.Index(next(parts, ()), name="term", dtype=object)


def names_of(model: MixedModel) -> list[str]:
    """Names of the coefficients of all linear predictors; those of `disp` and `zi` have that in
    front, `zi_x`."""
    return [f"{own.prefix}{name}" for own in model.design.predictors for name in own.fixed.names]


def fixef(fits: Fits, part: str = "mean") -> pd.DataFrame:
    """(members, p) estimates of the fixed effects of a linear predictor by coefficient name."""
    return _by_name(fits, fits.reported.beta[:, block(fits.members.first, part)], part)


def other_coefficients(fits: Fits, part: str) -> pd.DataFrame:
    """(members, k) estimates of a linear predictor beside the mean's, without columns if the model
    has none of that name."""
    if part in predictor_names(fits.members.first.family):
        return fixef(fits, part)
    return _by_name(fits, np.zeros((len(fits), 0)), part)


def std_errors(fits: Fits, part: str = "mean") -> pd.DataFrame:
    """(members, p) standard errors of the fixed effects by coefficient name."""
    p = fits.reported.beta.shape[1]
    errors = _errors(fits.reported.vcov[:, :p, :p])
    return _by_name(fits, errors[:, block(fits.members.first, part)], part)


def vcov(fits: Fits, part: str = "mean") -> Float[np.ndarray, "members p p"]:
    """Covariances of the fixed effects: their block of the inverse of minus the joint Hessian, or
    `sigma^2 (X'V^-1X)^-1` for a linear model; times the scale of a quasi-likelihood."""
    own = block(fits.members.first, part)
    return fits.reported.vcov[:, own, own]


def aic(fits: Fits) -> Float[np.ndarray, " members"]:
    """Akaike's criterion, `2 df - 2 loglik`."""
    return 2 * fits.df - 2 * fits.reported.loglik


def bic(fits: Fits) -> Float[np.ndarray, " members"]:
    """Schwarz's criterion, `log(nobs) df - 2 loglik`."""
    with np.errstate(divide="ignore"):  # a member without rows has no criterion
        penalty = np.log(fits.members.nobs) * fits.df
    return penalty - 2 * fits.reported.loglik


def coefficient_table(fits: Fits, part: str = "mean", ddf: str | None = None) -> pd.DataFrame:
    """One row a member and fixed effect: `estimate, std_error, statistic, df, p_value`, with the
    index `member, term`; the test is a t with the degrees of freedom `ddf` (see `denominator`)."""
    own, names = block(fits.members.first, part), part_names(fits.members.first, part)
    return _table(fits, own, names, ddf)


def all_coefficients(fits: Fits, ddf: str | None = None) -> pd.DataFrame:
    """The same of all linear predictors; terms of `disp` and `zi` are called `disp_x`, `zi_x`."""
    return _table(fits, slice(None), pd.Index(names_of(fits.members.first), name="term"), ddf)


def _table(fits: Fits, own: slice, names: pd.Index, ddf: str | None) -> pd.DataFrame:
    freedom = denominator(fits, ddf)
    estimate, error = fits.reported.beta[:, own], _errors(freedom.covariance)[:, own]
    df = freedom.of(np.eye(fits.reported.beta.shape[1])[own])
    index = pd.MultiIndex.from_arrays(
        [fits.index.repeat(len(names)), np.tile(names, len(fits))], names=["member", "term"]
    )
    return noted(tested(index, estimate, error, df), freedom.words)


def tested(
    index: pd.MultiIndex, estimate: PerCoefficient, error: PerCoefficient, df: PerCoefficient
) -> pd.DataFrame:
    """A table of t-tests of numbers: `estimate, std_error, statistic, df, p_value`."""
    statistic = np.divide(estimate, error, out=np.full_like(estimate, np.nan), where=error > 0)
    p_value = 2 * np.where(np.isinf(df), ndtr(-np.abs(statistic)), stdtr(df, -np.abs(statistic)))
    numbers = {"estimate": estimate, "std_error": error, "statistic": statistic}
    numbers |= {"df": df, "p_value": p_value}
    return pd.DataFrame({name: own.ravel() for name, own in numbers.items()}, index=index)


def _errors(covariance: Float[np.ndarray, "members p p"]) -> PerCoefficient:
    return np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))


def _by_name(fits: Fits, values: np.ndarray, part: str) -> pd.DataFrame:
    return pd.DataFrame(values, fits.index, part_names(fits.members.first, part), np.float64)
