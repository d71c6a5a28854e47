"""Satterthwaite's degrees of freedom for the fixed effects of linear mixed models."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..fit import Fits
from ..methods import AbstractMethod
from ..model import GLMM, Params
from ..structure import round_up

_AT_ONCE = 4096


def satterthwaite_df(fits: Fits) -> Float[np.ndarray, "members p"]:
    """Degrees of freedom `2 v^2 / var(v)`, `v` the variance of a coefficient, by a method that has
    a `covariance_of_fixed`.

    `v` is a function of (theta, log sigma), the diagonal of that; the covariance of these
    comes from the Hessian of the criterion that was maximised (Kuznetsova et al. 2017), and the
    derivative of `v` is exact. NaN where that covariance is, and for members that failed. One
    program for all members.
    """
    df = np.full_like(fits.reported.beta, np.nan)
    p = df.shape[1]
    known = np.asarray(np.isfinite(fits.reported.vcov[:, p:, p:]).all((1, 2)))
    for bucket in fits.members.buckets():
        good = bucket[known[bucket]]
        for first in range(0, len(good), _AT_ONCE):
            numbers = good[first : first + _AT_ONCE]
            # The last is repeated up to a round number, so that few programs serve all batches.
            padded = numbers[np.minimum(np.arange(round_up(len(numbers))), len(numbers) - 1)]
            df[numbers] = _of_some(fits, padded, bucket)[: len(numbers)]
    return df


def _of_some(fits: Fits, numbers: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    loaded, found = fits.members.load(numbers, bucket), fits.outcome.of(numbers)
    working, (own, shared) = loaded.working, eqx.partition(loaded.working.glmm, loaded.own)
    params = working.forth(found.params)
    p, members = params.beta.shape[-1], len(numbers)
    back = np.broadcast_to(working.beta_back, (members, p, p))
    with own_settings():
        variance, slope = jax.tree.map(
            np.asarray, _variances(fits.method, own, shared, params, back)
        )
    # By the user's parameters, whose covariance `vcov` is
    jacobian = np.broadcast_to(working.jacobian, found.vcov.shape)[:, p:, p:]
    slope = np.swapaxes(
        np.linalg.solve(np.swapaxes(jacobian, 1, 2), np.swapaxes(slope, 1, 2)), 1, 2
    )
    of_variance = np.einsum("npa,nab,npb->np", slope, found.vcov[:, p:, p:], slope)
    return 2 * variance**2 / of_variance


@Program
def _variances(
    method: AbstractMethod,
    own: GLMM,
    shared: GLMM,
    params: Params,
    back: Float[Array, "members p p"],
):
    """Variances of `back beta` of each member, and their derivatives by (theta, log sigma)."""
    covariance = method.covariance_of_fixed
    assert covariance is not None

    def one(member):
        own, params, back = member
        glmm = eqx.combine(own, shared)

        def variance(moving):
            at = Params(params.beta, *moving)
            return jnp.diagonal(back @ covariance(glmm, at) @ back.T)

        at = (params.theta, params.phi)
        slope = jnp.concatenate(jax.tree.leaves(jax.jacfwd(variance)(at)), 1)
        return variance(at), slope

    return jax.lax.map(one, (own, params, back))
