"""The search of one model by itself, in two small programs.

Compiling is what a person waits for, so the objective and its gradient are compiled once: one loop
searches, and when the search is at rest evaluates the gradients of which central differences make
the Hessian.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .._programs import Program
from .._types import Array
from ..methods import (
    AbstractObjective,
    Data,
    Estimate,
    Matrix,
    RandomEffects,
    Start,
    Vector,
    canonical,
    objective_data,
)
from ..model import GLMM, Params, pack
from ._bfgs import Search, judged, next_step, searching
from ._estimate import Progress, begin, certified, check, limit, minimum, value_and_gradient
from ._metric import standard_errors

# Standard errors to either side of the points of a difference. The standard errors that follow are
# right to 1e-10 of themselves (Poisson) to 1e-8 (extra zeros); shorter ones lose to rounding.
LENGTH, SHORTER, LONGER = 1e-5, 1e-6, 1e-4
OF_ESTIMATES = 1e-2  # the same of an iterative factor, whose values are rougher
CLOSE = 1e-8  # of the diagonal of the Hessian: an error of differences that is too small to see
CERTAIN = 1e-4  # the same, with which the sign is right
FAR = 0.1  # standard errors


class Way(NamedTuple):
    """To either side of the points of a difference.

    Attributes:
        length: in standard errors.
        lengths: of each parameter instead, where the Hessian that the search had before is taken
            into account (Richardson).
        less: how many times less the square of these is than that of the lengths before; infinite
            if `length` counts.
    """

    length: Float[Array, ""]
    lengths: Vector
    less: Float[Array, ""]


def _way(length: float, x: Any) -> Way:
    return Way(np.array(length), np.zeros(x.shape, x.dtype), np.array(np.inf))


def _shorter(found: "Found") -> Way:
    times = LENGTH / SHORTER
    return Way(np.array(SHORTER), np.asarray(found.lengths) / times, np.array(times**2))


class Found(NamedTuple):
    """Where a round ended.

    Attributes:
        estimate: what there is to report.
        progress: the search.
        errors: of differences because the gradient bends, and because it is rounded, in units of
            the diagonal of the Hessian.
        lengths: of the differences.
    """

    estimate: Estimate
    progress: Progress
    errors: Float[Array, " kinds"]
    lengths: Vector


def search_alone(objective: AbstractObjective, glmm: GLMM, start: Start) -> Estimate:
    """What a search from `start` finds."""
    # What takes longer to compile comes first, the other while that is compiled.
    shapes = _begun.ahead(objective, glmm, start, only_trace=True)
    if shapes is not None:
        _round.ahead(objective, glmm, *shapes, _way(LENGTH, shapes[1].search.x))
    data, progress = _begun(objective, glmm, start)
    while True:
        found = _next(objective, glmm, data, progress)
        progress = found.progress
        is_last = bool(progress.done) or int(progress.rounds) >= int(start.rounds)
        if is_last or not np.isfinite(progress.search.gradient).all():
            return found.estimate


def _next(objective: AbstractObjective, glmm: GLMM, data: Data, progress: Progress) -> Found:
    """One round more, its Hessian by differences, by others where the gradient bends too much for
    these (parameters near their limits) or is too rough (many rows), or exact: that takes a program
    of its own."""
    if glmm.structure.matrix_free:
        return _round(objective, glmm, data, progress, _way(OF_ESTIMATES, progress.search.x))
    found = _round(objective, glmm, data, progress, _way(LENGTH, progress.search.x))
    bent, rounded = np.asarray(found.errors)
    # Far from rest the Hessian is but a metric to go on with.
    is_far = float(found.progress.scaled_gradient) >= FAR
    if max(bent, rounded) <= CLOSE or is_far or not np.isfinite(found.progress.gradient).all():
        return found
    search = found.progress.search
    search = search._replace(gradient=np.zeros(search.gradient.shape))  # it is at rest
    again = found.progress._replace(search=search, rounds=progress.rounds)
    # What bends is a hundred times less over a tenth of the length, what is rounded ten times more.
    other = _shorter(found) if bent > CLOSE else _way(LONGER, search.x)
    found = _round(objective, glmm, data, again, other)
    if np.asarray(found.errors).max() <= CLOSE:
        return found
    return _exact(objective, glmm, data, again)


@Program
def effects_at(objective: AbstractObjective, glmm: GLMM, params: Params) -> RandomEffects:
    """Random effects at `params`."""
    carry = glmm.structure.no_effects(params.beta.dtype)
    return objective.effects(glmm, objective_data(objective, glmm), params, carry)


@Program
def _begun(objective: AbstractObjective, glmm: GLMM, start: Start) -> tuple[Data, Progress]:
    data = objective_data(objective, glmm)
    return data, begin(objective, glmm, data, start)


class _Turn(NamedTuple):
    """The search; the number of the point that is evaluated next (0: on the way, or where the
    search is at rest, then those of the differences); and the gradients at those before it."""

    search: Search
    number: Int[Array, ""]
    gradients: Float[Array, "points size"]


@Program
def _round(
    objective: AbstractObjective, glmm: GLMM, data: Data, progress: Progress, way: Way
) -> Found:
    """Search until at rest, and check by the Hessian: the objective is in one place of one loop."""
    function = value_and_gradient(objective, glmm, data)
    x, most = progress.search.x, limit(progress)
    real = ~_absent(objective, glmm, x)
    order, points = _first(real), 1 + 2 * real.sum()

    def moving(turn: _Turn) -> Bool[Array, ""]:
        return (turn.number == 0) & searching(turn.search, limit=most)

    def advance(turn: _Turn) -> _Turn:
        search, number, on_the_way = turn.search, turn.number, moving(turn)
        step, centre = next_step(search), canonical(objective, glmm, search.x)
        is_here = (jnp.arange(len(x)) == order[(number - 1) // 2]) & (number > 0)
        aside = jnp.where(is_here, _lengths(centre, search, way), 0.0)
        aside = jnp.where(number % 2, aside, -aside)
        trial = jnp.where(on_the_way, search.x + step, centre + aside)
        (value, carry), gradient = function(trial, search.carry)
        at_rest = search._replace(x=centre, value=value, carry=carry)
        stayed = _either(number == 0, at_rest, search)
        moved = judged(search, step, value, carry, gradient)
        # Where a step ends the search, the gradient is known, unless the mirror image counts.
        is_new = (moved.x == trial).all() & (canonical(objective, glmm, trial) == trial).all()
        arrived = is_new & ~searching(moved, limit=most)
        return _Turn(
            _either(on_the_way, moved, stayed),
            jnp.where(on_the_way, jnp.where(arrived, 1, 0), number + 1),
            jnp.asarray(turn.gradients).at[number].set(gradient),
        )

    nothing = jnp.zeros((1 + 2 * len(x), len(x)), x.dtype)
    search, _, gradients = jax.lax.while_loop(
        lambda turn: moving(turn) | (turn.number < points),
        advance,
        _Turn(progress.search, jnp.array(0), nothing),
    )
    search = search._replace(evaluations=search.evaluations + 1)
    lengths = _lengths(search.x, search, way)
    hessian, errors = _hessian(gradients, order, real, search.x, lengths)
    again = jnp.isfinite(way.less)
    hessian = hessian + jnp.where(again, (hessian - progress.hessian) / (way.less - 1), 0.0)
    # What is left is of the fourth order: the product of the errors of both.
    bent, rounded = errors
    bent = jnp.where(again, bent * jnp.minimum(way.less * bent, 1.0), bent)
    errors = jnp.stack([bent, rounded])
    progress = certified(objective, glmm, progress._replace(search=search), gradients[0], hessian)
    return Found(objective.finish(glmm, data, minimum(progress)), progress, errors, lengths)


@Program
def _exact(objective: AbstractObjective, glmm: GLMM, data: Data, progress: Progress) -> Found:
    """Check by the exact Hessian where a search is at rest."""
    function = value_and_gradient(objective, glmm, data)
    progress = check(objective, function, glmm, progress)
    x = progress.search.x
    found = objective.finish(glmm, data, minimum(progress))
    return Found(found, progress, jnp.zeros(2), jnp.zeros_like(x))


def _absent(objective: AbstractObjective, glmm: GLMM, x: Vector) -> Bool[Array, " size"]:
    """Which of the parameters only pad."""
    _, sizes, m = glmm.sizes
    theta = tuple(jnp.zeros(size) for size in sizes)
    return objective.free(glmm, pack(Params(glmm.absent + 0.0, theta, jnp.zeros(m)))) > 0


def _first(real: Bool[Array, " size"]) -> Int[Array, " size"]:
    """Numbers of all parameters, those that only pad last. (A sort cannot be kept on disk.)"""
    place = jnp.where(real, jnp.cumsum(real) - 1, real.sum() + jnp.cumsum(~real) - 1)
    return jnp.zeros(len(real), int).at[place].set(jnp.arange(len(real)))


def _lengths(x: Vector, search: Search, way: Way) -> Vector:
    """The distance between points of each parameter."""
    usual = way.length * standard_errors(search.inverse, x)
    return jnp.where(jnp.isfinite(way.less), way.lengths, usual)


def _hessian(
    gradients: Float[Array, "points size"], order: Array, real: Array, x: Vector, lengths: Vector
) -> tuple[Matrix, Float[Array, " kinds"]]:
    """Central differences of gradients, with ones for parameters that only pad, and their errors.

    Where the gradient bends so that `g(x + h) - 2 g(x) + g(x - h)` is `r` times `g(x + h) - g(x -
    h)`, the Hessian changes by its own size over `h / r`, and the differences, which are right to
    the second order, are off by some `r^2`. What they lack in symmetry is rounding.
    """
    centre, ahead, behind = gradients[0], gradients[1::2], gradients[2::2]
    apart = ((x + lengths) - (x - lengths))[order]  # as the points are rounded
    inside = real[order][:, None] & real

    def placed(rows: Matrix) -> Matrix:
        rows = jnp.where(inside, rows / apart[:, None], 0.0)
        return jnp.zeros_like(rows).at[order].set(rows)

    one_sided, bent = placed(ahead - behind), placed(ahead - 2 * centre + behind)
    matrix = 0.5 * (one_sided + one_sided.T) + jnp.diag(jnp.where(real, 0.0, 1.0))
    diagonal = jnp.diagonal(matrix)
    scale = 1 / jnp.sqrt(jnp.where(diagonal != 0, jnp.abs(diagonal), 1.0))
    bent, uneven = (
        (jnp.abs(own) * scale[:, None] * scale).max(initial=0.0)
        for own in (bent, one_sided - one_sided.T)
    )
    errors = jnp.stack([4 * bent * bent, uneven])
    # Beside a negative diagonal no digits are needed: here is no minimum, and the search goes on.
    is_bound = (diagonal < 0).any() & (errors.max() < CERTAIN)
    return matrix, jnp.where(is_bound, 0.0, errors)


def _either(here: Bool[Array, ""], one: Search, other: Search) -> Search:
    return jax.tree.map(lambda a, b: jnp.where(here, a, b), one, other)
