"""What a method gives the optimiser: an objective with its start, and what to report at its
minimum."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..model import GLMM, Params, pack
from ..structure import AbstractFactor, Effects, Factors, to_natural

ROUNDS = 6

Vector = Float[Array, " size"]
Matrix = Float[Array, "size size"]
Carry = Any
"""What an evaluation hands to the next one nearby (the conditional mode)."""


class Data(NamedTuple):
    """What the objective needs of the observations beside the model itself.

    `design` comes from X, Z and the weights alone, so that models which share these share it;
    `response` from all.
    """

    design: Any
    response: Any


class Start(NamedTuple):
    """Where a search begins. One program serves all kinds.

    Attributes:
        params: the point.
        given: whether it is meant; else the objective begins where it sees fit.
        rounds: number of checks, one of which has to certify a minimum.
    """

    params: Params
    given: Bool[Array, ""]
    rounds: Int[Array, ""]


def start_at(params: Params, rounds: int = ROUNDS) -> Start:
    """Begin at `params` (NumPy)."""
    return Start(params, np.array(True), np.array(rounds))


class Minimum(NamedTuple):
    """Where a search ended, and what the exact Hessian says there.

    Attributes:
        vector: the point.
        value, gradient, hessian: of the objective.
        carry: what an evaluation there hands on.
        scaled_gradient: `sqrt(g' hessian^-1 g)`, the distance to the minimum in standard errors.
        certified: whether the Hessian certifies a minimum.
        evaluations: of the objective and its gradient.
    """

    vector: Vector
    value: Float[Array, ""]
    gradient: Vector
    hessian: Matrix
    carry: Carry
    scaled_gradient: Float[Array, ""]
    certified: Bool[Array, ""]
    evaluations: Int[Array, ""]


class Estimate(NamedTuple):
    """What a fit computes, in working coordinates.

    Attributes:
        params: the estimate.
        value: log-likelihood, with the `penalty`: what was maximised, as all that follows.
        gradient: of the log-likelihood by all parameters that were optimised.
        information: minus the Hessian of the log-likelihood by all parameters.
        scaled_gradient: `sqrt(g' information^-1 g)`, the distance to the maximum in standard
            errors.
        converged: whether the exact Hessian certifies a maximum.
        lam: (q, rank) relative covariance factor of each random term.
        scale: what `lam` is multiplied by (sigma for gaussian).
        dispersion: the family's own parameters on their natural scale, or the scale of a
            quasi-likelihood.
        evaluations: of the log-likelihood and its gradient, but those that only make a Hessian.
        penalty: log prior density, without which `value` is the log-likelihood.
    """

    params: Params
    value: Float[Array, ""]
    gradient: Vector
    information: Matrix
    scaled_gradient: Float[Array, ""]
    converged: Bool[Array, ""]
    lam: tuple[Float[Array, "_ _"], ...]
    scale: Float[Array, ""]
    dispersion: tuple[Float[Array, ""], ...]
    evaluations: Int[Array, ""]
    penalty: Float[Array, ""]


class RandomEffects(NamedTuple):
    """Random effects `u` of each grouping factor given data and parameters, in working coordinates,
    and the covariance of those of a level (of linked effects, each of which depends on the one
    before it only, the variances)."""

    mode: tuple[Float[Array, "_ _"], ...]
    cov: tuple[Float[Array, "*_ _"], ...]


def effects_of(
    scale: Array | float, lam: Factors, mode: Effects, factor: AbstractFactor
) -> RandomEffects:
    """Random effects from spherical ones, `u = lam b`, whose covariance given the data is `scale^2
    lam H^-1 lam'`."""
    cov = tuple(
        scale**2 * own.covariance(block) for own, block in zip(lam, factor.blocks(), strict=True)
    )
    return RandomEffects(to_natural(lam, mode), cov)


class AbstractLikelihood(eqx.Module):
    """Minus a log-likelihood as a function of a vector of unconstrained parameters.

    Everything is a pure function of a `GLMM` and its `Data`, so it runs for one model or under
    `vmap` for many.
    """

    @abc.abstractmethod
    def design_data(self, glmm: GLMM) -> Any:
        """`Data.design`: what X, Z and the weights contribute once."""

    @abc.abstractmethod
    def response_data(self, glmm: GLMM) -> Any:
        """`Data.response`: what the response and the offset contribute once."""

    @abc.abstractmethod
    def value(
        self, glmm: GLMM, data: Data, vector: Vector, carry: Carry
    ) -> tuple[Float[Array, ""], Carry]:
        """The objective, and what it hands to an evaluation nearby."""


class AbstractObjective(AbstractLikelihood):
    """One that can be minimised: where to begin, and what to report at the end."""

    @abc.abstractmethod
    def begin(self, glmm: GLMM, data: Data, start: Start) -> tuple[Vector, Carry, Matrix]:
        """First point, what its first evaluation begins from, and an approximate Hessian there."""

    @abc.abstractmethod
    def params(self, glmm: GLMM, vector: Vector) -> Params:
        """Parameters at `vector`; those that were profiled out are zero."""

    @abc.abstractmethod
    def free(self, glmm: GLMM, vector: Vector) -> Vector:
        """The entries of all packed parameters that are optimised."""

    @abc.abstractmethod
    def finish(self, glmm: GLMM, data: Data, minimum: Minimum) -> Estimate:
        """The numbers to report at the end of a search."""

    @abc.abstractmethod
    def effects(self, glmm: GLMM, data: Data, params: Params, carry: Carry) -> RandomEffects:
        """Random effects at `params`."""


def objective_data(objective: AbstractLikelihood, glmm: GLMM) -> Data:
    """All that the objective needs of the observations."""
    return Data(objective.design_data(glmm), objective.response_data(glmm))


def canonical(objective: AbstractObjective, glmm: GLMM, vector: Vector) -> Vector:
    """The mirror image of `vector` in which no covariance factor has a negative diagonal."""
    params = objective.params(glmm, vector)
    theta = tuple(c.canonical(t) for c, t in zip(glmm.covariances, params.theta, strict=True))
    return objective.free(glmm, pack(Params(params.beta, theta, params.phi)))
