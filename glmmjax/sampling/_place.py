"""Where a posterior lies: the mode of a penalised fit, and how everything varies around it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._programs import Program
from .._types import Array
from ..methods import conditional_mode
from ..model import GLMM, Params, pack, unpack
from ..structure import Effects
from ._target import Place

_STEP = 1e-3  # standard errors, of the differences of modes


@Program
def places(
    own: GLMM, shared: GLMM, params: Params, lower: Float[Array, "members size size"]
) -> Place:
    """Of members, at the modes `params` of their parameters; in `own` is what differs between
    them."""

    def one(member):
        own, params, lower = member
        return _place(eqx.combine(own, shared), pack(params), lower)

    return jax.lax.map(one, (own, params, lower))


def _place(glmm: GLMM, centre: Float[Array, " size"], lower: Float[Array, "size size"]) -> Place:
    nobody = glmm.structure.no_effects(centre.dtype)
    found = conditional_mode(glmm, unpack(glmm, centre), nobody)

    def moved(direction: Float[Array, " size"]) -> Effects:
        ahead, behind = (
            conditional_mode(glmm, unpack(glmm, centre + step * direction), found.b).b
            for step in (_STEP, -_STEP)
        )
        return tuple((a - b) / (2 * _STEP) for a, b in zip(ahead, behind, strict=True))

    path = jax.lax.map(moved, lower.T)
    return Place(
        centre,
        lower,
        found.b,
        tuple(jnp.moveaxis(part, 0, -1) for part in path),
        tuple(_root(block) for block in found.factor.blocks()),
    )


def _root(block: Array) -> Array:
    """The factors of covariances (rank, rank, levels), or the roots of variances."""
    if block.ndim == 2:
        return jnp.sqrt(block)
    return jnp.moveaxis(jnp.linalg.cholesky(jnp.moveaxis(block, -1, 0)), 0, -1)


def lower_of(
    covariance: Float[np.ndarray, "members own own"], kept: np.ndarray, size: int
) -> Float[np.ndarray, "members size size"]:
    """The factors of covariances of the parameters in places `kept` of `size`, the others having
    unit variance."""
    whole = np.broadcast_to(np.eye(size), (len(covariance), size, size)).copy()
    whole[:, kept[:, None], kept] = np.linalg.cholesky(covariance)
    return whole
