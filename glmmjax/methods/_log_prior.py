"""The prior density of a model's parameters."""

import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..linalg import small
from ..model import GLMM, Params, fixed_predictor
from ._conditional import expected_curvature

Scalar = Float[Array, ""]


def log_prior(glmm: GLMM, params: Params, *, jacobian: bool) -> Scalar:
    """The log density of the prior, zero without one: of the parameters on their natural scales, or
    with the `jacobian` of `params` themselves, each mirror image an equal part of it."""
    if glmm.prior is None:
        return jnp.zeros((), params.beta.dtype)
    value, log_jacobian = glmm.prior.log_prob(
        glmm.covariances, glmm.family, params.beta, params.theta, params.phi
    )
    if glmm.prior.firth:
        value = value + _jeffreys(glmm, params)
    return value + log_jacobian if jacobian else value


def _jeffreys(glmm: GLMM, params: Params) -> Scalar:
    """`1/2 log det X'WX` at random effects of zero."""
    (x,) = glmm.x
    w = expected_curvature(glmm, fixed_predictor(glmm, params.beta), params.phi)[0, 0]
    nothing = jnp.diag(glmm.absent.astype(w.dtype))
    information = jnp.tensordot(x * w, x, [(1, 2), (1, 2)]) + nothing
    return 0.5 * small.logdet(information[..., None])[0]
