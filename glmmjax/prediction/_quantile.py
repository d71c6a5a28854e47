"""Randomised quantile residuals: by the distribution function of each row, given random effects or
averaged over them, and by simulation where there is none."""

import dataclasses
from collections.abc import Callable

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import ndtri

from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..families import Sides, has_distribution, sides
from ..fit import Modes, Solution
from ..methods import AbstractMethod, conditional_mode
from ..model import GLMM, Params, scaled_factor
from ..structure import to_natural
from ._effects import conditional_predictor, effects_of_rows, variance_of_effects
from ._rows import fitted_rows
from ._simulate import check_seed, curves_of, modes_of_all, refuse_weights, simulate

EFFECTS = ("new", "given", "drawn")
_DRAWS = 250
_NODES = 129
_REACH = 9.0  # standard deviations to either side that are averaged over
_FURTHEST = 37.0  # where the normal density is the smallest number
_HALVINGS = 28
_NARROWEST = 1e-7
_AT_ONCE = 2**20
# An effect adds its variance to that of their variable, on the scale of the predictor.
_NORMAL = ("gaussian", "lognormal", "censored_gaussian", "censored_lognormal")
_WORDS = {
    "new": "distribution function of each row, averaged over its random effects",
    "given": "distribution function of each row given the conditional modes",
    "drawn": "distribution function of each row given random effects drawn from their distribution"
    " given the data",
}
_SIMULATED = {
    "new": "place among {} simulated responses with new random effects",
    "given": "place among {} simulated responses given the conditional modes",
    "drawn": "place among {} simulated responses given random effects drawn from their distribution"
    " given the data",
}

Average = Callable[[Float[np.ndarray, "predictors n m"]], Sides]


def quantile_residuals(solution: Solution, effects: str, seed: int) -> pd.Series:
    """`Phi^-1(v)` with `v` uniform between `P(Y < y)` and `P(Y <= y)`; `effects` as in
    `residuals`."""
    check_seed(seed)
    model = solution.model
    refuse_weights(model)
    at = with_drawn_effects(solution, seed) if effects == "drawn" else solution
    found = sides_of_rows(at, averaged=effects == "new")
    words = _WORDS[effects]
    if found is None:
        found, words = _simulated(at, effects, seed), _SIMULATED[effects].format(_DRAWS)
    within = np.random.default_rng(seed).uniform(size=len(found.at))
    lower, upper = found.below + within * found.at, found.above + (1 - within) * found.at
    values = np.where(lower < upper, ndtri(lower), -ndtri(upper))
    residual = pd.Series(values, index=model.design.frame.index, name="residual")
    residual.attrs["method"] = words
    return residual


def sides_of_rows(solution: Solution, *, averaged: bool) -> Sides | None:
    """Of the responses that were fitted, given the conditional modes or `averaged` over the random
    effects, but for those of smooths. None where the family has no distribution function, or the
    random effects move several predictors or beyond the range of the mean."""
    family, rows = solution.model.family, fitted_rows(solution.model)
    if not has_distribution(family):
        return None
    if not averaged:
        return _sides(solution, conditional_predictor(solution), None)
    curves = [k for k, own in enumerate(rows.factors) if own.is_smooth]
    eta = rows.fixed(np.asarray(solution.params.beta)) + effects_of_rows(solution, rows, curves)
    sd = np.sqrt(variance_of_effects(solution, rows))
    moving = np.flatnonzero(sd.any(1))
    if not len(moving):
        return _sides(solution, eta, None)
    if len(moving) > 1 or not family.traits.covers_line:
        return None
    return _sides(solution, eta, sd)


