"""Where a posterior lies: the mode of a penalised fit, and how everything varies around it."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._programs import Program
from .._types import Array
from ..linalg import small
from ..methods import conditional_mode
from ..model import GLMM, Params, pack, scaled_factor, unpack
from ..structure import AbstractRelative, Matrices
from ._centring import is_centred, transport, weights
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
    params = unpack(glmm, centre)
    found = conditional_mode(glmm, params, glmm.structure.no_effects(centre.dtype))

    def around(direction: Float[Array, " size"]) -> tuple:
        each = [unpack(glmm, centre + step * direction) for step in (_STEP, -_STEP)]
        modes = [conditional_mode(glmm, own, found.b).b for own in each]
        return [scaled_factor(glmm, own) for own in each], modes

    lams, modes = jax.lax.map(around, lower.T)
    each = [
        _of_factor(own, block, Around(*others))
        for own, block, *others in zip(
            scaled_factor(glmm, params), found.factor.blocks(), *lams, *modes, strict=True
        )
    ]
    path, spread, lam, weight = zip(*each, strict=True) if each else ((),) * 4
    return Place(centre, lower, found.b, path, spread, lam, weight)


class Around(NamedTuple):
    """The factors and the modes of a grouping factor, a step ahead and behind along each
    direction."""

    lam_ahead: AbstractRelative
    lam_behind: AbstractRelative
    ahead: Float[Array, "size rank levels"]
    behind: Float[Array, "size rank levels"]


def _of_factor(
    lam: AbstractRelative, block: Array, around: Around
) -> tuple[Array, Array, Array | None, Array | None]:
    """`path`, `spread`, `lam` and `weight` of a grouping factor."""
    if not is_centred(lam):
        path = _slope(around.ahead, around.behind)
        return jnp.moveaxis(path, 0, -1), _root(block), None, None
    at_mode, ahead, behind = map(_matrix, (lam, around.lam_ahead, around.lam_behind))
    moved = _slope(*(jnp.diagonal(own, axis1=-2, axis2=-1) for own in (ahead, behind)))
    weight = weights(jnp.diagonal(block).T, jnp.diagonal(at_mode), moved)

    def sampled(lam, b):
        return small.solve_lower(transport(Matrices(lam[..., None]), at_mode, weight), b)

    path = _slope(jax.vmap(sampled)(ahead, around.ahead), jax.vmap(sampled)(behind, around.behind))
    return jnp.moveaxis(path, 0, -1), _root(block), at_mode, weight


def _matrix(lam: AbstractRelative) -> Float[Array, "*size q q"]:
    """The one of all levels."""
    assert isinstance(lam, Matrices)
    return lam.values[..., 0]


def _slope(ahead: Array, behind: Array) -> Array:
    return (ahead - behind) / (2 * _STEP)


def _root(block: Array) -> Array:
    """The factors of covariances (rank, rank, levels), or the roots of variances."""
    return jnp.sqrt(block) if block.ndim == 2 else small.cholesky(block)


def lower_of(
    covariance: Float[np.ndarray, "members own own"], kept: np.ndarray, size: int
) -> Float[np.ndarray, "members size size"]:
    """The factors of covariances of the parameters in places `kept` of `size`, the others having
    unit variance."""
    whole = np.broadcast_to(np.eye(size), (len(covariance), size, size)).copy()
    whole[:, kept[:, None], kept] = np.linalg.cholesky(covariance)
    return whole
