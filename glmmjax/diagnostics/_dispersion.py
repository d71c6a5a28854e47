"""Whether responses vary more than the model has it."""

import jax.numpy as jnp
import numpy as np
import pandas as pd

from .._errors import ModelError
from .._noted import noted
from .._precision import own_settings
from ..assembly import MixedModel
from ..families import innermost
from ..fit import Fits, Solution
from ..inference import row_each
from ..model import seen_by_family
from ..prediction import conditional_predictor, modes_of_all, residuals, simulate
from ._linearised import linearised, why_not_linearised

DISPERSIBLE = ("poisson", "truncated_poisson", "binomial")
"""Families whose variance follows from the mean, and of which more is a question."""


def overdispersion(fits: Fits, n: int, seed: int) -> pd.DataFrame:
    """A row a member, `statistic, df, p_value`: Pearson's chi-squared given the conditional modes
    over its degrees of freedom, and how often that of a simulated data set with the same random
    effects, over its number of observations, is as large.

    Raises `ModelError` for a family whose variance is not known, models with prior weights that
    have no distribution, and models of several linear predictors.
    """
    if fits.members.first.family.traits.is_quasi:
        raise ModelError("A quasi-likelihood has a scale for this: see dispersion.")
    if not _may_vary(fits.members.first):
        raise ModelError(
            "A single trial or an ordered category cannot vary more than its mean says: there is no"
            " overdispersion to test."
        )
    table = row_each(fits, lambda solution: _of_one(solution, n, seed))
    return noted(
        table,
        "Pearson's chi-squared given the conditional modes, over observations less effective"
        f" degrees of freedom; p-value by {n} data sets simulated with the same random effects",
    )


def pearson(solution: Solution) -> tuple[float, float]:
    """Pearson's chi-squared given the conditional modes, and its degrees of freedom: observations
    less the trace of the hat matrix."""
    present = np.asarray(solution.model.design.weights) > 0
    found = residuals(solution, "pearson").to_numpy()[present]
    effective = float(np.trace(linearised(solution).hat()))
    return float((found**2).sum()), len(found) - effective


def is_dispersible(model: MixedModel) -> bool:
    """Whether more variance than the family has is a question that `pearson` answers: counts, and
    successes out of several trials."""
    is_simple = innermost(model.family).name in DISPERSIBLE
    return is_simple and not why_not_linearised(model) and _may_vary(model)


def _may_vary(model: MixedModel) -> bool:
    """Whether the variance of a response is more than a function of its mean: not that of a single
    trial or an ordered category."""
    family, y, present = innermost(model.family), model.design.y, model.design.weights > 0
    if family.response == "proportion" and y.ndim == 2:
        return bool((y[present, 1] > 1).any())
    return family.response not in ("binary", "ordered")


def _of_one(solution: Solution, n: int, seed: int) -> pd.Series:
    model = solution.model
    chisq, df = pearson(solution)
    statistic = chisq / df
    present = np.asarray(model.design.weights) > 0
    kept = modes_of_all(solution)
    drawn = simulate(model, solution.params, n, seed=seed, curves=kept)[:, present]
    with own_settings():
        eta = seen_by_family(jnp.asarray(conditional_predictor(solution)[:, present]))
        phi, y = jnp.asarray(solution.params.phi), jnp.asarray(model.design.y[present].T)
        mean = np.asarray(model.family.mean(eta, phi))
        variance = np.asarray(model.family.variance(y, eta, phi))
    if model.family.response == "proportion":
        mean = mean * np.asarray(y[1])
    weights = np.asarray(model.design.weights)[present]
    simulated = (weights * (drawn - mean) ** 2 / variance).mean(1)
    p_value = (1 + (simulated >= statistic).sum()) / (n + 1)
    return pd.Series({"statistic": statistic, "df": df, "p_value": p_value})
