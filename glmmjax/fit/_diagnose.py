"""From the Hessian at the end of a fit to standard errors and a status, for many fits at once (a leading axis)."""

from typing import NamedTuple

import numpy as np

from .._status import STATUSES, Status
from .._types import Array
from ..model import GLMM
from ._problem import Estimate

SINGULAR = 1e-4  # of a diagonal of the relative factor, on the scale of z (lme4's `isSingular`), or of a dispersion
IN_FLOAT32 = 100.0  # times that, because single precision ends farther from zero
FLAT = 1e-9  # eigenvalue of the information scaled to a unit diagonal
HUGE = 50.0  # standard error of a linear predictor under separation (link scale)
PERFECT = 1e-7  # residual standard deviation over that of the response


class Eigen(NamedTuple):
    """Eigenvalues and vectors of informations scaled to a unit diagonal, and that scale, `1 / sqrt(diagonal)`; NaN for
    one that is not finite."""

    values: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray


def covariance_of_estimates(eigen: Eigen, jacobian: np.ndarray, p: int) -> np.ndarray:
    """(members, size, size) `J information^-1 J'` with NaN for parameters that the data do not identify.

    The information is in working coordinates, of which the first `p` are fixed effects; `jacobian` leads back to the
    user's. A direction that is flat among the variances alone (two columns of `lam` that stand in for each other at a
    singular fit) leaves the rest of the inverse as it is. One that is nearly flat in the fixed effects (separation) is
    inverted as it stands: a huge standard error is its right answer.
    """
    values, vectors, scale = eigen
    of_variances = (np.abs(values) <= FLAT) & ((vectors[:, :p] ** 2).sum(1) < 1e-6)
    flat = of_variances | (values <= np.finfo(float).eps)
    outer = jacobian @ (scale[:, :, None] * vectors)
    inverse = (outer * np.where(flat, 0.0, 1 / np.where(flat, 1.0, values))[:, None]) @ np.swapaxes(outer, 1, 2)
    relative = outer**2 / np.maximum((outer**2).sum(2, keepdims=True), np.finfo(float).tiny)
    lost = (relative * flat[:, None]).sum(2) > 1e-6
    lost |= ~np.all(values >= -FLAT, axis=1)[:, None]
    return np.where(lost[:, :, None] | lost[:, None], np.nan, inverse)


def scaled_eigen(information: np.ndarray) -> Eigen:
    """Take (members, size, size) informations apart."""
    diagonal = np.abs(np.diagonal(information, axis1=1, axis2=2))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = information * scale[:, :, None] * scale[:, None]
    finite = np.all(np.isfinite(scaled), axis=(1, 2))
    values, vectors = np.linalg.eigh(np.where(finite[:, None, None], scaled, 0.0))
    return Eigen(np.where(finite[:, None], values, np.nan), np.where(finite[:, None, None], vectors, np.nan), scale)


def zero_of(estimate: Estimate) -> float:
    """What counts as a variance parameter of zero, by the precision of the search."""
    return SINGULAR * (IN_FLOAT32 if estimate.value.dtype == np.float32 else 1.0)


def is_singular(lam: Array, zero: float) -> np.ndarray:
    """(members,) whether a diagonal of a relative factor is zero; columns of z have mean square one."""
    return np.any(np.abs(np.diagonal(np.asarray(lam), axis1=1, axis2=2)) < zero, axis=1)


def diagnose(glmm: GLMM, estimate: Estimate, eigen: Eigen, y_sd: np.ndarray, zero: float) -> np.ndarray:
    """(members,) status, as an index into `STATUSES`.

    `glmm` and `estimate` are in working coordinates; arrays of `glmm` may have a leading axis of members. `y_sd` is the
    standard deviation of each response, `zero` what counts as a variance parameter of zero (`zero_of`).
    """
    information, traits, values = np.asarray(estimate.information), glmm.family.traits, eigen.values
    smallest = values.min(1, initial=1.0)
    none = np.zeros(len(values), bool)
    singular = none.copy()
    for lam in estimate.lam:
        singular |= is_singular(lam, zero)
    unbounded = smallest < -np.sqrt(np.finfo(float).eps)
    half = eigen.scale[:, :, None] * eigen.vectors / np.sqrt(np.maximum(values, np.finfo(float).eps))[:, None]
    some, every = _runaway(glmm, half) if traits.can_separate else (none[None], none[None])
    # A linear predictor beside the mean's that runs off as a whole (no extra zeros, no extra variance), or a parameter
    # of the family's own (the threshold of a category that does not occur).
    limit = every[1:].any(0)
    if traits.can_separate and glmm.family.dispersion_names:
        limit |= ((half[:, -len(glmm.family.dispersion_names) :] ** 2).sum(2) > HUGE**2).any(1)
    if traits.limit is not None:
        limit |= np.abs(estimate.params.phi[:, traits.limit]) < zero
    outcomes = [
        (Status.NON_FINITE, ~(np.isfinite(estimate.value) & np.isfinite(information).all((1, 2)))),
        (Status.PERFECT, estimate.dispersion[0] < PERFECT * y_sd if traits.has_residual else none),
        (Status.SEPARATION, some[0] | (some[1:] & ~every[1:]).any(0)),
        (Status.NOT_IDENTIFIED, unbounded | ((smallest < FLAT) & ~singular & ~limit)),
        (Status.ITERATION_LIMIT, ~estimate.converged),
        (Status.SINGULAR, singular),
        (Status.LIMIT, limit),
    ]
    codes = [STATUSES.index(status) for status, _ in outcomes]
    return np.select([here for _, here in outcomes], codes, STATUSES.index(Status.CONVERGED)).astype(np.int8)


def _runaway(glmm: GLMM, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(predictors, members) whether some row's linear predictor, and whether every row's, has a standard error that
    only an estimate at infinity has; `half half'` is the covariance of the estimates."""
    (some, every), first = np.zeros((2, len(glmm.x), len(half)), bool), 0
    for number, x in enumerate(glmm.x):
        p = x.shape[-3]
        own = half[:, first : first + p]
        # No row's variance exceeds its squared length times the sum of the squares of `half`.
        longest = (np.asarray(x) ** 2 * (glmm.weights > 0)[..., None, :, :]).sum(-3).max((-1, -2))
        for member in np.flatnonzero(longest * (own**2).sum((1, 2)) > HUGE**2):
            weights = glmm.weights[member] if glmm.weights.ndim == 3 else glmm.weights
            rows = (x[member] if x.ndim == 4 else x)[:, weights > 0]
            variances = ((rows.T @ own[member]) ** 2).sum(1)
            some[number, member], every[number, member] = variances.max() > HUGE**2, variances.min() > HUGE**2
        first += p
    return some, every