def _sides(
    solution: Solution,
    eta: Float[np.ndarray, "predictors n"],
    sd: Float[np.ndarray, "predictors n"] | None,
) -> Sides:
    model, family = solution.model, solution.model.family
    y, weights, own = model.design.y.T, model.design.weights, solution.dispersion
    if sd is None:
        return sides(family, y, eta, own, weights)
    if family.name in _NORMAL and family.link.name == "identity":
        wider = np.sqrt(own[0] ** 2 + weights * sd[0] ** 2)
        return sides(family, y, eta, (wider,), weights)
    together, found = max(1, _AT_ONCE // _NODES), []
    for first in range(0, eta.shape[1], together):
        some = slice(first, first + together)

        def at(predictors, some=some):
            return sides(family, y[..., some, None], predictors, own, weights[some, None])

        found.append(_averaged(at, eta[:, some], sd[:, some]))
    return Sides(*np.concatenate(found, 1))


def _averaged(
    at: Average, eta: Float[np.ndarray, "predictors n"], sd: Float[np.ndarray, "predictors n"]
) -> Float[np.ndarray, "sides n"]:
    """The mean of `at(eta + sd u)` over standard normal `u`.

    As a function of `u` the sides of a response go from one value to another around some `u`, over
    a length that is small where the response tells much. The trapezoid rule has its nodes there:
    `u = centre + width sinh(t)`, evenly in `t`, is a change of variable that leaves the integrand
    analytic, so that it converges geometrically.
    """

    def moved(u):
        return np.stack(at(eta[..., None] + sd[..., None] * u))

    centre, width = _transition(moved, eta.shape[1])
    furthest = np.arcsinh((np.abs(centre) + _REACH) / width)
    t = furthest[:, None] * np.linspace(-1, 1, _NODES)
    u = centre[:, None] + width[:, None] * np.sinh(t)
    density = np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi)
    weight = density * width[:, None] * np.cosh(t) * (t[:, 1] - t[:, 0])[:, None]
    return (moved(u) * weight).sum(-1)


def _transition(
    moved: Callable[[Float[np.ndarray, "n m"]], Float[np.ndarray, "sides n m"]], n: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Where along `u` the part above a response, with half of what is at it, has gone a half of its
    way, and the length over which it goes from a quarter to three, by bisection; at most one."""

    def above(u):
        _, at, above = moved(u)
        return above + at / 2

    ends = above(np.tile([-_FURTHEST, _FURTHEST], (n, 1)))
    target = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * np.array([0.25, 0.5, 0.75])
    sign = np.sign(ends[:, 1:] - ends[:, :1])
    low, high = np.full((n, 3), -_FURTHEST), np.full((n, 3), _FURTHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = sign * (above(middle) - target) > 0
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    found = (low + high) / 2
    width = np.clip(found[:, 2] - found[:, 0], _NARROWEST, 1.0)
    moving = sign[:, 0] != 0
    return np.where(moving, found[:, 1], 0.0), np.where(moving, width, 1.0)


def _simulated(solution: Solution, effects: str, seed: int) -> Sides:
    """The place among simulated responses. One of which only limits are known is at all that lie
    between them."""
    model = solution.model
    kept = curves_of(solution) if effects == "new" else modes_of_all(solution)
    drawn = simulate(model, solution.params, _DRAWS, seed=seed, curves=kept)
    y = model.design.y.T
    low, high, censored = y, y, np.zeros(y.shape[-1])
    if y.ndim == 2:
        low = high = y[0]
        if model.family.response != "proportion":
            censored = y[2]
            low = np.where(censored == -1, -np.inf, y[0])
            high = np.select([censored == 1, censored == 2], [np.inf, y[1]], y[0])
    below, above = (drawn < low).sum(0), (drawn > high).sum(0)
    return Sides(*(np.stack([below, _DRAWS + 1 - below - above, above]) / (_DRAWS + 1)))


def with_drawn_effects(solution: Solution, seed: int) -> Solution:
    """The same fit with random effects drawn from their normal approximation given the data in
    place of their modes."""
    wide = solution.model.wide
    glmm = wide.glmm
    if not glmm.structure.factors:
        return solution
    with own_settings():
        params = wide.widened(solution.params)
        drawn = _drawn(glmm, params, solution.method, np.array(seed))
        drawn = [np.asarray(own) for own in drawn]
    random = solution.model.design.random
    levels = [len(random[terms[0]].levels) for terms in glmm.structure.terms]
    modes = tuple(own.T[:count] for own, count in zip(drawn, levels, strict=True))
    # A draw has no uncertainty that anybody would ask for.
    return Solution(dataclasses.replace(solution.fits, known=Modes(modes, ())))


@Program
def _drawn(
    glmm: GLMM, params: Params, method: AbstractMethod, seed: Int[Array, ""]
) -> tuple[Float[Array, "q levels"], ...]:
    """From `N(b, H^-1)`, of all grouping factors together."""
    mode = conditional_mode(glmm, params, glmm.structure.no_effects(params.beta.dtype))
    keys = jax.random.split(jax.random.key(seed), len(mode.b))
    normal = tuple(
        jax.random.normal(own, part.shape, part.dtype)
        for own, part in zip(keys, mode.b, strict=True)
    )
    steps = method.factor(glmm, params, mode).half_solve(normal)
    moved = tuple(part + step for part, step in zip(mode.b, steps, strict=True))
    return to_natural(scaled_factor(glmm, params), moved)
