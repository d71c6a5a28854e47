"""From numbers at the end of a fit to its status, for many fits at once (a leading axis)."""

from collections.abc import Callable

import numpy as np

from .._status import OK, STATUSES, End, Status
from .._tolerances import FLAT
from ..methods import Estimate
from ._eigen import Eigen

_AT_REST = 1.0  # standard errors from a point at which the gradient vanishes


def _table(*which: Status) -> np.ndarray:
    """Whether each of `STATUSES` is one of these."""
    return np.array([status in which for status in STATUSES])


_CODES = {status: code for code, status in enumerate(STATUSES)}
_ENDS = np.array([End.SINGULAR, End.LIMIT, End.INFINITE, End.UNBOUNDED, End.LATTICE], np.int8)
_ENDS = _ENDS[:, None, None]
_BROKEN = _table(Status.NON_FINITE, Status.ITERATION_LIMIT)
_UNBOUNDED = _table(Status.PERFECT, Status.LATTICE)
_FLAT = _table(Status.NOT_IDENTIFIED)


def diagnose(
    estimate: Estimate, eigen: Eigen, joined: np.ndarray, unknown: np.ndarray, vanished: np.ndarray
) -> np.ndarray:
    """(members,) status, as an index into `STATUSES`.

    With `I` the information scaled to a unit diagonal and `g` the scaled gradient, a maximum is
    certified where `g' I^-1 g` and all eigenvalues of `I` say so: `smallest < -sqrt(eps)` at rest
    is a saddle, `|smallest| < FLAT` a line along which nothing changes. A flat direction is what a
    variance at zero or a family at its limit leads to, so these explain it; what has no bound
    explains everything else.

    `joined` are the codes of `Ends.joined`; `unknown` (members, size) says of which parameters
    there is no information, `vanished` whether the residuals are gone.
    """
    smallest = eigen.values.min(1, initial=1.0)
    singular, limit, infinite, unbounded, lattice = (joined == _ENDS).any(2)
    at_rest = np.asarray(estimate.scaled_gradient) < _AT_REST
    upwards = (smallest < -np.sqrt(np.finfo(float).eps)) & at_rest
    outcomes = [  # what stands below counts for more
        (Status.LIMIT, limit),
        (Status.SINGULAR, singular),
        (Status.ITERATION_LIMIT, ~np.asarray(estimate.converged) & ~vanished),
        (
            Status.NOT_IDENTIFIED,
            upwards | (((smallest < FLAT) | unknown.any(1)) & ~singular & ~limit),
        ),
        (Status.SEPARATION, infinite),
        (
            Status.NON_FINITE,
            ~(np.isfinite(estimate.value) & np.isfinite(estimate.information).all((1, 2))),
        ),
        (Status.PERFECT, unbounded),
        (Status.LATTICE, lattice),
    ]
    found = np.full(len(joined), _CODES[Status.CONVERGED], np.int8)
    for status, here in outcomes:
        found[here] = _CODES[status]
    return found


def told(joined: np.ndarray, status: np.ndarray, flat: Callable[[], np.ndarray]) -> np.ndarray:
    """The codes of `Ends.joined` that hold under a status: nothing is known of where a search that
    broke off would have ended, and beside a density without bound nothing else counts. `flat` gives
    those that are not identified."""
    if OK[status].all():
        return joined
    told = np.where(_FLAT[status][:, None] & flat(), End.FLAT, joined)
    is_bound = (joined != End.UNBOUNDED) & (joined != End.LATTICE)
    gone = _BROKEN[status][:, None] | (_UNBOUNDED[status][:, None] & is_bound)
    return np.where(gone, End.INSIDE, told).astype(np.int8)


def has_likelihood(status: np.ndarray, converged: np.ndarray) -> np.ndarray:
    """(members,) whether there is a log-likelihood to quote: not where it has no upper bound, or
    the search broke off. Under separation it is the one that is approached, and where parameters
    are not identified that of all points of a line, if the Hessian certifies that none nearby is
    higher."""
    return ~((_FLAT[status] & ~np.asarray(converged)) | _BROKEN[status] | _UNBOUNDED[status])
