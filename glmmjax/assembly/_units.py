"""What the response says of the scale of parameters, for priors that follow the units of the
data."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..families import AbstractComposite
from ..model import GLMM

_WITHOUT_UNIT = ("log", "logit", "probit", "cloglog", "cauchit", "softplus")


class Units(NamedTuple):
    """Of one model, or of members.

    Attributes:
        centre: the mean response (each moved inside the range of the mean, as where iterations
            start) on the scale of the link, less the mean offset.
        scale: what one unit of the linear predictor is: the standard deviation of the response, or
            one for a link that takes its unit away.
        spread: the standard deviation of the response.
    """

    centre: Float[np.ndarray, "*members"]
    scale: Float[np.ndarray, "*members"]
    spread: Float[np.ndarray, "*members"]


UNKNOWN = Units(np.array(0.0), np.array(1.0), np.array(1.0))
"""Of a model without a response."""


def units_of(glmm: GLMM, own: GLMM | None = None) -> Units:
    """The units of a model, or of members, of whose arrays those in the mask `own` have a leading
    axis."""
    with own_settings():
        if own is None:
            return Units(*map(np.asarray, _units(glmm)))
        axes = jax.tree.map(lambda is_own: 0 if is_own else None, own)
        return Units(*map(np.asarray, jax.vmap(_found, (axes,))(glmm)))


def _found(glmm: GLMM) -> tuple[Array, Array, Array]:
    family, y, weights = glmm.family, jnp.asarray(glmm.y), jnp.asarray(glmm.weights)
    while isinstance(family, AbstractComposite):
        y, weights = family.inner_response(y, weights)
        family = family.inner
    zero, one = jnp.zeros((), weights.dtype), jnp.ones((), weights.dtype)
    if family.response == "ordered":  # whose thresholds say where it is
        return zero, one, one
    each, total = family.start_mean(y), weights.sum()
    mean = (weights * each).sum() / total
    spread = jnp.sqrt((weights * (each - mean) ** 2).sum() / total)
    spread = jnp.where(spread > 0, spread, 1.0)
    slope = jnp.abs(jax.grad(family.link.link)(mean))
    centre = family.link.link(mean) - (weights * glmm.offset[0]).sum() / total
    return centre, one if family.link.name in _WITHOUT_UNIT else spread * slope, spread


_units = Program(_found)
