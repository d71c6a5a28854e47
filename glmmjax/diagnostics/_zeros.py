"""Whether there are more zeros than the model has them."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._noted import noted
from .._precision import own_settings
from ..assembly import MixedModel
from ..families import CustomFamily, innermost, log_prob
from ..fit import Fits, Solution
from ..inference import row_each
from ..model import seen_by_family
from ..prediction import conditional_predictor

_WITH_ZERO = ("count", "nonnegative", "proportion", "below_one", "closed_unit")


def zero_inflation(fits: Fits, n: int, seed: int) -> pd.DataFrame:
    """A row a member, `observed, expected, ratio, p_value`: the number of zeros, what it would be
    at the conditional modes of the random effects, and how often `n` simulated data sets with the
    same random effects have as many or more.

    With new random effects instead, the number of zeros varies with these as well, while that of
    the data is the one that the modes were fitted to: under the model such a p-value falls below
    0.05 in less than one data set of a thousand, this one in 2 to 48. Raises `ModelError` for a
    response that is zero with no probability of its own, and for prior weights.
    """
    reason = why_no_zeros(fits.members.first)
    if reason:
        raise ModelError(reason)
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ModelError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    table = row_each(fits, lambda solution: _of_one(solution, n, seed))
    return noted(
        table,
        "Zeros expected given the conditional modes; p-value (as many or more) by"
        f" {n} data sets simulated with the same random effects",
    )


def why_no_zeros(model: MixedModel) -> str:
    """Why `zero_inflation` is not offered for a model; "" where it is."""
    family = innermost(model.family)
    if family.traits.is_quasi:
        return f"{family.name} has no distribution, and no probability of zero: use nbinom2."
    is_own = isinstance(family, CustomFamily) and family.response != "count"
    if model.family.response not in _WITH_ZERO or is_own:
        return (
            "zero_inflation is for counts and other responses that are zero with some probability,"
            f" which those of {family.name} are not."
        )
    weights = np.asarray(model.design.weights)
    if (weights[weights > 0] != 1).any():
        return "A model with prior weights has no distribution, and no probability of zero."
    return ""


def zeros(
    solution: Solution,
) -> tuple[Float[np.ndarray, " present"], Float[np.ndarray, " present"]]:
    """Of the rows that count, whether each is zero, and its probability given the modes."""
    model = solution.model
    present = np.asarray(model.design.weights) > 0
    y = model.design.y[present].T
    none = np.stack([np.zeros(y.shape[1]), y[1]]) if y.ndim == 2 else np.zeros(len(y))
    with own_settings():
        eta = seen_by_family(jnp.asarray(conditional_predictor(solution)[:, present]))
        phi = jnp.asarray(solution.params.phi)
        probability = np.exp(np.asarray(log_prob(model.family, jnp.asarray(none), eta, phi)))
    return (y[0] if y.ndim == 2 else y) == 0.0, probability


def _of_one(solution: Solution, n: int, seed: int) -> pd.Series:
    is_zero, probability = zeros(solution)
    rng, observed, expected = np.random.default_rng(seed), is_zero.sum(), probability.sum()
    drawn = [(rng.random(len(probability)) < probability).sum() for _ in range(n)]
    p_value = (1 + (np.array(drawn) >= observed).sum()) / (n + 1)
    found = {
        "observed": observed,
        "expected": expected,
        "ratio": observed / expected if expected else np.nan,
    }
    return pd.Series(found | {"p_value": p_value})
