"""The conditional mode of the spherical random effects, and its exact derivative of every order."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..model import GLMM, fixed_predictor, scaled_factor
from ..params import Params
from ..structure import Effects, Factor, Factors, factorise, to_natural, to_spherical
from ._conditional import CurvatureRule, log_kernel, observed_curvature, score

PerComponent = Float[Array, " components"]

MAX_STEPS = 100


class Point(NamedTuple):
    """The joint density of data and random effects at one `b`, component by component.

    `density` is `sum log f - b'b / 2` (kernels only), `slope` its gradient, `direction` Newton's step.
    """

    b: Effects
    density: PerComponent
    slope: Effects
    direction: Effects


class Search(NamedTuple):
    """State of the damped Newton search: the best point of each component and the length of its next step."""

    point: Point
    length: PerComponent
    steps: Int[Array, ""]


@eqx.filter_custom_jvp
def conditional_mode(glmm: GLMM, params: Params, start: Effects) -> Effects:
    """`b` that maximises `log f(y | b) - b'b / 2`; NaN in components where the search did not settle.

    By the implicit function theorem the mode moves as `db = H^-1 d(slope)`. The rule calls `conditional_mode`
    itself, so differentiating the rule again is exact too (one Newton step on a stopped gradient would not be).
    """
    point = find_mode(glmm, params, start).point
    found = glmm.structure.to_levels(settled(glmm, point))
    moved = zip(found, point.b, point.direction, strict=True)
    return tuple(jnp.where(here, b + step, jnp.nan) for here, b, step in moved)


@conditional_mode.def_jvp
def _(primals, tangents):
    glmm, params, start = primals
    glmm_dot, params_dot, _ = tangents
    b = conditional_mode(glmm, params, start)
    _, slope_dot = eqx.filter_jvp(lambda g, p: _slope(g, p, b), (glmm, params), (glmm_dot, params_dot))
    return b, factor_at(glmm, params, b).solve(slope_dot)


def factor_at(glmm: GLMM, params: Params, b: Effects, curvature: CurvatureRule = observed_curvature) -> Factor:
    """Factor of `H = I + lam' Z'WZ lam` with the `curvature` at `b`."""
    lam = scaled_factor(glmm, params)
    w = curvature(glmm, predictor_at(glmm, params, b), params.phi)
    return factorise(glmm.structure, lam, glmm.structure.gram(w))


def predictor_at(glmm: GLMM, params: Params, b: Effects) -> Float[Array, "predictors blocks width"]:
    """`X beta + offset + Z lam b`."""
    fixed = fixed_predictor(glmm, params.beta)
    return fixed + glmm.structure.spread(to_natural(scaled_factor(glmm, params), b), glmm.predictors)


def find_mode(glmm: GLMM, params: Params, start: Effects) -> Search:
    """Damped Newton in one flattened loop: each turn tries one step of every component; one whose density would fall
    (or is not finite) keeps its point and halves its next step."""
    fixed, lam = fixed_predictor(glmm, params.beta), scaled_factor(glmm, params)
    structure = glmm.structure

    def turn(search: Search) -> Search:
        point, length, steps = search
        lengths = structure.to_levels(length)
        trial = _evaluate(glmm, params.phi, fixed, lam, _moved(point.b, lengths, point.direction))
        slack = 16 * jnp.finfo(fixed.dtype).eps * jnp.abs(point.density)
        better = trial.density >= point.density - slack
        kept = _choose(better, structure.to_levels(better), trial, point)
        return Search(kept, jnp.where(better, 1.0, length / 2), steps + 1)

    def unsettled(search: Search) -> Bool[Array, ""]:
        return (search.steps < MAX_STEPS) & ~settled(glmm, search.point).all()

    components = jnp.zeros(structure.components, fixed.dtype)
    nowhere = Point(
        start,
        components - jnp.inf,
        jax.tree.map(lambda b: jnp.full_like(b, jnp.inf), start),
        jax.tree.map(jnp.zeros_like, start),
    )
    # The first turn evaluates the start itself, so the loop's body is the only place that is traced.
    return jax.lax.while_loop(unsettled, turn, Search(nowhere, components + 1, jnp.array(0)))


def settled(glmm: GLMM, point: Point) -> Bool[Array, " components"]:
    """Whether the Newton decrement is so small that one more full step ends at rounding error."""
    tolerance = jnp.finfo(point.density.dtype).eps ** 0.75
    decrement, squares = (glmm.structure.dot(a, b) for a, b in ((point.slope, point.direction), (point.b, point.b)))
    return (decrement <= tolerance * (1 + squares)) & jnp.isfinite(point.density)


def _moved(b: Effects, lengths: tuple[Array, ...], direction: Effects) -> Effects:
    return tuple(one + length * step for one, length, step in zip(b, lengths, direction, strict=True))


def _choose(better: Array, of_levels: tuple[Array, ...], trial: Point, point: Point) -> Point:
    """The trial where it is better, else the point."""

    def effects(new: Effects, old: Effects) -> Effects:
        return tuple(jnp.where(here, a, b) for here, a, b in zip(of_levels, new, old, strict=True))

    return Point(
        effects(trial.b, point.b),
        jnp.where(better, trial.density, point.density),
        effects(trial.slope, point.slope),
        effects(trial.direction, point.direction),
    )


def _evaluate(glmm: GLMM, phi, fixed, lam: Factors, b: Effects) -> Point:
    structure = glmm.structure
    eta = fixed + structure.spread(to_natural(lam, b), glmm.predictors)
    density = structure.sum_components(log_kernel(glmm, eta, phi)) - 0.5 * structure.dot(b, b)
    slope = _less(to_spherical(lam, structure.gather(score(glmm, eta, phi))), b)
    w = observed_curvature(glmm, eta, phi)
    factor = factorise(structure, lam, structure.gram(w))
    direction = factor.solve(slope)
    if not glmm.family.traits.log_concave:
        # Away from the mode H may not be positive definite; without the negative curvatures it always is.
        safe = factorise(structure, lam, structure.gram(jnp.maximum(w, 0))).solve(slope)
        here = structure.to_levels(factor.positive())
        direction = tuple(jnp.where(ok, a, b) for ok, a, b in zip(here, direction, safe, strict=True))
    return Point(b, density, slope, direction)


def _slope(glmm: GLMM, params: Params, b: Effects) -> Effects:
    """Gradient by `b` of `log f(y | b) - b'b / 2`."""
    f1 = score(glmm, predictor_at(glmm, params, b), params.phi)
    return _less(to_spherical(scaled_factor(glmm, params), glmm.structure.gather(f1)), b)


def _less(a: Effects, b: Effects) -> Effects:
    return tuple(one - two for one, two in zip(a, b, strict=True))
