"""Residuals of the rows that were fitted."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtri

from .._errors import ModelError
from .._precision import own_settings
from ..fit import Solution
from ..model import seen_by_family
from ._effects import effects_of_rows, jacobian_of_rows
from ._rows import fitted_rows
from ._simulate import curves_of, modes_of_all, simulate

KINDS = ("response", "pearson", "deviance", "quantile")
EFFECTS = ("new", "given")
_DRAWS = 250
_FAR = 40.0  # linear predictor of a mean at the end of its range
# Families whose density is highest where the mean is the response
_AT_RESPONSE = (
    *("gaussian", "bernoulli", "binomial", "poisson", "gamma", "nbinom2", "inverse_gaussian"),
    *("tweedie", "quasipoisson", "quasibinomial"),
)


def residuals(
    solution: Solution, kind: str = "pearson", *, effects: str = "new", seed: int = 0
) -> pd.Series:
    """What is left of the response beside its mean given the conditional modes, labelled as the
    rows are.

    - `kind="response"`: `y - mu`; of proportions `successes / trials - mu`, of categories their
      number less its mean.
    - `kind="pearson"`: that, of successes, over its standard deviation, `sqrt(V / weight)`.

    - `kind="deviance"`: the signed root of twice what the log density falls short of its maximum.
    - `kind="quantile"`: standard normal if the model holds (Dunn and Smyth 1996): the normal
      quantile of the response's place among 250 simulated ones, at random among equal ones.
      `effects="new"` simulates with new random effects, of which those of a group then share one;
      `"given"` with the conditional modes, which lie nearer to the responses than they should.

    NaN where a response is censored. Raises `ModelError` for another kind, for Pearson's residuals
    of a custom family, whose variance is not known, and for deviance residuals of a family whose
    highest density is not at its mean.
    """
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
    if effects not in EFFECTS:
        raise ModelError(f"effects must be 'new' or 'given', not {effects!r}.")
    if kind == "quantile":
        return _quantile(solution, effects, seed)
    if kind == "deviance":
        return _deviance(solution)
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


def predictor_jacobian(solution: Solution) -> Float[np.ndarray, "n size"]:
    """How the linear predictors of the mean given the conditional modes, which follow, move with
    all parameters."""
    rows = fitted_rows(solution.model)
    found = jacobian_of_rows(solution, rows, list(range(len(rows.factors))))
    found[:, : solution.model.design.fixed.x.shape[1]] += solution.model.design.fixed.x
    return found


def _quantile(solution: Solution, effects: str, seed: int) -> pd.Series:
    model = solution.model
    kept = modes_of_all(solution) if effects == "given" else curves_of(solution)
    drawn = simulate(model, solution.params, _DRAWS, seed=seed, curves=kept)
    y = model.design.y if model.design.y.ndim == 1 else model.design.y[:, 0]
    below, equal = (drawn < y).sum(0), (drawn == y).sum(0)
    within = np.random.default_rng(seed).uniform(size=len(y))
    share = (below + within * (equal + 1)) / (_DRAWS + 1)
    censored = model.design.y.ndim == 2 and model.family.response != "proportion"
    known = (model.design.y[:, 2] == 0) if censored else np.ones(len(y), bool)
    values = np.where(known, ndtri(share), np.nan)
    return pd.Series(values, index=model.design.frame.index, name="residual")


def _deviance(solution: Solution) -> pd.Series:
    model, family = solution.model, solution.model.family
    if family.name not in _AT_RESPONSE:
        raise ModelError(
            f"Deviance residuals of {family.name} are not defined: its highest density is not where"
            " the mean is the response."
        )
    y, weights = model.design.y.T, model.design.weights
    with own_settings():
        phi = jnp.asarray(solution.params.phi)
        eta = jnp.asarray(conditional_predictor(solution)[0])
        share = jnp.asarray(y[0] / y[1] if y.ndim == 2 else y)
        best = family.link.link(share)
        best = jnp.where(jnp.isinf(best), jnp.sign(best) * _FAR, best)
        short = family.kernel(y, best, phi) - family.kernel(y, eta, phi)
        sign = jnp.sign(share - family.mean(eta, phi))
        values = np.asarray(sign * jnp.sqrt(2 * weights * jnp.maximum(short, 0.0)))
    return pd.Series(values, index=model.design.frame.index, name="residual")
