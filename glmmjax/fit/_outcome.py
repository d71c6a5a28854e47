"""What fits end with, in the user's coordinates: NumPy arrays with a leading axis of members (one
for a single fit)."""

import itertools
from typing import NamedTuple

import jax
import numpy as np

from ..marginal import Exact, Method
from ..model import places
from ..working import Working
from ._diagnose import diagnose, has_likelihood, told
from ._eigen import covariance_of_estimates, flat_parameters, scaled_eigen, without_information
from ._ends import ends_of, without_residual, zero_of
from ._maxima import Ended
from ._problem import Effects, Estimate


class Outcome(NamedTuple):
    """Numbers of `members` fits; `Solution` describes them.

    `status` is an index into `STATUSES`; `dispersion` is (members, parameters); `ends` (members,
    coefficients + random terms + parameters of the family) are codes of `End`.
    """

    beta: np.ndarray
    theta: tuple[np.ndarray, ...]
    phi: np.ndarray
    loglik: np.ndarray
    vcov: np.ndarray
    covariance: tuple[np.ndarray, ...]
    dispersion: np.ndarray
    gradient: np.ndarray
    scaled_gradient: np.ndarray
    evaluations: np.ndarray
    status: np.ndarray
    ends: np.ndarray


def diagnosed(
    working: Working, found: Estimate, effects: Effects | None, size: np.ndarray
) -> Ended:
    """Diagnose estimates (NumPy, leading axis of members).

    Arrays of `working` may have the axis too; `size` (members,) is the size of each response, as in
    `Traits.spread`.
    """
    wide = _in_float64(found)
    information = np.asarray(wide.information)
    theta = np.concatenate([np.zeros((len(information), 0)), *wide.params.theta], 1)
    unknown = without_information(information, wide.params.beta.shape[-1], theta)
    eigen = scaled_eigen(information, unknown)
    joined = ends_of(working, wide, eigen, size, zero_of(found)).joined
    vanished = (
        without_residual(wide)
        if working.glmm.family.traits.has_residual
        else np.zeros(len(joined), bool)
    )
    status = diagnose(wide, eigen, joined, unknown, vanished)

    def flat() -> np.ndarray:
        return _by_end(working, unknown | flat_parameters(eigen, working.jacobian))

    return Ended(found, effects, eigen, status, told(joined, status, flat))


def outcome_of(method: Method, working: Working, ended: Ended) -> Outcome:
    """Bring what searches ended with back from working coordinates."""
    restricted = isinstance(method, Exact) and method.reml
    found = _in_float64(ended.estimate)
    params, members = working.back(found.params), len(found.value)
    outcome = Outcome(
        beta=np.asarray(params.beta),
        theta=tuple(np.asarray(theta) for theta in params.theta),
        phi=np.asarray(params.phi),
        loglik=np.asarray(found.value) + (working.log_volume if restricted else 0.0),
        vcov=covariance_of_estimates(ended.eigen, working.jacobian, params.beta.shape[-1]),
        covariance=_covariances(working, found),
        dispersion=np.stack(found.dispersion, 1) if found.dispersion else np.zeros((members, 0)),
        gradient=np.asarray(found.gradient),
        scaled_gradient=np.asarray(found.scaled_gradient),
        evaluations=np.asarray(found.evaluations),
        status=ended.status,
        ends=ended.ends,
    )
    outcome = _of_quasi_likelihood(outcome) if working.glmm.family.traits.is_quasi else outcome
    return _without_likelihood(outcome, ~has_likelihood(ended.status, np.asarray(found.converged)))


def _by_end(working: Working, flat: np.ndarray) -> np.ndarray:
    """(members, ends) what (members, size) says of parameters; of a term if it says so of one of
    its parameters."""
    p = working.beta_back.shape[-1]
    bounds = np.cumsum([p, *(covariance.size for covariance in working.glmm.covariances)])
    terms = [
        flat[:, first:last].any(1, keepdims=True) for first, last in itertools.pairwise(bounds)
    ]
    return np.concatenate([flat[:, :p], *terms, flat[:, bounds[-1] :]], 1)


def _without_likelihood(outcome: Outcome, members: np.ndarray) -> Outcome:
    """The outcome in which `members` have no log-likelihood and no standard errors."""
    if not members.any():
        return outcome
    return outcome._replace(
        loglik=np.where(members, np.nan, outcome.loglik),
        vcov=np.where(members[:, None, None], np.nan, outcome.vcov),
    )


def _of_quasi_likelihood(outcome: Outcome) -> Outcome:
    """What was maximised is no log-likelihood, and standard errors of the fixed effects are
    multiplied by the square root of the scale (McCullagh and Nelder 1989, chapter 9), their
    correlations with all estimates being kept."""
    factor = np.ones(outcome.vcov.shape[:2])
    factor[:, : outcome.beta.shape[1]] = np.sqrt(outcome.dispersion)
    return outcome._replace(
        loglik=np.full_like(outcome.loglik, np.nan),
        vcov=factor[:, :, None] * outcome.vcov * factor[:, None],
    )


def _covariances(working: Working, found: Estimate) -> tuple[np.ndarray, ...]:
    """The (members, q, q) covariance of the random effects of each term."""
    scale, covariances = np.asarray(found.scale)[:, None, None], []
    for lam, place in zip(found.lam, places(working.glmm), strict=True):
        back = working.effects_back[place.factor][..., place.columns, place.columns]
        own = scale * (back @ np.asarray(lam))
        covariances.append(own @ np.swapaxes(own, 1, 2))
    return tuple(covariances)


def _in_float64(found: Estimate) -> Estimate:
    if found.value.dtype == np.float64:
        return found
    return jax.tree.map(
        lambda leaf: leaf.astype(np.float64) if leaf.dtype.kind == "f" else leaf, found
    )
