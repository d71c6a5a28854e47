"""The marginal likelihood: random effects integrated out, exactly or approximately."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._numbers import as_floating, is_floating
from .._precision import usual_promotion
from .._types import Array
from ..model import GLMM
from ..params import Params, floating_params
from ._aghq import AGHQ as AGHQ
from ._aghq import MAX_NODES as MAX_NODES
from ._conditional import expected_curvature as expected_curvature
from ._conditional import log_base as log_base
from ._conditional import log_base_of_tally as log_base_of_tally
from ._conditional import log_kernel as log_kernel
from ._conditional import observed_curvature as observed_curvature
from ._conditional import score as score
from ._conditional import tally as tally
from ._exact import CrossProducts as CrossProducts
from ._exact import Exact as Exact
from ._exact import ResponseProducts as ResponseProducts
from ._exact import cross_products as cross_products
from ._exact import design_products as design_products
from ._exact import eliminate as eliminate
from ._exact import exact_log_likelihood as exact_log_likelihood
from ._exact import least_squares as least_squares
from ._exact import log_likelihood_at_best_beta as log_likelihood_at_best_beta
from ._exact import response_products as response_products
from ._exact import solve_fixed as solve_fixed
from ._laplace import Laplace as Laplace
from ._method import AbstractIntegral as AbstractIntegral
from ._method import integrated_log_likelihood as integrated_log_likelihood
from ._mode import Mode as Mode
from ._mode import conditional_mode as conditional_mode
from ._mode import factor_at as factor_at
from ._mode import predictor_at as predictor_at

Method = Exact | AbstractIntegral


def log_marginal(glmm: GLMM, params: Params, method: Method) -> Float[Array, ""]:
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
def _log_marginal(glmm: GLMM, params: Params, method: Method) -> Float[Array, ""]:
    if isinstance(method, Exact):
        return exact_log_likelihood(glmm, params, reml=method.reml)
    return integrated_log_likelihood(method, glmm, params)
