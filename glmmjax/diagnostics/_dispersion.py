"""Whether responses vary more than the model has it."""

import jax.numpy as jnp
import numpy as np
import pandas as pd

from .._errors import ModelError
from .._precision import own_settings
from ..fit import Solution
from ..model import seen_by_family
from ..prediction import conditional_predictor, modes_of_all, residuals, simulate
from ._effective import effective_df


def overdispersion(solution: Solution, n: int, seed: int) -> pd.Series:
    """`statistic, df, p_value`: Pearson's chi-squared given the conditional modes over its degrees
    of freedom, and how often that of a simulated data set with the same random effects, over its
    number of observations, is as large.

    Raises `ModelError` for a family whose variance is not known, or models with prior weights that
    have no distribution.
    """
    model = solution.model
    present = np.asarray(model.design.weights) > 0
    found = residuals(solution, "pearson").to_numpy()[present]
    if model.family.traits.is_quasi:
        raise ModelError("A quasi-likelihood has a scale for this: see dispersion.")
    effective = effective_df(solution.fits)["total"].iloc[0]
    df = len(found) - effective
    statistic = (found**2).sum() / df
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
    return pd.Series({"statistic": statistic, "df": df, "p_value": p_value}, name="overdispersion")
