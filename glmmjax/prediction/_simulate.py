"""Draws of the response from a fitted model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .._errors import ModelError
from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..assembly import MixedModel
from ..families import innermost
from ..fit import Solution
from ..model import GLMM, Params, fixed_predictor, linear_predictor, scaled_factor, seen_by_family
from ..structure import to_natural

_MOST, _NUMBERS = 256, 2**21  # draws of one call, and numbers in them


class Kept(NamedTuple):
    """The effects `u` of a grouping factor, and whether all draws have them."""

    u: Float[Array, "q levels"]
    here: Bool[Array, ""]


class Which(NamedTuple):
    """Draws of a seed by their numbers."""

    seed: Int[Array, ""]
    first: Int[Array, ""]
    count: Int[Array, ""]


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
    gives the same draws on one kind of device, the first of them whatever `n` is. Prior weights
    other than one are refused unless the family says what they do to the distribution (gaussian).
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ModelError(
            f"The number of simulations must be a whole number of at least 1, not {n!r}."
        )
    check_seed(seed)
    refuse_weights(model)
    wide, found = model.wide, np.empty((n, len(model.design.y)))
    params, kept = wide.widened(params), _kept(wide.glmm, curves)
    together = _together(wide.glmm.weights.size)
    with own_settings():
        for first in range(0, n, together):
            count = min(together, n - first)
            which = Which(np.array(seed), np.array(first), np.array(count))
            draws = np.asarray(_draws(wide.glmm, params, kept, which))[:count]
            found[first : first + count] = wide.layout.to_rows(draws)
    return found


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
    """The conditional modes of every factor, (q, levels), to be kept in all draws."""
    return tuple(mode.T for mode in solution.mode)


def _kept(glmm: GLMM, curves: tuple[np.ndarray | None, ...] | None) -> tuple[Kept, ...]:
    """One program serves whatever is kept."""
    found = []
    for own, curve in zip(
        glmm.structure.factors, curves or (None,) * len(glmm.structure.factors), strict=True
    ):
        u = np.zeros((own.q, own.levels))
        if curve is not None:
            u[:, : curve.shape[1]] = curve
        found.append(Kept(u, np.array(curve is not None)))
    return tuple(found)


def _together(cells: int) -> int:
    """How many draws one call makes room for: shapes do not depend on how many are wanted."""
    return max(1, min(_MOST, _NUMBERS // cells))


@Program.of_many  # optimised later, the same seed would give other last digits
def _draws(
    glmm: GLMM, params: Params, kept: tuple[Kept, ...], which: Which
) -> Float[Array, "draws blocks width"]:
    """The draws `which.first`, ..., of which there are `which.count`, before zeros."""
    fixed, lam = fixed_predictor(glmm, params.beta), scaled_factor(glmm, params)
    key, factors = jax.random.key(which.seed), glmm.structure.factors

    def one(number):
        for_effects, for_response = jax.random.split(jax.random.fold_in(key, number))
        own_keys = jax.random.split(for_effects, len(factors))
        drawn = tuple(
            jax.random.normal(k, (f.rank, f.levels), fixed.dtype)
            for k, f in zip(own_keys, factors, strict=True)
        )
        u = tuple(
            jnp.where(own.here, own.u, new)
            for new, own in zip(to_natural(lam, drawn), kept, strict=True)
        )
        eta = linear_predictor(glmm, fixed, u)
        y = glmm.family.sample(for_response, glmm.y, seen_by_family(eta), params.phi, glmm.weights)
        return y if y.ndim == 2 else y[0]

    shape = glmm.weights.shape
    nothing = jnp.zeros((_together(glmm.weights.size), *shape), fixed.dtype)
    return jax.lax.fori_loop(
        0, which.count, lambda k, found: found.at[k].set(one(which.first + k)), nothing
    )
