"""Informations taken apart, many at once (a leading axis)."""

from typing import NamedTuple

import numpy as np

from .._tolerances import FLAT, UNKNOWN


class Eigen(NamedTuple):
    """Eigenvalues and vectors of informations scaled to a unit diagonal, and that scale, `1 /
    sqrt(diagonal)`; NaN for one that is not finite."""

    values: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray


def scaled_eigen(information: np.ndarray, unknown: np.ndarray) -> Eigen:
    """Take (members, size, size) informations apart; what is left of that about the parameters
    `unknown` (members, size) is rounding, of either sign, and is not scaled up."""
    diagonal = np.abs(np.diagonal(information, axis1=1, axis2=2))
    scale = 1 / np.sqrt(np.where((diagonal > 0) & ~unknown, diagonal, 1.0))
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = information * scale[:, :, None] * scale[:, None]
    finite = np.all(np.isfinite(scaled), axis=(1, 2))
    values, vectors = np.linalg.eigh(np.where(finite[:, None, None], scaled, 0.0))
    return Eigen(
        np.where(finite[:, None], values, np.nan),
        np.where(finite[:, None, None], vectors, np.nan),
        scale,
    )


def flat_parameters(eigen: Eigen, jacobian: np.ndarray) -> np.ndarray:
    """(members, size) which of the user's parameters move along directions in which the likelihood
    is not curved downwards."""
    moved = (jacobian @ (eigen.scale[:, :, None] * eigen.vectors)) ** 2
    relative = moved / np.maximum(moved.sum(2, keepdims=True), np.finfo(float).tiny)
    return (relative * (eigen.values <= FLAT)[:, None]).sum(2) > 0.1


def without_information(information: np.ndarray, first: int, theta: np.ndarray) -> np.ndarray:
    """(members, size) which of the parameters `theta` (members, k) of the random terms, the first
    of which is number `first` of all, would have a standard error beyond all reason if the others
    were known."""
    found = np.zeros(information.shape[:2], bool)
    own = slice(first, first + theta.shape[1])
    least = np.maximum(np.abs(theta) / 100, UNKNOWN) ** -2.0
    found[:, own] = np.abs(np.diagonal(information, axis1=1, axis2=2)[:, own]) < least
    return found


def covariance_of_estimates(eigen: Eigen, jacobian: np.ndarray, p: int) -> np.ndarray:
    """(members, size, size) `J information^-1 J'` with NaN for parameters that the data do not
    identify.

    The information is in working coordinates, of which the first `p` are fixed effects; `jacobian`
    leads back to the user's. A direction that is flat among the variances alone (two columns of
    `lam` that stand in for each other at a singular fit) leaves the rest of the inverse as it is.
    One that is nearly flat in the fixed effects (separation) is inverted as it stands: a huge
    standard error is its right answer.
    """
    values, vectors, scale = eigen
    of_variances = (np.abs(values) <= FLAT) & ((vectors[:, :p] ** 2).sum(1) < 1e-6)
    flat = of_variances | (values <= np.finfo(float).eps)
    outer = jacobian @ (scale[:, :, None] * vectors)
    inverse = (outer * np.where(flat, 0.0, 1 / np.where(flat, 1.0, values))[:, None]) @ np.swapaxes(
        outer, 1, 2
    )
    relative = outer**2 / np.maximum((outer**2).sum(2, keepdims=True), np.finfo(float).tiny)
    lost = (relative * flat[:, None]).sum(2) > 1e-6
    lost |= ~np.all(values >= -FLAT, axis=1)[:, None]
    return np.where(lost[:, :, None] | lost[:, None], np.nan, inverse)
