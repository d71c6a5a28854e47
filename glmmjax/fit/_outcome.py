"""What fits end with, in the user's coordinates: NumPy arrays with a leading axis of members (one
for a single fit)."""

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import jax
import numpy as np
from jaxtyping import Float64, Int8, Int64

from .._status import STATUSES, Status
from ..assembly import MixedModel
from ..families import reported_names
from ..methods import AbstractMethod, Estimate
from ..model import Params, Working
from ._diagnose import diagnose, has_likelihood, told
from ._eigen import covariance_of_estimates, flat_parameters, scaled_eigen, without_information
from ._ends import ends_of, without_residual, zero_of
from ._maxima import Ended


class Outcome(NamedTuple):
    """Numbers of `members` fits. Their shapes are stated here, and files, checkpoints and empty
    outcomes follow.

    Sizes: `p` fixed effects; `m` parameters of the family, of which `reported` are the natural ones
    (the scale of a quasi-likelihood); `size` parameters in all, of which `free` were optimised;
    `ends` coefficients, random terms and parameters of the family; of each random term `k`
    parameters and `q` effects.

    Attributes:
        beta, theta, phi: estimates.
        loglik: fully normalised log-likelihood there (the restricted one for REML); NaN for a
            quasi-likelihood, where it has no upper bound, and where the search broke off.
        vcov: covariance of all estimates in the order of `pack(params)`, the inverse of minus the
            Hessian (for a linear model without a block between beta and the variances); NaN where
            the data identify nothing. In a quasi-likelihood the standard errors of beta are
            multiplied by the square root of the scale.
        covariance: for each random term that of its random effects of a level; of effects at places
            of their own in every level that of two a typical distance apart.
        dispersion: the family's own parameters on their natural scale, or the scale of a
            quasi-likelihood.
        gradient: of the log-likelihood by what was optimised, in working coordinates.
        scaled_gradient: distance to the maximum in standard errors.
        evaluations: of the log-likelihood and its gradient, but those that only make a Hessian.
        status: how the fit ended, an index into `STATUSES`.
        ends: where parameters went, codes of `End`.
    """

    beta: Float64[np.ndarray, "members p"]
    theta: tuple[Float64[np.ndarray, "members k"], ...]
    phi: Float64[np.ndarray, "members m"]
    loglik: Float64[np.ndarray, " members"]
    vcov: Float64[np.ndarray, "members size size"]
    covariance: tuple[Float64[np.ndarray, "members q q"], ...]
    dispersion: Float64[np.ndarray, "members reported"]
    gradient: Float64[np.ndarray, "members free"]
    scaled_gradient: Float64[np.ndarray, " members"]
    evaluations: Int64[np.ndarray, " members"]
    status: Int8[np.ndarray, " members"]
    ends: Int8[np.ndarray, "members ends"]

    @property
    def params(self) -> Params:
        """The estimates, with a leading axis of members."""
        return Params(self.beta, self.theta, self.phi)

    def of(self, members: Any) -> "Outcome":
        """That of some members, by an index of arrays."""
        return jax.tree.map(lambda leaf: leaf[members], self)


def blank(model: MixedModel, method: AbstractMethod, count: int, status: Status) -> Outcome:
    """The outcome of `count` members, models like `model`, that have not been fitted: NaN."""
    sizes = _sizes(model, method) | {"members": count}
    terms = [sizes | {"k": own.size, "q": own.q} for own in model.glmm.covariances]
    arrays = {}
    for name, kind in get_type_hints(Outcome).items():
        by_term = get_args(kind)
        arrays[name] = (
            tuple(_empty(by_term[0], own) for own in terms) if by_term else _empty(kind, sizes)
        )
    arrays["status"][:] = STATUSES.index(status)
    return Outcome(**arrays)


def _sizes(model: MixedModel, method: AbstractMethod) -> dict[str, int]:
    p, theta, m = model.glmm.sizes
    size = p + sum(theta) + m
    (objective, _), *_ = method.objectives(model.glmm)
    free, reported = objective.free(model.glmm, np.zeros(size)), reported_names(model.family)
    counts = {"p": p, "m": m, "size": size, "free": len(free), "reported": len(reported)}
    return counts | {"ends": p + len(theta) + m}


def _empty(kind: Any, sizes: Mapping[str, int]) -> np.ndarray:
    """An array of a kind and shape as they are written in `Outcome`: NaN, or zeros of integers."""
    (dtype,), shape = kind.dtypes, [sizes[name] for name in kind.dim_str.split()]
    return np.full(shape, np.nan if dtype.startswith("float") else 0, dtype)


def diagnosed(working: Working, found: Estimate, size: np.ndarray) -> Ended:
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
        without_residual(wide) if working.traits.has_residual else np.zeros(len(joined), bool)
    )
    status = diagnose(wide, eigen, joined, unknown, vanished)

    def flat() -> np.ndarray:
        return _by_end(working, unknown | flat_parameters(eigen, working.jacobian))

    return Ended(found, eigen, status, told(joined, status, flat))


def outcome_of(method: AbstractMethod, working: Working, ended: Ended) -> Outcome:
    """Bring what searches ended with back from working coordinates."""
    found = _in_float64(ended.estimate)
    params, members = working.back(found.params), len(found.value)
    with np.errstate(invalid="ignore"):  # both are infinite where a search began without density
        unpenalised = np.asarray(found.value) - np.asarray(found.penalty)
    outcome = Outcome(
        beta=np.asarray(params.beta),
        theta=tuple(np.asarray(theta) for theta in params.theta),
        phi=np.asarray(params.phi),
        loglik=unpenalised + (working.log_volume if method.is_restricted else 0.0),
        vcov=covariance_of_estimates(ended.eigen, working.jacobian, params.beta.shape[-1]),
        covariance=_covariances(working, found),
        dispersion=np.stack(found.dispersion, 1) if found.dispersion else np.zeros((members, 0)),
        gradient=np.asarray(found.gradient),
        scaled_gradient=np.asarray(found.scaled_gradient),
        evaluations=np.asarray(found.evaluations, np.int64),
        status=ended.status,
        ends=ended.ends,
    )
    outcome = _of_quasi_likelihood(outcome) if working.traits.is_quasi else outcome
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
    for lam, place in zip(found.lam, working.places, strict=True):
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
