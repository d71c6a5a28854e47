"""The conditional mode of the spherical random effects, and its exact derivative of every order."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..model import GLMM, fixed_predictor, scaled_factor
from ..params import Params
from ..structure import GroupedFactor
from ..structure import _small as small
from ._conditional import CurvatureRule, log_kernel, observed_curvature, score

Effects = Float[Array, "q groups"]
PerGroup = Float[Array, " groups"]

MAX_STEPS = 100


class Point(NamedTuple):
    """The joint density of data and random effects at one `b`, group by group.

    `density` is `sum log f - b'b / 2` (kernels only), `slope` its gradient, `direction` Newton's step.
    """

    b: Effects
    density: PerGroup
    slope: Effects
    direction: Effects


class Search(NamedTuple):
    """State of the damped Newton search: the best point of each group and the length of its next step."""

    point: Point
    length: PerGroup
    steps: Int[Array, ""]


@eqx.filter_custom_jvp
def conditional_mode(glmm: GLMM, params: Params, start: Effects) -> Effects:
    """`b` that maximises `log f(y | b) - b'b / 2`; NaN in groups where the search did not settle.

    By the implicit function theorem the mode moves as `db = H^-1 d(slope)`. The rule calls `conditional_mode`
    itself, so differentiating the rule again is exact too (one Newton step on a stopped gradient would not be).
    """
    search = find_mode(glmm, params, start)
    return jnp.where(settled(search.point), search.point.b + search.point.direction, jnp.nan)


@conditional_mode.def_jvp
def _(primals, tangents):
    glmm, params, start = primals
    glmm_dot, params_dot, _ = tangents
    b = conditional_mode(glmm, params, start)
    _, slope_dot = eqx.filter_jvp(lambda g, p: _slope(g, p, b), (glmm, params), (glmm_dot, params_dot))
    return b, factor_at(glmm, params, b).solve(slope_dot)


def factor_at(glmm: GLMM, params: Params, b: Effects, curvature: CurvatureRule = observed_curvature) -> GroupedFactor:
    """Factor of `H = I + lam' Z'WZ lam` with the `curvature` at `b`."""
    lam = scaled_factor(glmm, params)
    w = curvature(glmm, predictor_at(glmm, params, b), params.phi)
    return glmm.structure.factorise(lam, glmm.structure.gram(w))


def predictor_at(glmm: GLMM, params: Params, b: Effects) -> Float[Array, "predictors blocks width"]:
    """`X beta + offset + Z lam b`."""
    fixed = fixed_predictor(glmm, params.beta)
    return fixed + glmm.structure.spread(small.multiply(scaled_factor(glmm, params)[..., None], b), glmm.predictors)


def find_mode(glmm: GLMM, params: Params, start: Effects) -> Search:
    """Damped Newton in one flattened loop: each turn tries one step of every group; a group whose density would
    fall (or is not finite) keeps its point and halves its next step."""
    fixed, lam = fixed_predictor(glmm, params.beta), scaled_factor(glmm, params)

    def turn(search: Search) -> Search:
        point, length, steps = search
        trial = _evaluate(glmm, params.phi, fixed, lam, point.b + length * point.direction)
        slack = 16 * jnp.finfo(fixed.dtype).eps * jnp.abs(point.density)
        better = trial.density >= point.density - slack
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), trial, point)
        return Search(kept, jnp.where(better, 1.0, length / 2), steps + 1)

    def unsettled(search: Search) -> Bool[Array, ""]:
        return (search.steps < MAX_STEPS) & ~settled(search.point).all()

    groups = jnp.zeros_like(start, shape=start.shape[1:])
    nowhere = Point(start, groups - jnp.inf, jnp.full_like(start, jnp.inf), jnp.zeros_like(start))
    # The first turn evaluates the start itself, so the loop's body is the only place that is traced.
    return jax.lax.while_loop(unsettled, turn, Search(nowhere, groups + 1, jnp.array(0)))


def settled(point: Point) -> Bool[Array, " groups"]:
    """Whether the Newton decrement is so small that one more full step ends at rounding error."""
    tolerance = jnp.finfo(point.b.dtype).eps ** 0.75
    decrement = (point.slope * point.direction).sum(0)
    return (decrement <= tolerance * (1 + (point.b * point.b).sum(0))) & jnp.isfinite(point.density)


def _evaluate(glmm: GLMM, phi, fixed, lam, b: Effects) -> Point:
    structure = glmm.structure
    eta = fixed + structure.spread(small.multiply(lam[..., None], b), glmm.predictors)
    density = structure.sum_groups(log_kernel(glmm, eta, phi)) - 0.5 * (b * b).sum(0)
    slope = small.transposed(lam, structure.gather(score(glmm, eta, phi))) - b
    w = observed_curvature(glmm, eta, phi)
    factor = structure.factorise(lam, structure.gram(w))
    direction = factor.solve(slope)
    if not glmm.family.traits.log_concave:
        # Away from the mode H may not be positive definite; without the negative curvatures it always is.
        safe = structure.factorise(lam, structure.gram(jnp.maximum(w, 0)))
        direction = jnp.where(factor.positive(), direction, safe.solve(slope))
    return Point(b, density, slope, direction)


def _slope(glmm: GLMM, params: Params, b: Effects) -> Effects:
    """Gradient by `b` of `log f(y | b) - b'b / 2`."""
    f1 = score(glmm, predictor_at(glmm, params, b), params.phi)
    return small.transposed(scaled_factor(glmm, params), glmm.structure.gather(f1)) - b
