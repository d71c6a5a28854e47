"""Fits side by side: information criteria and likelihood-ratio tests."""

import itertools
from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from ..families import innermost
from ..fit import Fits, Solution
from ..inference import aic, bic, natural, quantities
from ..prediction import curves_of, simulate
from ._nesting import Difference, difference, p_values
from ._refit import Draws, Refits, fit_draws

TESTS = ("lrt", "bootstrap")
COLUMNS = [
    "formula",
    "family",
    "df",
    "loglik",
    "aic",
    "bic",
    "chisq",
    "chi_df",
    "p_value",
    "reference",
]


def compare(fits: Sequence[Fits], test: str, draws: Draws) -> pd.DataFrame:
    """A row a member and fit, from the smallest to the largest: `formula, family, df, loglik, aic,
    bic`, and against the row before `chisq, chi_df, p_value, reference`, the distribution in words.
    The index is `member, fit`, the number of a fit among those given.

    Raises `ModelError` for fits of other data, by other methods, or restricted likelihoods of other
    fixed effects.
    """
    _check(fits, test)
    order = sorted(range(len(fits)), key=lambda k: fits[k].df)
    tables, before = [], None
    for k in order:
        own = fits[k]
        tables.append(_row(own, before, test, draws))
        before = own
    index = pd.MultiIndex.from_product([fits[0].index, order], names=["member", "fit"])
    rows = [(number, k) for number in range(len(fits[0])) for k in range(len(order))]
    places = [k * len(fits[0]) + number for number, k in rows]
    return cast(pd.DataFrame, pd.concat(tables, ignore_index=True).iloc[places].set_axis(index))


def _row(fits: Fits, before: Fits | None, test: str, draws: Draws) -> pd.DataFrame:
    loglik, model = _loglik(fits), fits.members.first
    found = {
        "formula": model.design.formula.text,
        "family": innermost(model.family).name,
        "df": fits.df,
        "loglik": loglik,
        "aic": aic(fits),
        "bic": bic(fits),
        "chisq": np.full(len(fits), np.nan),
        "chi_df": np.full(len(fits), np.nan),
        "p_value": np.full(len(fits), np.nan),
        "reference": "",
    }
    if before is not None:
        step = difference(before.members.first, model)
        chisq = np.maximum(2 * (loglik - _loglik(before)), 0.0)
        found["reference"] = step.words
        if not step.reason:
            found |= {"chisq": chisq, "chi_df": np.full(len(fits), float(step.df))}
            found["p_value"] = p_values(chisq, step, _correlations(fits, step))
        if test == "bootstrap" and not step.reason:
            found["p_value"] = _bootstrapped(before, fits, chisq, draws)
            found["reference"] = f"{draws.n} refits of draws from the fit before"
    return pd.DataFrame(found, index=fits.index, columns=COLUMNS)


def _correlations(fits: Fits, step: Difference) -> Float[np.ndarray, "members k k"]:
    """Of the estimates of the standard deviations that a model adds."""
    count = len(step.added)
    if count < 2:
        return np.ones((len(fits), count, count))
    model, found = fits.members.first, fits.reported
    points = np.concatenate([found.beta, *found.theta, found.phi], 1)
    names = [own.name for own in quantities(model)[model.glmm.p :]]
    if not set(step.added) <= set(names):
        return np.broadcast_to(np.eye(count), (len(fits), count, count))
    slopes = natural(model, points).slopes[:, [names.index(name) for name in step.added]]
    p = model.glmm.p
    covariance = slopes @ found.vcov[:, p:, p:] @ np.swapaxes(slopes, 1, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 1 / np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        return covariance * scale[:, :, None] * scale[:, None]


def _bootstrapped(
    smaller: Fits, larger: Fits, chisq: Float[np.ndarray, " members"], draws: Draws
) -> Float[np.ndarray, " members"]:
    """The share of draws from the smaller fit with a statistic as large, one added to both (Davison
    and Hinkley 1997, section 4.2)."""
    p_value = np.full(len(chisq), np.nan)
    for number in np.flatnonzero(smaller.ok & larger.ok & ~np.isnan(chisq)):
        solution = Solution(smaller.alone(int(number)))
        responses = simulate(
            solution.model, solution.params, draws.n, seed=draws.seed, curves=curves_of(solution)
        )
        refits = Refits(method=smaller.method, reml=smaller.method.is_restricted)
        both = [
            _loglik(fit_draws(own.members.model(int(number)), responses, refits))
            for own in (smaller, larger)
        ]
        drawn = 2 * (both[1] - both[0])
        drawn = drawn[~np.isnan(drawn)]
        p_value[number] = (1 + (drawn >= chisq[number] - 1e-8).sum()) / (len(drawn) + 1)
    return p_value


def _check(fits: Sequence[Fits], test: str) -> None:
    if test not in TESTS:
        raise ModelError(f"test must be 'lrt' or 'bootstrap', not {test!r}.")
    if len(fits) < 2:
        raise ModelError("compare takes two or more fits.")
    first, *others = fits
    for own in others:
        if not _same_data(first, own):
            raise ModelError(
                "The fits are not of the same data: their responses, rows or weights differ. Fit"
                " all to the rows that no model misses a value in."
            )
        if own.method != first.method and not (_is_exact(first) and _is_exact(own)):
            raise ModelError(
                "The fits are by different methods, whose log-likelihoods do not compare: fit all"
                " by one."
            )
    if first.method.is_restricted and not all(
        np.array_equal(own.members.first.design.fixed.x, first.members.first.design.fixed.x)
        for own in others
    ):
        raise ModelError(
            "Restricted likelihoods of different fixed effects cannot be compared: fit with"
            " reml=False."
        )
    if any(own.members.first.family.traits.is_quasi for own in fits):
        raise ModelError("A quasi-likelihood cannot be compared: it is no likelihood.")


def _is_exact(fits: Fits) -> bool:
    """Whether Laplace's approximation, if it is that, is none."""
    model = fits.members.first
    moving = {own.predictor for own in model.design.random}
    is_normal = innermost(model.family).name == "gaussian" and model.family.link.name == "identity"
    return is_normal and moving <= {0} and not fits.method.is_restricted


def _same_data(one: Fits, other: Fits) -> bool:
    if len(one) != len(other) or one.members.is_alone != other.members.is_alone:
        return False
    both = itertools.zip_longest(one.members.observed(), other.members.observed())
    return all(
        a is not None and b is not None and np.array_equal(a, b, equal_nan=True) for a, b in both
    )


def _loglik(fits: Fits) -> Float[np.ndarray, " members"]:
    return np.where(fits.ok, fits.outcome.loglik, np.nan)
