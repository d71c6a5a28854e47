"""Other maxima: a likelihood can have one where a variance is zero, and another where it is not.

A search finds one of them. Where it ended at a singular fit another one begins inside, and where a
variance is only weakly determined another one begins where it is zero, which is a subspace that no
gradient leads out of. The best of these ends is kept. Most fits are neither, and cost nothing more.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

from .._status import OK, End
from .._types import Array
from ..covariances import Placed
from ..methods import ROUNDS, Estimate, Start, start_at
from ..model import GLMM, Params, Place, Working
from ._eigen import Eigen

# Standard errors from zero within which the end of a variance may be on the wrong side of a dip
WEAK = 2.0


class Ended(NamedTuple):
    """What searches ended with: NumPy arrays with a leading axis of members.

    Attributes:
        estimate: the numbers.
        eigen: of the informations.
        status: indices into `STATUSES`.
        ends: (members, ...) codes of `End`, as in `Outcome`.
    """

    estimate: Estimate
    eigen: Eigen
    status: np.ndarray
    ends: np.ndarray


class Attempt(NamedTuple):
    """Members (by number) that deserve another search, and where it begins: a leading axis of
    these."""

    members: np.ndarray
    start: Start


SearchAgain = Callable[[np.ndarray, Start], Ended]


def best_maximum(working: Working, first: Ended, search: SearchAgain) -> Ended:
    """The best of the maxima that can be found from `first`, with the evaluations that all of them
    took.

    The arrays of `working` may have a leading axis of members.
    """
    best = first
    for members, start in attempts(working, first):
        best = _better(best, members, search(members, start))
    return best


def _better(best: Ended, members: np.ndarray, other: Ended) -> Ended:
    """The better end of each member; one that is better only by rounding is not."""
    value, was = other.estimate.value, best.estimate.value[members]
    close = np.sqrt(np.finfo(value.dtype).eps) * np.maximum(1.0, np.abs(was))
    better = OK[other.status] & (value > was + close)

    def put(all_: np.ndarray, some: np.ndarray) -> np.ndarray:
        all_ = np.array(all_)
        all_[members[better]] = some[better]
        return all_

    evaluations = np.array(best.estimate.evaluations)
    evaluations[members] += other.estimate.evaluations
    best = jax.tree.map(put, best, other)
    return best._replace(estimate=best.estimate._replace(evaluations=evaluations))


def attempts(working: Working, first: Ended) -> Iterator[Attempt]:
    """Where each search for another maximum begins, a term or a variance at a time."""
    found, ok, errors = first.estimate, OK[first.status], _standard_errors(first.eigen)
    position = found.params.beta.shape[1]
    at_zero = first.ends[:, position : position + len(found.lam)] == End.SINGULAR
    for k, (covariance, lam, place) in enumerate(
        zip(working.glmm.covariances, found.lam, working.places, strict=True)
    ):
        theta, singular = found.params.theta[k], at_zero[:, k]
        if (ok & singular).any():
            sd = np.sqrt(
                (np.where(ok[:, None, None], lam, 0.0) ** 2).sum(-1)
            )  # what failed may be huge
            inside = covariance.start(np.maximum(sd, _unit(working.glmm, found, place)[:, None]))
            yield from _attempt(found, k, ok & singular, inside)
            if isinstance(covariance, Placed) and covariance.has_range:
                yield from _attempt(found, k, ok & singular, covariance.nearer(inside))
        for scale in covariance.scales:
            weak = np.abs(theta[:, scale]) < WEAK * errors[:, position + scale]
            without = np.array(theta)
            without[:, scale] = 0.0
            # Where that is a saddle, the way from it leads back.
            yield from _attempt(found, k, ok & ~singular & weak, without, rounds=1)
        position += covariance.size


def _attempt(
    found: Estimate, k: int, wanted: np.ndarray, theta: Array, *, rounds: int = ROUNDS
) -> Iterator[Attempt]:
    """The `wanted` members again, from `theta` of term `k` and their other estimates; nothing if
    there are none."""
    members = np.flatnonzero(wanted)
    if len(members):
        params = found.params
        params = Params(params.beta, (*params.theta[:k], theta, *params.theta[k + 1 :]), params.phi)
        yield Attempt(members, start_at(jax.tree.map(lambda leaf: leaf[members], params), rounds))


def _standard_errors(eigen: Eigen) -> np.ndarray:
    """(members, size) of all parameters; infinite where the information is not positive."""
    values = eigen.values[:, None]
    terms = np.divide(
        eigen.vectors**2, values, out=np.full_like(eigen.vectors, np.inf), where=values > 0
    )
    with np.errstate(invalid="ignore"):  # of what failed
        return eigen.scale * np.sqrt(terms.sum(2))


def _unit(glmm: GLMM, found: Estimate, place: Place) -> np.ndarray:
    """(members,) the relative standard deviation of random effects, about the sum of which one row
    has information one: large, on whatever scale the linear predictor is.

    Columns have mean square one, so the information of all rows about a fixed effect is their sum,
    unless the column is constant in every group; that is smaller.
    """
    predictor = glmm.structure.factors[place.factor].predictor_of[place.columns.start]
    first, last = np.cumsum([0, *(x.shape[-3] for x in glmm.x)])[predictor : predictor + 2]
    most = np.diagonal(found.information, axis1=1, axis2=2)[:, first:last].max(1, initial=0.0)
    rows = (glmm.weights > 0).sum((-1, -2))
    count = place.columns.stop - place.columns.start
    unit = np.sqrt(rows / np.where(most > 0, most, 1.0)) / found.scale
    return np.where(most > 0, unit, 1.0) / np.sqrt(count)
