"""The marginal likelihood: random effects integrated out, exactly or approximately."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._types import Array
from ..model import GLMM
from ..params import Params
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

    `jax.jit`, `grad`, `hessian` and `vmap` apply, in the precision of their caller. NaN where the conditional mode was
    not found or `params` are outside the range of the link. Raises `ModelError` for a quasi-likelihood.
    """
    if glmm.family.traits.is_quasi:
        raise ModelError(f"{glmm.family.name} has no likelihood, only estimates and standard errors: fit the model.")
    glmm, params = jax.tree.map(_in_the_callers_precision, (glmm, params))
    return _log_marginal(glmm, params, method)


def _in_the_callers_precision(leaf: Array) -> Array:
    """NumPy's float64 as JAX is configured: closed over by an outer `jit` it would stay float64."""
    if not isinstance(leaf, np.ndarray):
        return leaf
    return leaf.astype(jax.dtypes.canonicalize_dtype(leaf.dtype), copy=False)


@eqx.filter_jit
def _log_marginal(glmm: GLMM, params: Params, method: Method) -> Float[Array, ""]:
    if isinstance(method, Exact):
        return exact_log_likelihood(glmm, params, reml=method.reml)
    return integrated_log_likelihood(method, glmm, params)
