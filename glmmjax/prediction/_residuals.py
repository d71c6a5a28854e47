"""Residuals of the rows that were fitted."""

import jax.numpy as jnp
import numpy as np
import pandas as pd

from .._errors import ModelError
from .._precision import own_settings
from ..fit import Solution
from ..model import seen_by_family
from ._effects import conditional_predictor
from ._quantile import EFFECTS, quantile_residuals

KINDS = ("response", "pearson", "deviance", "quantile")
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
      quantile of a number drawn uniformly between `P(Y < y)` and `P(Y <= y)`; of a censored
      response, between the probabilities of its limits. `effects="new"`: of the distribution
      averaged over the random effects, of which the responses of a group share one. `"given"`:
      given the conditional modes, which lie nearer to the responses than the effects do.
      `"drawn"`: given effects drawn from their distribution given the data, a normal one around
      the modes; residuals are then independent (Waagepetersen 2006). `attrs["method"]` says in
      words how they were made: where the family has no distribution function (tweedie, one of the
      user's own), or new effects would move several linear predictors or leave the range of the
      mean, from the place among simulated responses.

    The other kinds are NaN where a response is censored. Raises `ModelError` for another kind, for
    Pearson's residuals of a custom family, whose variance is not known, for deviance residuals of a
    family whose highest density is not at its mean, and for quantile residuals of what has no
    distribution: quasi-likelihoods, and prior weights other than one (but for gaussian, whose
    weights are precisions).
    """
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
    if effects not in EFFECTS:
        raise ModelError(f"effects must be one of {', '.join(EFFECTS)}, not {effects!r}.")
    if kind == "quantile":
        return quantile_residuals(solution, effects, seed)
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
