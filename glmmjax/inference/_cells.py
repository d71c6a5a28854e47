"""How the score of a fit depends on what is known of each observation: its weight or response."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..fit import Fits
from ..methods import Separable, log_components
from ..model import GLMM, unpack
from ..structure import round_far_up
from ._sandwich import difference_weights, shifted
from ._surface import Surface


class _Field(eqx.Module):
    """`weights` or `y` of a model."""

    name: str = eqx.field(static=True)


def slopes_by_cells(
    fits: Fits, surface: Surface, method: Separable, name: str
) -> Float[np.ndarray, "size *cells"]:
    """Derivatives of the score of one model by its `weights` or its responses `y`, which the log
    density takes as any numbers: from differences of the gradient by these. One program."""
    points, lengths = shifted(fits, surface)
    _, shifts, size, _ = points.shape
    flat = points.reshape(-1, size)
    rows, vectors = surface.given(np.zeros(len(flat), int), flat)
    places = np.minimum(np.arange(round_far_up(len(flat))), len(flat) - 1)
    start = jax.tree.map(lambda leaf: leaf[0], surface.nothing(1))
    with own_settings():
        given = vectors[places], start
        found = np.asarray(_slopes(method, _Field(name), surface.own, surface.shared, *given))
        values = found[: len(rows)].reshape(shifts, size, *found.shape[1:])
    over = lengths[0].reshape(-1, *[1] * (found.ndim - 1))
    return np.einsum("s,sk...->k...", difference_weights, values) / over


@Program
def _slopes(
    method: Separable,
    field: _Field,
    own: GLMM,
    shared: GLMM,
    vectors: Float[Array, "points size"],
    start: Any,
) -> Float[Array, "points *cells"]:
    """The gradient of the log-likelihood by the field."""
    glmm = eqx.combine(own, shared)

    def one(vector):
        def loglik(values):
            moved = eqx.tree_at(lambda g: getattr(g, field.name), glmm, values)
            return log_components(method, moved, unpack(glmm, vector), start)[0].sum()

        return jax.grad(loglik)(getattr(glmm, field.name))

    return jax.lax.map(one, vectors)
