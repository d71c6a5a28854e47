"""Satterthwaite's degrees of freedom for the fixed effects of a linear mixed model."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._precision import own_settings
from .._types import Array
from ..fit import Solution
from ..marginal import cross_products, eliminate
from ..model import GLMM, relative_factor
from ..params import Params


def satterthwaite_df(solution: Solution) -> np.ndarray:
    """(p,) degrees of freedom `2 v^2 / var(v)`, `v` the variance of a coefficient.

    `v = [sigma^2 (X'V^-1X)^-1]_jj` as a function of (theta, log sigma), whose covariance comes from
    the Hessian of the criterion that was maximised (Kuznetsova et al. 2017); the derivative of `v`
    is exact. NaN where that covariance is.
    """
    p = solution.p
    with own_settings():
        variance, slope = variance_and_slope(solution.model.glmm, solution.params, np.eye(p))
    return degrees_of_freedom(np.asarray(variance), np.asarray(slope), solution.vcov[p:, p:])


def degrees_of_freedom(variance: np.ndarray, slope: np.ndarray, vcov: np.ndarray) -> np.ndarray:
    """(..., p) `2 v^2 / (slope' vcov slope)`; leading axes are members."""
    return 2 * variance**2 / np.einsum("...pa,...ab,...pb->...p", slope, vcov, slope)


@eqx.filter_jit
def variance_and_slope(
    glmm: GLMM, params: Params, back: Float[Array, "p p"]
) -> tuple[Float[Array, " p"], Float[Array, "p m"]]:
    """Variances of `back beta`, and their derivatives by (theta, log sigma)."""
    cross = cross_products(glmm)

    def variance(moving):
        theta, phi = moving
        eliminated = eliminate(cross, glmm.structure, relative_factor(glmm, theta))
        return jnp.exp(2 * phi[0]) * jnp.diagonal(back @ jnp.linalg.inv(eliminated.xx) @ back.T)

    at = (params.theta, params.phi)
    return variance(at), jnp.concatenate(jax.tree.leaves(jax.jacfwd(variance)(at)), 1)
