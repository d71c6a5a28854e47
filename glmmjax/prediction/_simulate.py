"""Draws of the response from a fitted model."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray, Shaped

from .._errors import ModelError
from .._precision import own_settings
from .._types import Array
from ..assembly import MixedModel
from ..families import innermost
from ..fit import Solution
from ..model import GLMM, Params, fixed_predictor, linear_predictor, scaled_factor, seen_by_family
from ..structure import to_natural


def simulate(
    model: MixedModel,
    params: Params,
    n: int,
    *,
    seed: int,
    curves: tuple[np.ndarray | None, ...] | None = None,
) -> np.ndarray:
    """(n, nobs) responses with new random effects in every draw, rows in the order of the data.

    Factors that have something in `curves`, (q, levels), keep it in all draws (`curves_of` a fit:
    its smooths). A binomial model gives successes (trials are those of the data). The same seed
    gives the same draws on one kind of device. Prior weights other than one are refused unless the
    family says what they do to the distribution (gaussian).
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ModelError(
            f"The number of simulations must be a whole number of at least 1, not {n!r}."
        )
    check_seed(seed)
    refuse_weights(model)
    with own_settings():
        keys = jax.random.split(jax.random.key(seed), n)
        draws = np.asarray(
            _draws(model.glmm, params, keys, curves or (None,) * len(model.glmm.structure.factors))
        )
    return model.layout.to_rows(draws)


def check_seed(seed: int) -> None:
    """Raise a `ModelError` for what is no seed."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise ModelError(f"seed must be a whole number from 0 to 2^63 - 1, not {seed!r}.")


def refuse_weights(model: MixedModel) -> None:
    """Raise a `ModelError` for prior weights that no distribution has."""
    weights = model.glmm.weights[model.layout.present]
    if not innermost(model.family).traits.has_residual and (weights != 1).any():
        raise ModelError(
            "A model with prior weights has no distribution to simulate from (other than gaussian)."
        )


def curves_of(solution: Solution) -> tuple[np.ndarray | None, ...]:
    """The conditional modes of the smooths, None for factors with random effects in the usual
    sense."""
    random = solution.model.design.random
    smooth = [random[terms[0]].is_smooth for terms in solution.model.glmm.structure.terms]
    return tuple(mode.T if here else None for here, mode in zip(smooth, solution.mode, strict=True))


def modes_of_all(solution: Solution) -> tuple[np.ndarray, ...]:
    """The conditional modes of every factor, (q, levels), to be kept in all draws; zero for levels
    that only pad."""
    factors = solution.model.glmm.structure.factors
    return tuple(
        np.pad(mode.T, [(0, 0), (0, own.levels - len(mode))])
        for mode, own in zip(solution.mode, factors, strict=True)
    )


@eqx.filter_jit
def _draws(
    glmm: GLMM, params: Params, keys: Shaped[PRNGKeyArray, " n"], curves: tuple[Array | None, ...]
) -> Float[Array, "n blocks width"]:
    fixed, lam = fixed_predictor(glmm, params.beta), scaled_factor(glmm, params)

    def one(key):
        for_effects, for_response = jax.random.split(key)
        factors = glmm.structure.factors
        own_keys = jax.random.split(for_effects, len(factors))
        drawn = tuple(
            jax.random.normal(k, (f.rank, f.levels), fixed.dtype)
            for k, f in zip(own_keys, factors, strict=True)
        )
        u = (
            new if kept is None else kept
            for new, kept in zip(to_natural(lam, drawn), curves, strict=True)
        )
        eta = linear_predictor(glmm, fixed, tuple(u))
        y = glmm.family.sample(for_response, glmm.y, seen_by_family(eta), params.phi, glmm.weights)
        return y if y.ndim == 2 else y[0]

    return jax.lax.map(one, keys)
