"""Where the parameters of fits went: codes of `End` for many fits at once (a leading axis of
members)."""

import itertools
from typing import NamedTuple

import numpy as np

from .._status import End
from .._types import Array
from ..families import predictor_names
from ..methods import Estimate
from ..model import GLMM, Working
from ._eigen import Eigen

# Of a diagonal of the relative factor, on the scale of z (lme4's `isSingular`), or of a dispersion
SINGULAR = 1e-4
IN_FLOAT32 = 100.0  # times that, because single precision ends farther from zero
# Standard deviation of random effects over that of the residuals, in a search that did not end
VANISHED = 300.0
AT_REST = 1e-2  # standard errors from where the gradient vanishes
HUGE = 50.0  # standard error of a linear predictor under separation (link scale)
SHRUNK = 1e-7  # of `Traits.spread`
SHRUNK_WHERE_BROKEN = 1e-5  # the same where no maximum was certified
ENDLESS = 1e4  # scaled gradient of a likelihood that goes on rising along a straight line
SHARE = 1e-2  # of a coefficient in a linear predictor that runs off, below which it does not


class Ends(NamedTuple):
    """Codes of `End`, each (members, ...): of the coefficients of all linear predictors, of the
    covariances of the random terms, and of the family's own parameters."""

    beta: np.ndarray
    terms: np.ndarray
    phi: np.ndarray

    @property
    def joined(self) -> np.ndarray:
        """(members, coefficients + terms + parameters)."""
        return np.concatenate(self, 1)


def zero_of(estimate: Estimate) -> float:
    """What counts as a variance parameter of zero, by the precision of the search."""
    return SINGULAR * (IN_FLOAT32 if estimate.value.dtype == np.float32 else 1.0)


def is_singular(lam: Array, zero: float) -> np.ndarray:
    """(members,) whether a diagonal of a relative factor is zero; columns of z have mean square
    one."""
    return np.any(np.abs(np.diagonal(np.asarray(lam), axis1=1, axis2=2)) < zero, axis=1)


def ends_of(
    working: Working, estimate: Estimate, eigen: Eigen, size: np.ndarray, zero: float
) -> Ends:
    """Where parameters went, by numbers in working coordinates.

    `size` is the size of each response (`Traits.spread`), `zero` what counts as a variance
    parameter of zero.
    """
    glmm, traits, half = working.glmm, working.traits, _half(eigen)
    members, p, m = len(half), working.beta_back.shape[-1], len(glmm.family.dispersion_names)
    is_held = glmm.prior is not None and glmm.prior.holds_coefficients
    beta = (
        _runaways(working, half, _reach(glmm, size))
        if traits.can_separate and not is_held
        else _inside(members, p)
    )
    terms, phi = _inside(members, len(estimate.lam)), _inside(members, m)
    for k, lam in enumerate(estimate.lam):
        terms[is_singular(lam, zero), k] = End.SINGULAR
    if m:
        phi[_at_limit(working, estimate, half, zero)] = End.LIMIT
    if traits.has_residual:
        phi[without_residual(estimate), 0] = End.LIMIT
    ends = Ends(beta, terms, phi)
    return ends if traits.spread is None else _with_unbounded(working, estimate, half, size, ends)


def _half(eigen: Eigen) -> np.ndarray:
    """(members, size, size) with `half half'` the covariance of the estimates, as far as the
    likelihood is not curved upwards (which is no sign of an estimate at infinity)."""
    values, eps = eigen.values, np.finfo(float).eps
    lengths = np.where(values < -np.sqrt(eps), 0.0, 1 / np.sqrt(np.maximum(values, eps)))
    return eigen.scale[:, :, None] * eigen.vectors * lengths[:, None]


def _inside(members: int, count: int) -> np.ndarray:
    return np.zeros((members, count), np.int8)  # `End.INSIDE`


def _reach(glmm: GLMM, size: np.ndarray) -> np.ndarray:
    """The standard error of a linear predictor that only an estimate at infinity has."""
    in_units = glmm.family.link.name == "identity" and glmm.family.response in ("real", "censored")
    return HUGE * (size if in_units else np.ones(len(size)))


def _at_limit(working: Working, estimate: Estimate, half: np.ndarray, zero: float) -> np.ndarray:
    """(members, m) which of the family's own parameters are at its limit, or ran off (the threshold
    of a category that does not occur)."""
    traits, m = working.traits, len(working.glmm.family.dispersion_names)
    found = np.zeros((len(half), m), bool)
    if m and traits.can_separate:
        size = np.ones((len(half), m))
        if traits.limit is not None:  # of which a large one is large with the counts
            size[:, traits.limit] += np.abs(np.asarray(estimate.params.phi)[:, traits.limit])
        found |= (half[:, -m:] ** 2).sum(2) > (HUGE * size) ** 2
    if traits.limit is not None:
        found[:, traits.limit] |= np.abs(estimate.params.phi[:, traits.limit]) < zero
    return found


def without_residual(estimate: Estimate) -> np.ndarray:
    """(members,) whether random effects took the place of the residuals: relative to these, whose
    standard deviation goes to zero, theirs goes to infinity, which no search certifies."""
    largest = np.array([np.abs(lam).max((1, 2)) for lam in estimate.lam]).max(0, initial=0.0)
    at_rest = np.asarray(estimate.scaled_gradient) < AT_REST
    return ~np.asarray(estimate.converged) & at_rest & (largest > VANISHED)


def _blocks(glmm: GLMM) -> list[slice]:
    """Where the coefficients of each linear predictor are among all."""
    sizes = np.cumsum([0, *(x.shape[-3] for x in glmm.x)])
    return [slice(*pair) for pair in itertools.pairwise(sizes)]


