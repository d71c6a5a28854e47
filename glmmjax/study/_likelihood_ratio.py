"""Likelihood-ratio tests: of terms, by fits without them, and of fits that are nested."""

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from .._errors import Interrupted, ModelError
from .._noted import noted
from ..batch import AbstractManyMembers, Settings, fit_members
from ..design import FixedTerm
from ..fit import AbstractMembers, Fits, fit_model
from ..inference import check_type, of_type, terms_of

COLUMNS = ["statistic", "df", "df_denom", "p_value"]
_WORDS = (
    "Likelihood ratio: twice the fall of the log-likelihood without the term is taken as"
    " chi-squared, which needs many groups or observations."
)


def anova_by_refits(
    fits: Fits, *, type: int, part: str, progress: bool | None = False
) -> pd.DataFrame:
    """The likelihood-ratio test of each term: `statistic, df, df_denom, p_value`, a row a member
    and term.

    Type 3: against the fit without the term's columns. Type 2: the same among the models without
    the terms that contain it. Raises `ModelError` for a restricted likelihood.
    """
    check_type(type)
    _refuse_restricted(fits)
    model, found, settings = fits.members.first, [], Settings(progress=progress)
    terms = terms_of(model, part)
    for term in terms:
        relatives = [own for own in terms if term.factors < own.factors] if type == 2 else []
        larger = _without(fits, relatives, part, settings) if relatives else fits
        smaller = _without(fits, [*relatives, term], part, settings)
        chisq = np.maximum(2 * (_loglik(larger) - _loglik(smaller)), 0.0)
        df = np.full(len(fits), len(term.columns))
        found.append(np.stack([chisq, df, np.full(len(fits), np.inf), chdtrc(df, chisq)], 1))
    names = [term.name for term in terms]
    index = pd.MultiIndex.from_product([fits.index, names], names=["member", "term"])
    numbers = np.stack(found, 1) if found else np.zeros((len(fits), 0, len(COLUMNS)))
    table = pd.DataFrame(numbers.reshape(-1, len(COLUMNS)), index=index, columns=COLUMNS)
    return noted(table.astype({"df": int}), of_type(type, terms, _WORDS))


def _without(fits: Fits, terms: list[FixedTerm], part: str, settings: Settings) -> Fits:
    """The fits of the models without some terms of a linear predictor."""
    model, first = fits.members.first, 0
    left_out = np.zeros(model.glmm.p, bool)
    for own in model.design.predictors:
        if own.name == part:
            left_out[[first + k for term in terms for k in term.columns]] = True
        first += len(own.fixed.names)
    if left_out.all():
        raise ModelError("The model without this term has no fixed effects to fit.")
    return refit(fits, fits.members.without(left_out), settings)


def refit(fits: Fits, members: AbstractMembers, settings: Settings) -> Fits:
    """Other models of the same data by the method of `fits`; a batch runs by `settings`."""
    if isinstance(members, AbstractManyMembers):
        try:
            return fit_members(members, fits.method, settings, reml=fits.method.is_restricted)
        except Interrupted:  # some members of a smaller model are no answer
            raise KeyboardInterrupt from None
    return fit_model(members.first, fits.method, reml=fits.method.is_restricted)


def _loglik(fits: Fits) -> np.ndarray:
    return np.where(fits.ok, fits.outcome.loglik, np.nan)


def _refuse_restricted(fits: Fits) -> None:
    if fits.method.is_restricted:
        raise ModelError(
            "Restricted likelihoods of different fixed effects cannot be compared: fit with"
            " reml=False."
        )
    if fits.members.first.family.traits.is_quasi:
        raise ModelError("A quasi-likelihood has no likelihood-ratio test: use test='wald'.")
