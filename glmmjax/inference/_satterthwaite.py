"""Satterthwaite's degrees of freedom: how well the covariance of the fixed effects is known."""

from typing import NamedTuple

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
from ._surface import Surface, surfaces

_AT_ONCE = 4096
_SHIFT = 3e-3  # standard errors, of differences of gradients


class Uncertain(NamedTuple):
    """The covariance of the fixed effects as a function of the variance parameters (theta, phi).

    Attributes:
        covariance: at the estimates.
        slopes: derivatives by the variance parameters.
        of_variances: covariance of these.
    """

    covariance: Float[np.ndarray, "members p p"]
    slopes: Float[np.ndarray, "members m p p"]
    of_variances: Float[np.ndarray, "members m m"]


def uncertain(fits: Fits) -> Uncertain:
    """Of all members, NaN for those that failed or identify no variances.

    For a linear model the covariance is `sigma^2 (X'V^-1X)^-1` and its derivative exact (Kuznetsova
    et al. 2017). For others it is the inverse of minus the second derivative of the log-likelihood
    by beta, at the best beta for the variances: its derivative is a third one, from differences of
    gradients, along the path of the best beta. One program for all members.
    """
    p, size = fits.reported.beta.shape[1], fits.outcome.vcov.shape[-1]
    m = size - p
    found = Uncertain(
        np.full((len(fits), p, p), np.nan),
        np.full((len(fits), m, p, p), np.nan),
        fits.reported.vcov[:, p:, p:],
    )
    if fits.method.covariance_of_fixed is None:
        for surface in surfaces(fits):
            _by_differences(fits, surface, found)
        return found
    known = np.asarray(np.isfinite(found.of_variances).all((1, 2)))
    for bucket in fits.members.buckets():
        good = bucket[known[bucket]]
        for first in range(0, len(good), _AT_ONCE):
            _exactly(fits, good[first : first + _AT_ONCE], bucket, found)
    return found


def _exactly(fits: Fits, numbers: np.ndarray, bucket: np.ndarray, found: Uncertain) -> None:
    # The last is repeated up to a round number, so that few programs serve all batches.
    padded = numbers[np.minimum(np.arange(round_up(len(numbers))), len(numbers) - 1)]
    loaded, outcome = fits.members.load(padded, bucket), fits.outcome.of(padded)
    working, (own, shared) = loaded.working, eqx.partition(loaded.working.glmm, loaded.own)
    params, p = working.forth(outcome.params), outcome.beta.shape[1]
    back = np.broadcast_to(working.beta_back, (len(padded), p, p))
    with own_settings():
        covariance, slopes = jax.tree.map(
            np.asarray, _covariances(fits.method, own, shared, params, back)
        )
    # By the user's parameters, whose covariance `vcov` is
    jacobian = np.broadcast_to(working.jacobian, outcome.vcov.shape)[:, p:, p:]
    flat = slopes.reshape(len(padded), p * p, slopes.shape[-1])
    flat = np.linalg.solve(np.swapaxes(jacobian, 1, 2), np.swapaxes(flat, 1, 2))
    found.covariance[numbers] = covariance[: len(numbers)]
    found.slopes[numbers] = flat.reshape(len(padded), slopes.shape[-1], p, p)[: len(numbers)]


@Program
def _covariances(
    method: AbstractMethod,
    own: GLMM,
    shared: GLMM,
    params: Params,
    back: Float[Array, "members p p"],
) -> tuple[Float[Array, "members p p"], Float[Array, "members p p m"]]:
    """The covariance of `back beta` of each member, and its derivatives by (theta, log sigma)."""
    of_fixed = method.covariance_of_fixed
    assert of_fixed is not None

    def one(member):
        own, params, back = member
        glmm = eqx.combine(own, shared)

        def covariance(moving):
            return back @ of_fixed(glmm, Params(params.beta, *moving)) @ back.T

        at = (params.theta, params.phi)
        slopes = jnp.concatenate(jax.tree.leaves(jax.jacfwd(covariance)(at)), 2)
        return covariance(at), slopes

    return jax.lax.map(one, (own, params, back))


def _by_differences(fits: Fits, surface: Surface, found: Uncertain) -> None:
    """With `x(t)` the path of the best beta, `d/dt` of the Hessian by beta from gradients at `x +-
    h e_a +- h dx/dt`."""
    numbers, outcome = surface.numbers, fits.outcome.of(surface.numbers)
    best = np.concatenate([outcome.beta, *outcome.theta, outcome.phi], 1)
    p, size = outcome.beta.shape[1], best.shape[1]
    known = np.flatnonzero(np.isfinite(outcome.vcov).all((1, 2)))
    if not len(known):
        return
    information = np.linalg.inv(outcome.vcov[known])
    covariance = np.linalg.inv(information[:, :p, :p])
    errors = np.sqrt(np.diagonal(outcome.vcov[known], axis1=1, axis2=2))
    path = np.zeros((len(known), size - p, size))
    path[:, :, p:] = np.eye(size - p)
    path[:, :, :p] = -np.swapaxes(covariance @ information[:, :p, p:], 1, 2)
    path *= errors[:, p:, None]
    steps = errors[:, :p, None] * np.eye(p, size)
    signs = np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]]) * _SHIFT
    moves = (
        signs[:, :1, None, None] * steps[:, None, None]
        + signs[:, 1:, None, None] * path[:, None, :, None]
    )
    points = (best[known][:, None, None, None] + moves).reshape(-1, size)
    members = np.repeat(known, len(points) // len(known))
    slopes = surface.at(members, points).gradient[:, :p]
    slopes = slopes.reshape(len(known), len(signs), size - p, p, p)
    third = -(slopes[:, 0] - slopes[:, 1] - slopes[:, 2] + slopes[:, 3]) / (4 * _SHIFT**2)
    third /= errors[:, p:, None, None] * errors[:, None, :p, None]
    third = (third + np.swapaxes(third, 2, 3)) / 2
    inverse = covariance[:, None]
    found.covariance[numbers[known]] = covariance
    found.slopes[numbers[known]] = -inverse @ third @ inverse
