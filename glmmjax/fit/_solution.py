"""A fitted model: numbers in the user's coordinates. What statistics are made of them is
elsewhere."""

import dataclasses

import numpy as np

from .._status import STATUSES, Status
from ..marginal import Method
from ..mixed import MixedModel
from ..params import Params
from ._message import message
from ._outcome import Outcome
from ._problem import Effects


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """The maximum of a likelihood.

    Attributes:
        model, method: what was fitted, and how.
        params: estimates (NumPy arrays).
        loglik: fully normalised log-likelihood there (the restricted one for REML); NaN for a
            quasi-likelihood, where it has no upper bound, and where the search broke off.
        vcov: (size, size) covariance of all estimates in the order of `pack(params)`, the inverse
            of minus the Hessian (for a linear model without a block between beta and the
            variances); NaN where the data identify nothing. In a quasi-likelihood the standard
            errors of beta are multiplied by the square root of the scale.
        covariance: for each random term the (q, q) covariance of its random effects of a level; of
            effects at places of their own in every level that of two a typical distance apart.
        dispersion: the family's own parameters on their natural scale, or the scale of a
            quasi-likelihood.
        mode: for each grouping factor (in the order of `glmm.structure`) the (levels, q)
            conditional modes of the random effects `u` of its terms, where places differ from level
            to level in the order of the level's own.
        mode_cov: (levels, q, q) their covariances given the data and the parameters; of effects of
            which each depends on the one before it only, their variances (levels, q).
        gradient: of the log-likelihood by what was optimised, in working coordinates.
        scaled_gradient: distance to the maximum in standard errors.
        evaluations: of the log-likelihood and its gradient.
        status: how the fit ended.
        ends: where the coefficients, the covariances of the random terms and the family's own
            parameters went, in this order: codes of `End`.
    """

    model: MixedModel
    method: Method
    params: Params
    loglik: float
    vcov: np.ndarray
    covariance: tuple[np.ndarray, ...]
    dispersion: tuple[float, ...]
    mode: tuple[np.ndarray, ...]
    mode_cov: tuple[np.ndarray, ...]
    gradient: np.ndarray
    scaled_gradient: float
    evaluations: int
    status: Status
    ends: np.ndarray

    @property
    def message(self) -> str:
        """How the fit ended, in sentences: the status, and which parameters went where."""
        return message(self.model, self.status, self.ends)

    @property
    def df(self) -> int:
        """Number of estimated parameters."""
        return len(self.vcov)

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return len(self.params.beta)

    @property
    def reml(self) -> bool:
        """Whether `loglik` is the restricted log-likelihood."""
        return bool(getattr(self.method, "reml", False))


def solution_of(
    model: MixedModel,
    method: Method,
    outcome: Outcome,
    member: int,
    effects: Effects,
    back: tuple[np.ndarray, ...],
) -> Solution:
    """One member of an `Outcome` with its random effects (NumPy, in coordinates `u_w`: `u = back
    u_w`)."""
    modes, covs = [], []
    for number, terms in enumerate(model.glmm.structure.terms):
        count = len(model.design.random[terms[0]].levels)
        mode, cov = (np.asarray(part[number])[..., :count] for part in effects)
        cov = np.moveaxis(cov, -1, 0)
        if model.glmm.structure.factors[number].position is None:  # positions are as they are
            mode, cov = back[number] @ mode, back[number] @ cov @ back[number].T
        modes.append(mode.T)
        covs.append(cov)
    return Solution(
        model=model,
        method=method,
        params=Params(
            outcome.beta[member], tuple(t[member] for t in outcome.theta), outcome.phi[member]
        ),
        loglik=float(outcome.loglik[member]),
        vcov=outcome.vcov[member],
        covariance=tuple(own[member] for own in outcome.covariance),
        dispersion=tuple(float(value) for value in outcome.dispersion[member]),
        mode=tuple(modes),
        mode_cov=tuple(covs),
        gradient=outcome.gradient[member],
        scaled_gradient=float(outcome.scaled_gradient[member]),
        evaluations=int(outcome.evaluations[member]),
        status=STATUSES[outcome.status[member]],
        ends=outcome.ends[member],
    )
