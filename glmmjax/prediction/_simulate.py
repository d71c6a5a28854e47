"""Draws of the response from a fitted model."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray, Shaped

from .._errors import ModelError
from .._precision import float64
from .._types import Array
from ..mixed import MixedModel
from ..model import GLMM, fixed_predictor, scaled_factor
from ..params import Params


def simulate(model: MixedModel, params: Params, n: int, *, seed: int) -> np.ndarray:
    """(n, nobs) responses with new random effects in every draw, rows in the order of the data.

    A binomial model gives successes (trials are those of the data). The same seed gives the same draws on one kind of
    device. Prior weights other than one are refused unless the family says what they do to the distribution (gaussian).
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ModelError(f"The number of simulations must be a whole number of at least 1, not {n!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise ModelError(f"seed must be a whole number from 0 to 2^63 - 1, not {seed!r}.")
    weights = model.design.weights
    if not model.family.traits.has_residual and (weights != 1).any():
        raise ModelError("A model with prior weights has no distribution to simulate from (other than gaussian).")
    with float64():
        keys = jax.random.split(jax.random.key(seed), n)
        draws = np.asarray(_draws(model.glmm, params, keys))
    return model.layout.to_rows(draws)


@eqx.filter_jit
def _draws(glmm: GLMM, params: Params, keys: Shaped[PRNGKeyArray, " n"]) -> Float[Array, "n blocks width"]:
    fixed, lam = fixed_predictor(glmm, params.beta), scaled_factor(glmm, params)

    def one(key):
        for_effects, for_response = jax.random.split(key)
        b = jax.random.normal(for_effects, (glmm.structure.q, glmm.structure.groups), fixed.dtype)
        eta = fixed + glmm.structure.spread(lam @ b, glmm.predictors)
        y = glmm.family.sample(for_response, glmm.y, eta[0], params.phi, glmm.weights)
        return y if y.ndim == 2 else y[0]

    return jax.lax.map(one, keys)
