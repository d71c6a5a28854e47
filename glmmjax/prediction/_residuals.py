"""Residuals of the rows that were fitted."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._precision import own_settings
from ..fit import Solution
from ..model import seen_by_family
from ._effects import effects_of_rows
from ._rows import fitted_rows

KINDS = ("response", "pearson")


def residuals(solution: Solution, kind: str = "pearson") -> pd.Series:
    """What is left of the response beside its mean given the conditional modes, labelled as the
    rows are.

    - `kind="response"`: `y - mu`; of proportions `successes / trials - mu`, of categories their
      number less its mean.
    - `kind="pearson"`: that, of successes, over its standard deviation, `sqrt(V / weight)`.

    NaN where a response is censored. Raises `ModelError` for another kind, and for Pearson's
    residuals of a custom family, whose variance is not known.
    """
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
    model = solution.model
    y, weights = model.design.y.T, model.design.weights
    with own_settings():
        eta = seen_by_family(jnp.asarray(conditional_predictor(solution)))
        phi = jnp.asarray(solution.params.phi)
        mu = np.asarray(model.family.mean(eta, phi))
        variance = np.ones_like(mu)
        if kind == "pearson":
            variance = np.asarray(model.family.variance(jnp.asarray(y), eta, phi))
    if model.family.response == "proportion":
        left = y[0] / y[1] - mu if kind == "response" else y[0] - y[1] * mu
    elif y.ndim == 2:
        left = np.where(y[2] == 0, y[0] - mu, np.nan)
    else:
        left = y - mu
    of_weight = weights if kind == "pearson" else 1.0
    return pd.Series(
        left * np.sqrt(of_weight / variance), index=model.design.frame.index, name="residual"
    )


def conditional_predictor(solution: Solution) -> Float[np.ndarray, "predictors n"]:
    """Linear predictors of the rows that were fitted, given the conditional modes."""
    rows = fitted_rows(solution.model)
    effects = effects_of_rows(solution, rows, list(range(len(rows.factors))))
    return rows.fixed(np.asarray(solution.params.beta)) + effects
