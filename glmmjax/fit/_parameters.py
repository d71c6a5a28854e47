"""Parameters that a user gives, checked against the model and converted."""

from typing import Any

import jax
import numpy as np

from .._errors import ModelError
from .._precision import own_settings
from .._traced import refuse_tracers
from ..assembly import MixedModel
from ..model import Params, floating_params


def as_params(model: MixedModel, params: Any, argument: str) -> Params:
    """`params` as arrays of floating numbers, which may be traced.

    Raises a `ModelError` if they are not parameters of `model`, or no real numbers.
    """
    if not isinstance(params, Params):
        raise ModelError(
            f"{argument} must be gj.Params, such as a fit's params, not {type(params).__name__}."
        )
    params = floating_params(params)
    given = (params.beta.shape, tuple(t.shape for t in params.theta), params.phi.shape)
    p, theta, m = model.glmm.sizes
    needed = ((p,), tuple((size,) for size in theta), (m,))
    if given != needed:
        raise ModelError(
            f"{argument} has parameters (beta, theta, phi) of shapes {given}, the model needs"
            f" {needed}."
        )
    return params


def as_finite_params(model: MixedModel, params: Any, argument: str) -> Params:
    """The same as float64 NumPy arrays, for what runs on the host; a `ModelError` also if they are
    traced or not finite."""
    refuse_tracers(argument, params)
    with own_settings():
        params = jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float64), as_params(model, params, argument)
        )
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
        raise ModelError(f"{argument} must hold finite numbers, and one is missing or infinite.")
    return params
