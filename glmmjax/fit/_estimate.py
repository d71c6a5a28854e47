"""The search for a maximum in resumable pieces: begin, advance, check by the exact Hessian. A batch
runs each in a program of its own, so that members which are done leave it; one model by itself as
`_alone` has it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..methods import (
    AbstractLikelihood,
    AbstractObjective,
    Data,
    Matrix,
    Minimum,
    Start,
    Vector,
    canonical,
)
from ..model import GLMM
from ._bfgs import Objective, Search, scaled_tolerance, unsearched
from ._metric import least_information, positive_inverse, standard_errors

EVALUATIONS = 200


class Progress(NamedTuple):
    """A search, and what the Hessian said where it last came to rest.

    Attributes:
        search: its value and inverse metric are those of the Hessian after a check.
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


def value_and_gradient(objective: AbstractLikelihood, glmm: GLMM, data: Data) -> Objective:
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
    evaluated = search._replace(x=x, value=value, carry=carry, evaluations=search.evaluations + 1)
    return certified(objective, glmm, progress._replace(search=evaluated), gradient, hessian)


def certified(
    objective: AbstractObjective, glmm: GLMM, progress: Progress, gradient: Vector, hessian: Matrix
) -> Progress:
    """What the gradient and the Hessian where a search came to rest say of it."""
    search, dtype = progress.search, gradient.dtype
    inverse = positive_inverse(hessian, least_information(objective, glmm, dtype))
    scaled = jnp.sqrt(gradient @ inverse.matrix @ gradient)
    at_rest = scaled <= scaled_tolerance(dtype)
    curved = inverse.smallest > -jnp.sqrt(jnp.finfo(dtype).eps)
    # From a saddle (a variance that started at zero is one) no gradient leads away: the next step
    # is one standard error along the direction of the most negative curvature.
    onward = gradient + jnp.where(at_rest & ~curved, inverse.away, 0.0)
    rested = search._replace(
        gradient=onward, inverse=inverse.matrix, length=jnp.ones_like(search.value)
    )
    return Progress(
        rested, gradient, hessian, scaled, at_rest & curved, progress.rounds + 1, progress.last
    )


def _by_differences(gradient: Callable[[Vector], Vector], x: Vector, inverse: Matrix) -> Matrix:
    """The Hessian from central differences of gradients, a hundredth of a standard error to either
    side: an iterative factor has no second derivative."""
    steps = jnp.diag(0.01 * standard_errors(inverse, x))
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
