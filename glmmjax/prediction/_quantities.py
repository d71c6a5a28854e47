"""What can be predicted: functions of the linear predictors of a row and the family's own
parameters."""

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._errors import ModelError
from .._types import Array
from ..families import AbstractFamily, conditional_mean, predictor_names
from ..model import seen_by_family

KINDS = ("response", "link", "conditional_mean", "zero_probability", "dispersion")
_NEEDS = {"zero_probability": "zi", "dispersion": "disp"}


def check_kind(family: AbstractFamily, kind: str) -> None:
    """Raise a `ModelError` for a kind that is none, or that the model has no linear predictor
    for."""
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
    needed = _NEEDS.get(kind)
    if needed is not None and needed not in predictor_names(family):
        raise ModelError(f"kind {kind!r} needs a model with {needed}formula.")


def quantity(
    family: AbstractFamily,
    kind: str,
    eta: Float[Array, "predictors *rows"],
    phi: Float[Array, " m"],
) -> Float[Array, " *rows"]:
    """The quantity `kind`; `link` is the linear predictor of the mean."""
    if kind == "link":
        return eta[0]
    if kind == "zero_probability":
        return jax.lax.logistic(eta[-1])
    if kind == "dispersion":
        return jnp.exp(eta[1])
    seen = seen_by_family(eta)
    return family.mean(seen, phi) if kind == "response" else conditional_mean(family, seen, phi)
