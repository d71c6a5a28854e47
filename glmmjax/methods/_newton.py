"""Where the conditional mode is: the search for it, without derivatives."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Int

from .._types import Array
from ..model import GLMM, Params
from ..structure import Effects, Elimination
from ._conditional import expansion, kernel_and_score, observed_curvature
from ._joint import Joint, PerComponent, joint_at

MAX_STEPS = 100
_SLOW = 0.04  # of the decrement that a step leaves: above it the factor is renewed


class Point(NamedTuple):
    """The joint density of data and random effects at one `b`, component by component.

    `density` is `sum log f - b'b / 2` (kernels only), `slope` its gradient, `direction` Newton's
    step.
    """

    b: Effects
    density: PerComponent
    slope: Effects
    direction: Effects


class ModeSearch(NamedTuple):
    """State of the damped Newton search: the best point of each component and the length of its
    next step; the factor of `H` if steps share one."""

    point: Point
    length: PerComponent
    steps: Int[Array, ""]
    factor: Elimination | None


def find_mode(glmm: GLMM, params: Params, start: Effects) -> Point:
    """Damped Newton in one flattened loop: each turn tries one step of every component; one whose
    density would fall (or is not finite) keeps its point and halves its next step.

    Where `H` has a dense rest, steps share its factor as long as they get four fifths nearer to the
    mode each.
    """
    at = joint_at(glmm, params)
    structure, shared = glmm.structure, shares_factor(glmm)

    def unsettled(search: ModeSearch) -> Bool[Array, ""]:
        return (search.steps < MAX_STEPS) & ~settled(glmm, search.point).all()

    def turn(search: ModeSearch) -> ModeSearch:
        return _shared_turn(at, search) if shared else _newton_turn(at, search)

    components = jnp.zeros(structure.components, at.fixed.dtype)
    nowhere = Point(
        start,
        components - jnp.inf,
        jax.tree.map(lambda b: jnp.full_like(b, jnp.inf), start),
        jax.tree.map(jnp.zeros_like, start),
    )
    factor = _no_factor(at, start) if shared else None
    # The first turn evaluates the start itself, so the loop's body is the only place that is
    # traced.
    return jax.lax.while_loop(
        unsettled, turn, ModeSearch(nowhere, components + 1, jnp.array(0), factor)
    ).point


def shares_factor(glmm: GLMM) -> bool:
    """Whether steps share a factor: where it costs more than all else."""
    return bool(glmm.structure.rest) and not glmm.structure.matrix_free


def settled(glmm: GLMM, point: Point) -> Bool[Array, " components"]:
    """Whether the decrement is so small that one more full step ends at rounding error: that of
    Newton squares the distance, that of a shared factor takes a tenth of it."""
    tolerance = jnp.finfo(point.density.dtype).eps ** (1.25 if shares_factor(glmm) else 0.75)
    decrement, squares = (
        glmm.structure.dot(a, b) for a, b in ((point.slope, point.direction), (point.b, point.b))
    )
    return (decrement <= tolerance * (1 + squares)) & jnp.isfinite(point.density)


def _newton_turn(at: Joint, search: ModeSearch) -> ModeSearch:
    point, length, steps, _ = search
    structure = at.glmm.structure
    b = _moved(point.b, structure.to_levels(length), point.direction)
    eta = at.predictor(b)
    kernel, first, w = expansion(at.glmm, eta, at.phi)
    density, slope = at.density(kernel, b), at.slope(first, b)
    factor = at.factor(w)
    direction = factor.solve(slope)
    if not at.glmm.family.traits.log_concave:
        # Away from the mode H may not be positive definite; without the negative curvatures it
        # always is.
        safe = at.factor(without_negative(w)).solve(slope)
        direction = _either(structure.to_levels(factor.positive()), direction, safe)
    better = density >= point.density - at.rounding(kernel, b)
    here = structure.to_levels(better)
    kept = Point(
        _either(here, b, point.b),
        jnp.where(better, density, point.density),
        _either(here, slope, point.slope),
        _either(here, direction, point.direction),
    )
    return ModeSearch(kept, jnp.where(better, 1.0, length / 2), steps + 1, None)


def _shared_turn(at: Joint, search: ModeSearch) -> ModeSearch:
    """A structure with a rest is one component, so there is one length and one decision."""
    point, length, steps, old = search
    structure = at.glmm.structure
    assert old is not None
    b = _moved(point.b, structure.to_levels(length), point.direction)
    eta = at.predictor(b)
    kernel, first = kernel_and_score(at.glmm, eta, at.phi)
    density, slope = at.density(kernel, b), at.slope(first, b)
    better = density >= point.density - at.rounding(kernel, b)
    here = structure.to_levels(better)
    b, slope = _either(here, b, point.b), _either(here, slope, point.slope)
    direction = old.solve(structure, slope)
    nearer = structure.dot(slope, direction) <= _SLOW * structure.dot(point.slope, point.direction)
    shared = (steps > 0) & (better & nearer).all()

    def renewed() -> tuple[Elimination, Effects]:
        w = observed_curvature(at.glmm, at.predictor(b), at.phi)
        new = at.eliminated(w)
        if not at.glmm.family.traits.log_concave:
            new = jax.lax.cond(
                new.positive(structure).all(),
                lambda: new,
                lambda: at.eliminated(without_negative(w)),
            )
        return new, new.solve(structure, slope)

    factor, direction = jax.lax.cond(shared, lambda: (old, direction), renewed)
    kept = Point(b, jnp.where(better, density, point.density), slope, direction)
    return ModeSearch(kept, jnp.where(better, 1.0, length / 2), steps + 1, factor)


def without_negative(w: Array) -> Array:
    """Curvatures that are positive semidefinite: the positive ones, each linear predictor by
    itself."""
    return jnp.maximum(w, 0) * jnp.eye(len(w), dtype=w.dtype)[:, :, None, None]


def _no_factor(at: Joint, b: Effects) -> Elimination:
    """Zeros in the shape of what a factor is solved with."""
    shapes = jax.eval_shape(
        lambda: at.eliminated(observed_curvature(at.glmm, at.predictor(b), at.phi))
    )
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _moved(b: Effects, lengths: tuple[Array, ...], direction: Effects) -> Effects:
    return tuple(
        one + length * step for one, length, step in zip(b, lengths, direction, strict=True)
    )


def _either(here: tuple[Array, ...], one: Effects, other: Effects) -> Effects:
    return tuple(jnp.where(flag, a, b) for flag, a, b in zip(here, one, other, strict=True))
