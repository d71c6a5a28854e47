"""The marginal likelihood of whoever differentiates it: pure JAX, in the caller's precision."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._numbers import as_floating, is_floating
from .._precision import usual_promotion
from .._types import Array
from ..model import GLMM, Params, floating_params
from ._method import AbstractMethod


def log_marginal(glmm: GLMM, params: Params, method: AbstractMethod) -> Float[Array, ""]:
    """Fully normalised log-likelihood, a pure function of every array in `glmm` and `params`.

    `jax.jit`, `grad`, `hessian` and `vmap` apply. It computes in the precision that JAX is in, to
    which real numbers of any type are converted (lists, too: parameters, `y`, `weights`, `offset`).
    NaN where the conditional mode was not found or `params` are outside the range of the link.
    Raises `ModelError` for a quasi-likelihood, and for what is no real number.
    """
    if glmm.family.traits.is_quasi:
        raise ModelError(
            f"{glmm.family.name} has no likelihood, only estimates and standard errors: fit the"
            " model."
        )
    with usual_promotion():
        glmm, params = jax.tree.map(
            _in_the_callers_precision, (_floating_data(glmm), floating_params(params))
        )
        return _log_marginal(glmm, params, method)


def _floating_data(glmm: GLMM) -> GLMM:
    """The data that one may put in the place of others, as floating numbers."""
    given = {name: getattr(glmm, name) for name in ("y", "weights", "offset")}
    others = {
        name: as_floating(name, value) for name, value in given.items() if not is_floating(value)
    }
    return dataclasses.replace(glmm, **others) if others else glmm


def _in_the_callers_precision(leaf: Array) -> Array:
    """The type that JAX is configured for: NumPy's float64, closed over by an outer `jit`, would
    stay float64."""
    widest = np.float64 if is_floating(leaf) else leaf.dtype
    return leaf.astype(jax.dtypes.canonicalize_dtype(widest), copy=False)


@eqx.filter_jit
def _log_marginal(glmm: GLMM, params: Params, method: AbstractMethod) -> Float[Array, ""]:
    return method.log_likelihood(glmm, params)
