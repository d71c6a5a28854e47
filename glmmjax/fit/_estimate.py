"""The search for a maximum in resumable pieces: begin, advance, check by the exact Hessian. One
model runs them in one program, a batch each in a program of its own, so that members which are done
leave it."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._tolerances import UNKNOWN
from .._types import Array
from ..methods import (
    AbstractObjective,
    Data,
    Estimate,
    Matrix,
    Minimum,
    RandomEffects,
    Start,
    Vector,
    canonical,
    objective_data,
)
from ..model import GLMM, Params, pack
from ._bfgs import Objective, Search, scaled_tolerance, searching, turn, unsearched

EVALUATIONS = 200


class Progress(NamedTuple):
    """A search, and what the exact Hessian said where it last came to rest.

    Attributes:
        search: its value and inverse metric are exact after a check.
        gradient, hessian: of the objective at the last check.
        scaled_gradient: `sqrt(g' hessian^-1 g)` there, the distance to the minimum in standard
            errors.
        done: whether the Hessian certifies a minimum.
        rounds: number of checks.
        last: the number after which no other follows.
    """

    search: Search
    gradient: Vector
    hessian: Matrix
    scaled_gradient: Float[Array, ""]
    done: Bool[Array, ""]
    rounds: Int[Array, ""]
    last: Int[Array, ""]


@jax.jit
def estimate(
    objective: AbstractObjective, glmm: GLMM, start: Start
) -> tuple[Estimate, RandomEffects]:
    """Fit one model."""
    data = objective_data(objective, glmm)
    # As a program of its own the objective is traced once, and the Hessian differentiates that
    # trace.
    function = jax.jit(value_and_gradient(objective, glmm, data))

    def a_round(progress: Progress) -> Progress:
        search = jax.lax.while_loop(
            lambda s: searching(s, limit=limit(progress)),
            lambda s: turn(function, s),
            progress.search,
        )
        return check(objective, function, glmm, progress._replace(search=search))

    progress = jax.lax.while_loop(undecided, a_round, begin(objective, glmm, data, start))
    found = objective.finish(glmm, data, minimum(progress))
    return found, objective.effects(glmm, data, found.params, progress.search.carry)


@eqx.filter_jit
def effects_at(objective: AbstractObjective, glmm: GLMM, params: Params) -> RandomEffects:
    """Random effects at `params`."""
    carry = glmm.structure.no_effects(params.beta.dtype)
    return objective.effects(glmm, objective_data(objective, glmm), params, carry)


def value_and_gradient(objective: AbstractObjective, glmm: GLMM, data: Data) -> Objective:
    """Value and gradient of the objective as a function of the parameters alone."""
    return jax.value_and_grad(
        lambda vector, carry: objective.value(glmm, data, vector, carry), has_aux=True
    )


def begin(objective: AbstractObjective, glmm: GLMM, data: Data, start: Start) -> Progress:
    """The state before the first evaluation."""
    x, carry, metric = objective.begin(glmm, data, start)
    search = unsearched(x, carry, positive_inverse(metric).matrix)
    zero = jnp.zeros((), x.dtype)
    return Progress(
        search,
        jnp.zeros_like(x),
        jnp.zeros_like(metric),
        zero,
        jnp.array(False),
        jnp.array(0),
        jnp.asarray(start.rounds),
    )


def limit(progress: Progress) -> Int[Array, ""]:
    """Evaluations after which the current round ends."""
    return (progress.rounds + 1) * EVALUATIONS


def check(
    objective: AbstractObjective, function: Objective, glmm: GLMM, progress: Progress
) -> Progress:
    """Form the exact Hessian where the search came to rest. If the point is no minimum by it, the
    search goes on from there with the Hessian (its eigenvalues made positive) as the metric. Nearly
    always one round is enough."""
    search = progress.search

    def gradient_of(vector):
        (value, carry), gradient = function(vector, search.carry)
        return gradient, (value, carry)

    x = canonical(objective, glmm, search.x)
    if glmm.structure.matrix_free:
        gradient, (value, carry) = gradient_of(x)
        hessian = _by_differences(lambda at: gradient_of(at)[0], x, search.inverse)
    else:
        gradient, move, (value, carry) = jax.linearize(gradient_of, x, has_aux=True)
        # Column by column: a loop traces in half the time that batching the derivative takes, and
        # runs as fast.
        hessian = jax.lax.map(move, jnp.eye(len(x), dtype=x.dtype))
    inverse = positive_inverse(hessian, _least_information(objective, glmm, x.dtype))
    scaled = jnp.sqrt(gradient @ inverse.matrix @ gradient)
    at_rest = scaled <= scaled_tolerance(x.dtype)
    curved = inverse.smallest > -jnp.sqrt(jnp.finfo(x.dtype).eps)
    # From a saddle (a variance that started at zero is one) no gradient leads away: the next step
    # is one standard error along the direction of the most negative curvature.
    onward = gradient + jnp.where(at_rest & ~curved, inverse.away, 0.0)
    rested = Search(
        x, value, onward, carry, inverse.matrix, jnp.ones_like(value), search.evaluations + 1
    )
    return Progress(
        rested, gradient, hessian, scaled, at_rest & curved, progress.rounds + 1, progress.last
    )


def _by_differences(gradient: Callable[[Vector], Vector], x: Vector, inverse: Matrix) -> Matrix:
    """The Hessian from central differences of gradients, a hundredth of a standard error to either
    side: an iterative factor has no second derivative."""
    steps = 0.01 * jnp.diag(jnp.sqrt(jnp.maximum(jnp.diagonal(inverse), jnp.finfo(x.dtype).tiny)))
    columns = jax.lax.map(
        lambda step: (gradient(x + step) - gradient(x - step)) / (2 * step.sum()), steps
    )
    return 0.5 * (columns + columns.T)


def minimum(progress: Progress) -> Minimum:
    """Where a search ended."""
    search = progress.search
    return Minimum(
        vector=search.x,
        value=search.value,
        gradient=progress.gradient,
        hessian=progress.hessian,
        carry=search.carry,
        scaled_gradient=progress.scaled_gradient,
        certified=progress.done,
        evaluations=search.evaluations,
    )


def undecided(progress: Progress) -> Bool[Array, ""]:
    """Whether another round may end at a minimum."""
    return (
        ~progress.done
        & (progress.rounds < progress.last)
        & jnp.isfinite(progress.search.gradient).all()
    )


class Inverse(NamedTuple):
    """The inverse of `|hessian|`: eigenvalues made positive after scaling to a unit diagonal.

    Attributes:
        matrix: a metric for steps; nothing that is reported comes from it unless all eigenvalues
            are positive.
        smallest: scaled eigenvalue.
        away: the gradient whose step `-matrix @ away` is the eigenvector of `smallest`, one scaled
            unit long.
    """

    matrix: Matrix
    smallest: Float[Array, ""]
    away: Vector


def _least_information(objective: AbstractObjective, glmm: GLMM, dtype) -> Vector:
    """What is less than this, of parameters of the random terms, is rounding: they change nothing
    (a range where the variance is zero)."""
    p, sizes, m = glmm.sizes
    theta = tuple(jnp.full(size, UNKNOWN**-2, dtype) for size in sizes)
    return objective.free(glmm, pack(Params(jnp.zeros(p, dtype), theta, jnp.zeros(m, dtype))))


def positive_inverse(hessian: Matrix, least: Vector | float = 0.0) -> Inverse:
    """Take a Hessian apart; zero for parameters of which its diagonal is not more than `least`."""
    if not len(hessian):
        return Inverse(hessian, jnp.ones((), hessian.dtype), jnp.zeros(0, hessian.dtype))
    diagonal = jnp.abs(jnp.diagonal(hessian))
    scale = 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1.0))
    scale = jnp.where((diagonal > least) | (least == 0), scale, 0.0)
    values, vectors = jnp.linalg.eigh(hessian * scale[:, None] * scale)
    positive = jnp.maximum(jnp.abs(values), jnp.finfo(hessian.dtype).eps ** 0.75)
    half = scale[:, None] * vectors / jnp.sqrt(positive)
    return Inverse(
        half @ half.T, values[0], -positive[0] * vectors[:, 0] / jnp.where(scale > 0, scale, 1.0)
    )
