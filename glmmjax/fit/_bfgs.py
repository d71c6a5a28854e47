"""BFGS with backtracking, flattened: every turn of the one loop evaluates the objective once.

An accepted trial updates the metric and proposes the next full step; a rejected one shortens the
step. There is no inner line search, so lanes of a `vmap` stay in step.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..methods import Carry, Matrix, Vector

Scalar = Float[Array, ""]

Objective = Callable[[Vector, Carry], tuple[tuple[Scalar, Carry], Vector]]
"""`(x, carry) -> ((value, carry), gradient)`, as `jax.value_and_grad(..., has_aux=True)` makes
it."""

_SUFFICIENT = 1e-4
_SHORTEN = 0.4
_FLATTER = 0.5
_SHORTEST = 1e-8


class Search(NamedTuple):
    """The best point so far, its inverse metric, and the length of the next step."""

    x: Vector
    value: Scalar
    gradient: Vector
    carry: Carry
    inverse: Matrix
    length: Scalar
    evaluations: Int[Array, ""]


def unsearched(x: Vector, carry: Carry, inverse: Matrix) -> Search:
    """Before the first evaluation: `turn` makes no step then, so that the objective is traced
    once."""
    one = jnp.ones((), x.dtype)
    return Search(x, jnp.inf * one, jnp.zeros_like(x), carry, inverse, one, jnp.array(0))


def turn(objective: Objective, search: Search) -> Search:
    """Evaluate the objective once and accept or reject the step."""
    step = next_step(search)
    (value, carry), gradient = objective(search.x + step, search.carry)
    return judged(search, step, value, carry, gradient)


def next_step(search: Search) -> Vector:
    """From the best point so far to the next trial."""
    return -search.length * (search.inverse @ search.gradient)


def judged(search: Search, step: Vector, value: Scalar, carry: Carry, gradient: Vector) -> Search:
    """Accept or reject a step by what the objective is at its end."""
    slack = 16 * jnp.finfo(value.dtype).eps * jnp.maximum(1.0, jnp.abs(search.value))
    bound = search.value + _SUFFICIENT * (search.gradient @ step) + slack
    # Where rounding hides the difference of two values, their slopes along the step decide (Hager
    # and Zhang 2005).
    near = value <= search.value + _close(search.value)
    flatter = jnp.abs(gradient @ step) <= _FLATTER * jnp.abs(search.gradient @ step)
    accept = ((value <= bound) | (near & flatter)) & jnp.isfinite(gradient).all()
    moved = Search(
        x=search.x + step,
        value=value,
        gradient=gradient,
        carry=carry,
        inverse=_update(search.inverse, step, gradient - search.gradient),
        length=jnp.ones_like(value),
        evaluations=search.evaluations,
    )
    stayed = search._replace(length=search.length * _SHORTEN)
    chosen = jax.tree.map(lambda new, old: jnp.where(accept, new, old), moved, stayed)
    return chosen._replace(evaluations=search.evaluations + 1)


def searching(search: Search, *, limit: Int[Array, ""]) -> Bool[Array, ""]:
    """Whether another turn may help.

    Not if the scaled gradient `sqrt(g' inverse g)`, the distance to the minimum in standard errors,
    is small, if no step along the direction helps any more, or after `limit` evaluations.
    """
    tolerance = 0.3 * scaled_tolerance(
        search.x.dtype
    )  # which the exact Hessian may see a little larger
    small = search.gradient @ search.inverse @ search.gradient <= tolerance**2
    going = (search.evaluations < limit) & ~small & (search.length > _SHORTEST)
    return (search.evaluations == 0) | going


def _close(value: Scalar) -> Scalar:
    return jnp.sqrt(jnp.finfo(value.dtype).eps) * jnp.maximum(1.0, jnp.abs(value))


def scaled_tolerance(dtype) -> float:
    """The scaled gradient at which a fit counts as converged: 6e-6 standard errors in float64, 5e-3
    in float32."""
    return float(jnp.finfo(dtype).eps ** (1 / 3))


def _update(inverse: Matrix, step: Vector, change: Vector) -> Matrix:
    """BFGS update of the inverse metric; none where the curvature along the step is not
    positive."""
    curvature = step @ change
    usable = curvature > 1e-10 * jnp.sqrt((step @ step) * (change @ change))
    rho = jnp.where(usable, 1 / jnp.where(usable, curvature, 1.0), 0.0)
    towards = inverse @ change
    # (I - rho s y') B (I - rho y s') + rho s s', multiplied out: no matrix products
    cross = step[:, None] * towards
    return (
        inverse
        - rho * (cross + cross.T)
        + rho * (rho * (change @ towards) + 1) * step[:, None] * step
    )
