"""From numbers at the end of a fit to its status, for many fits at once (a leading axis)."""

import numpy as np

from .._status import STATUSES, End, Status
from ._eigen import FLAT, Eigen
from ._ends import Ends
from ._problem import Estimate

_AT_REST = 1.0  # standard errors from a point at which the gradient vanishes

_BROKEN = (Status.NON_FINITE, Status.ITERATION_LIMIT)
_UNBOUNDED = (Status.PERFECT, Status.LATTICE)


def diagnose(estimate: Estimate, eigen: Eigen, ends: Ends, unknown: np.ndarray) -> np.ndarray:
    """(members,) status, as an index into `STATUSES`; `unknown` (members, size) says of which parameters there is no
    information."""
    joined, smallest = ends.joined, eigen.values.min(1, initial=1.0)
    singular, limit, infinite, unbounded, lattice = (
        (joined == end).any(1) for end in (End.SINGULAR, End.LIMIT, End.INFINITE, End.UNBOUNDED, End.LATTICE)
    )
    at_rest = np.asarray(estimate.scaled_gradient) < _AT_REST
    upwards = (smallest < -np.sqrt(np.finfo(float).eps)) & at_rest
    outcomes = [
        (Status.LATTICE, lattice),
        (Status.PERFECT, unbounded),
        (Status.NON_FINITE, ~(np.isfinite(estimate.value) & np.isfinite(estimate.information).all((1, 2)))),
        (Status.SEPARATION, infinite),
        (Status.NOT_IDENTIFIED, upwards | (((smallest < FLAT) | unknown.any(1)) & ~singular & ~limit)),
        (Status.ITERATION_LIMIT, ~np.asarray(estimate.converged)),
        (Status.SINGULAR, singular),
        (Status.LIMIT, limit),
    ]
    codes = [STATUSES.index(status) for status, _ in outcomes]
    return np.select([here for _, here in outcomes], codes, STATUSES.index(Status.CONVERGED)).astype(np.int8)


def told(joined: np.ndarray, flat: np.ndarray, status: np.ndarray) -> np.ndarray:
    """The codes of `Ends.joined` that hold under a status: nothing is known of where a search that broke off would have
    ended, and beside a density without bound nothing else counts. `flat` are those that are not identified."""
    told = np.where(_are(status, Status.NOT_IDENTIFIED)[:, None] & flat, End.FLAT, joined)
    unbounded = _are(status, *_UNBOUNDED)[:, None]
    gone = _are(status, *_BROKEN)[:, None] | (unbounded & ~np.isin(joined, (End.UNBOUNDED, End.LATTICE)))
    return np.where(gone, End.INSIDE, told).astype(np.int8)


def has_likelihood(status: np.ndarray, converged: np.ndarray) -> np.ndarray:
    """(members,) whether there is a log-likelihood to quote: not where it has no upper bound, or the search broke off.
    Under separation it is the one that is approached, and where parameters are not identified that of all points of a
    line, if the Hessian certifies that none nearby is higher."""
    flat = _are(status, Status.NOT_IDENTIFIED) & ~np.asarray(converged)
    return ~(flat | _are(status, *_BROKEN, *_UNBOUNDED))


def _are(status: np.ndarray, *which: Status) -> np.ndarray:
    return np.isin(status, [STATUSES.index(one) for one in which])
