"""From the Hessian at the end of a fit to standard errors and a status."""

import numpy as np

from .._status import Status
from ..model import GLMM
from ._estimate import Estimate

SINGULAR = 1e-4  # of a diagonal of the relative factor, on the scale of z: lme4's `isSingular`
FLAT = 1e-9  # eigenvalue of the information scaled to a unit diagonal
HUGE = 50.0  # standard error of a linear predictor under separation (link scale)
PERFECT = 1e-7  # residual standard deviation over that of the response


def covariance_of_estimates(information: np.ndarray, jacobian: np.ndarray, p: int) -> np.ndarray:
    """`J information^-1 J'` with NaN for parameters that the data do not identify.

    `information` belongs to working coordinates, of which the first `p` are fixed effects; `jacobian` leads back to the
    user's. A direction that is flat among the variances alone (two columns of `lam` that stand in for each other at a
    singular fit) leaves the rest of the inverse as it is. One that is nearly flat in the fixed effects (separation) is
    inverted as it stands: a huge standard error is its right answer.
    """
    if not np.isfinite(information).all():
        return np.full_like(information, np.nan)
    values, vectors, scale = scaled_eigen(information)
    if (values < -FLAT).any():
        return np.full_like(information, np.nan)
    of_variances = (np.abs(values) <= FLAT) & ((vectors[:p] ** 2).sum(0) < 1e-6)
    flat = of_variances | (values <= np.finfo(float).eps)
    outer = jacobian @ (scale[:, None] * vectors)
    inverse = (outer[:, ~flat] / values[~flat]) @ outer[:, ~flat].T
    relative = outer[:, flat] ** 2 / np.maximum((outer**2).sum(1, keepdims=True), np.finfo(float).tiny)
    lost = relative.sum(1) > 1e-6
    inverse[lost, :] = np.nan
    inverse[:, lost] = np.nan
    return inverse


def scaled_eigen(information: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues and vectors of the matrix scaled to a unit diagonal, and the scale `1 / sqrt(diagonal)`."""
    diagonal = np.abs(np.diag(information))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
    return values, vectors, scale


def diagnose(glmm: GLMM, estimate: Estimate) -> Status:
    """The status of a fit from its `Estimate` in working coordinates (NumPy)."""
    information, lam = np.asarray(estimate.information), np.asarray(estimate.lam)
    if not (np.isfinite(estimate.value) and np.isfinite(information).all()):
        return Status.NON_FINITE
    if _is_perfect(glmm, estimate.dispersion):
        return Status.PERFECT
    if _is_separated(glmm, information):
        return Status.SEPARATION
    smallest = scaled_eigen(information)[0].min(initial=1.0)
    singular = bool((np.abs(np.diag(lam)) < SINGULAR).any())  # working columns of z have mean square one
    if smallest < -np.sqrt(np.finfo(float).eps) or (smallest < FLAT and not singular):
        return Status.NOT_IDENTIFIED
    if not estimate.converged:
        return Status.ITERATION_LIMIT
    return Status.SINGULAR if singular else Status.CONVERGED


def _is_perfect(glmm: GLMM, dispersion) -> bool:
    """Whether a gaussian model leaves no residual, so that its likelihood has no maximum."""
    if not glmm.family.traits.has_residual:
        return False
    y = np.asarray(glmm.y)[np.asarray(glmm.weights) > 0]
    return bool(dispersion[0] < PERFECT * y.std())


def _is_separated(glmm: GLMM, information: np.ndarray) -> bool:
    """Whether some linear predictor has a standard error that only an estimate at infinity has."""
    if not glmm.family.traits.can_separate or not glmm.p:
        return False
    values, vectors, scale = scaled_eigen(information)
    half = scale[:, None] * vectors / np.sqrt(np.maximum(values, np.finfo(float).eps))
    first = 0
    for x in glmm.x:
        rows = x[:, glmm.weights > 0]
        if (((rows.T @ half[first : first + len(x)]) ** 2).sum(1) > HUGE**2).any():
            return True
        first += len(x)
    return False
