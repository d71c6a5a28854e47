"""The Hessian taken apart: a metric for steps, and whether it certifies a minimum."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .._tolerances import UNKNOWN
from .._types import Array
from ..methods import AbstractObjective, Matrix, Vector
from ..model import GLMM, Params, pack

FARTHEST = 1e3  # what counts as a standard error at most, relative to the estimate or one


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


def standard_errors(inverse: Matrix, x: Vector) -> Vector:
    """What counts as those of `x` where gradients are compared: `FARTHEST` times its size at most,
    and its size where the metric knows nothing of a parameter."""
    size, variances = jnp.maximum(jnp.abs(x), 1.0), jnp.diagonal(inverse)
    known = variances > jnp.finfo(x.dtype).tiny
    errors = jnp.sqrt(jnp.where(known, variances, 1.0))
    return jnp.where(known, jnp.minimum(errors, FARTHEST * size), size)


def least_information(objective: AbstractObjective, glmm: GLMM, dtype) -> Vector:
    """What is less than this, of parameters of the random terms, is rounding: they change nothing
    (a range where the variance is zero)."""
    p, sizes, m = glmm.sizes
    theta = tuple(jnp.full(size, UNKNOWN**-2, dtype) for size in sizes)
    return objective.free(glmm, pack(Params(jnp.zeros(p, dtype), theta, jnp.zeros(m, dtype))))
