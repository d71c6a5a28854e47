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
from ..families import AbstractComposite, AbstractFamily
from ..structure import round_far_up

_WITHOUT_UNIT = ("log", "logit", "probit", "cloglog", "cauchit", "softplus")


class Units(NamedTuple):
    """Of members.

    Attributes:
        centre: the mean response (each moved inside the range of the mean, as where iterations
            start) on the scale of the link, less the mean offset.
        scale: what one unit of the linear predictor is: the standard deviation of the response, or
            one for a link that takes its unit away.
        spread: the standard deviation of the response.
    """

    centre: Float[np.ndarray, " members"]
    scale: Float[np.ndarray, " members"]
    spread: Float[np.ndarray, " members"]


UNKNOWN = Units(np.zeros(1), np.ones(1), np.ones(1))
"""Of a model without a response."""


def units_of(
    family: AbstractFamily,
    y: Float[np.ndarray, "members n *any"],
    weights: Float[np.ndarray, "*members n"],
    offset: Float[np.ndarray, "*members n"],
) -> Units:
    """The units of responses of one length; weights and the offset of the mean may be those of all
    members. One program serves numbers of members and rows of about a size."""
    count, n = y.shape[:2]
    members = np.minimum(np.arange(round_far_up(count)), count - 1)
    rows, pad = np.minimum(np.arange(round_far_up(n)), n - 1), round_far_up(n) - n
    weights = np.broadcast_to(weights, (count, n))
    each = (
        np.moveaxis(y, 1, -1)[..., rows],
        np.concatenate([weights, np.zeros((count, pad))], 1),
        np.broadcast_to(offset, (count, n))[:, rows],
    )
    with own_settings():
        found = _units(family, *(part[members] for part in each))
        return Units(*(np.asarray(part)[:count] for part in found))


@Program
def _units(family: AbstractFamily, *each: Array) -> tuple[Array, Array, Array]:
    return jax.vmap(lambda *own: _of_one(family, *own))(*each)


def _of_one(
    family: AbstractFamily,
    y: Float[Array, "*any n"],
    weights: Float[Array, " n"],
    offset: Float[Array, " n"],
) -> tuple[Array, Array, Array]:
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
    centre = family.link.link(mean) - (weights * offset).sum() / total
    return centre, one if family.link.name in _WITHOUT_UNIT else spread * slope, spread