def _rows(glmm: GLMM, number: int, member: int) -> np.ndarray:
    """(n, p) the rows of a linear predictor of a member that have a weight."""
    x, weights = glmm.x[number], glmm.weights
    weights = weights[member] if weights.ndim == 3 else weights
    return np.asarray(x[member] if x.ndim == 4 else x)[:, weights > 0].T


def _named(
    working: Working, own: slice, rows: np.ndarray, member: int, directions: np.ndarray
) -> np.ndarray:
    """(p,) which of a predictor's coefficients move along `directions` (p, k), in working
    coordinates."""
    back = working.beta_back[member] if working.beta_back.ndim == 3 else working.beta_back
    columns = np.linalg.solve(back[own, own].T, rows.T).T  # in the user's coordinates
    moved = np.abs(back[own, own] @ directions) * np.abs(columns).max(0)[:, None]
    return (moved > SHARE * np.abs(rows @ directions).max(0)).any(1)


def _runaways(working: Working, half: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(members, p) the coefficients of linear predictors some row of which has a standard error
    that only an estimate at infinity has; `half half'` is the covariance of the estimates.

    A linear predictor beside the mean's that runs off as a whole (no extra zeros, no extra
    variance) is at a limit.
    """
    glmm = working.glmm
    ends = _inside(len(half), working.beta_back.shape[-1])
    for number, own in enumerate(_blocks(glmm)):
        # No row's variance exceeds its squared length times the sum of the squares of `half`.
        suspect = working.longest[number] * (half[:, own] ** 2).sum((1, 2)) > reach**2
        for member in np.flatnonzero(suspect).tolist():
            rows = _rows(glmm, number, member)
            squares, far = (rows @ half[member, own]) ** 2, reach[member] ** 2
            variances = squares.sum(1)
            if variances.max() > far:
                end = End.LIMIT if number and variances.min() > far else End.INFINITE
                flat = half[member, own][:, squares.max(0) > far / len(half[member])]
                ends[member, own] = np.where(
                    _named(working, own, rows, member, flat), end, End.INSIDE
                )
    return ends


def _with_unbounded(
    working: Working, estimate: Estimate, half: np.ndarray, size: np.ndarray, ends: Ends
) -> Ends:
    """`ends`, changed in place, with the parameters that take the density of some response beyond
    all bounds."""
    glmm, names = working.glmm, predictor_names(working.glmm.family)
    least = np.where(estimate.converged, SHRUNK, SHRUNK_WHERE_BROKEN)[:, None]
    parameters, codes = (
        tuple(np.asarray(own)[:, None] for own in estimate.dispersion),
        [End.UNBOUNDED, End.LATTICE],
    )
    if "disp" in names:  # the first parameter is in its linear predictor
        own = _blocks(glmm)[number := names.index("disp")]
        first, least_and_most = codes.pop(0), _range_of(glmm, estimate, number)
        spread, *others = _spread(glmm, (_exp(least_and_most), *parameters), size)
        shrunk = (spread < least).any(1)
        endless = ~shrunk & ~np.asarray(estimate.converged) & (estimate.scaled_gradient > ENDLESS)
        for member in np.flatnonzero(shrunk | endless).tolist():
            if endless[member]:
                direction = half[member, own] @ (half[member].T @ estimate.gradient[member])
            else:
                direction = _shrinking(glmm, estimate, size, member, least[member])
            named = _named(working, own, _rows(glmm, number, member), member, direction[:, None])
            ends.beta[member, own] = np.where(named, first, End.INSIDE)
    else:
        others = _spread(glmm, parameters, size)
    for k, (near, code) in enumerate(zip(others, codes, strict=False)):
        ends.phi[:, k] = np.where((near < least)[:, 0], code, ends.phi[:, k])
    return ends


def _shrinking(
    glmm: GLMM, estimate: Estimate, size: np.ndarray, member: int, least: np.ndarray
) -> np.ndarray:
    """(p,) the direction in which coefficients of a member's dispersion model move the rows that
    have a density without bound, and no others."""
    number = predictor_names(glmm.family).index("disp")
    first = _exp(_predictor(glmm, estimate, number, member))[None]
    others = (np.asarray(parameter)[[member], None] for parameter in estimate.dispersion)
    shrunk = _spread(glmm, (first, *others), size[[member]])[0][0] < least
    return np.linalg.lstsq(_rows(glmm, number, member), shrunk.astype(np.float64), rcond=None)[0]


def _spread(
    glmm: GLMM, dispersion: tuple[np.ndarray, ...], size: np.ndarray
) -> tuple[np.ndarray, ...]:
    """`Traits.spread` of (members, k) parameters."""
    assert glmm.family.traits.spread is not None
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return tuple(
            np.asarray(own) for own in glmm.family.traits.spread(dispersion, size[:, None])
        )


def _exp(eta: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.exp(eta)


def _predictor(glmm: GLMM, estimate: Estimate, number: int, member: int) -> np.ndarray:
    """(n,) the fixed part of a linear predictor of a member, in the rows that have a weight."""
    offset = np.asarray(glmm.offset)
    offset, weights = (
        own[member] if own.ndim == rank else own for own, rank in ((offset, 4), (glmm.weights, 3))
    )
    own = _blocks(glmm)[number]
    return (
        _rows(glmm, number, member) @ np.asarray(estimate.params.beta)[member, own]
        + offset[number][weights > 0]
    )


def _range_of(glmm: GLMM, estimate: Estimate, number: int) -> np.ndarray:
    """(members, 2) the least and the largest value of the fixed part of a linear predictor."""
    etas = (_predictor(glmm, estimate, number, member) for member in range(len(estimate.value)))
    return np.array([(eta.min(), eta.max()) for eta in etas])
