"""Draws from posteriors in the user's coordinates, members first."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..assembly import MixedModel, component_name, components
from ..covariances import AbstractCovariance
from ..families import AbstractFamily
from ..model import GLMM, Params
from ..priors import components_of

_AT_ONCE = 2048  # draws of one call


class Natural(NamedTuple):
    """Parameters of draws (draws, ...), one of the mirror images of each, and the same on natural
    scales.

    Attributes:
        params: parameters.
        values: (draws, k) of each random term standard deviations, correlations and others, then
            the family's own parameters.
    """

    params: Params
    values: Float[Array, "*draws k"]


def natural(glmm: GLMM, params: Params) -> Natural:
    """Of draws (draws, ...) in the user's coordinates, NumPy."""
    count, pieces = len(params.beta), []
    for first in range(0, count, _AT_ONCE):
        places = np.minimum(np.arange(first, first + _AT_ONCE), count - 1)
        some = jax.tree.map(lambda leaf, own=places: leaf[own], params)
        with own_settings():
            found = _natural(glmm.covariances, glmm.family, some)
        kept = min(_AT_ONCE, count - first)
        pieces.append(jax.tree.map(lambda leaf, own=kept: np.asarray(leaf)[:own], found))
    return jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)


@Program
def _natural(
    covariances: tuple[AbstractCovariance, ...], family: AbstractFamily, params: Params
) -> Natural:
    even = np.array([own.is_even for own in family.parameters], bool)

    def one(params: Params) -> Natural:
        theta = tuple(c.canonical(own) for c, own in zip(covariances, params.theta, strict=True))
        phi = jnp.where(even, jnp.abs(params.phi), params.phi)
        scale = jnp.asarray(family.random_scale(phi), phi.dtype)
        terms = [components_of(c, own, scale) for c, own in zip(covariances, theta, strict=True)]
        own = [jnp.asarray(value)[None] for value in family.dispersion(phi)]
        values = jnp.concatenate([*terms, *own, jnp.zeros(0, phi.dtype)])
        return Natural(Params(params.beta, theta, phi), values)

    return jax.vmap(one)(params)


def names_of(model: MixedModel) -> list[str]:
    """Of the coefficients, then of `Natural.values`, as in the table of priors."""
    found = [f"{own.prefix}{name}" for own in model.design.predictors for name in own.fixed.names]
    taken = set(found)
    found += [component_name(own, term.formula.group) for _, term, own in components(model)]
    own = model.family.dispersion_names
    return found + [f"dispersion({name})" if name in taken else name for name in own]
