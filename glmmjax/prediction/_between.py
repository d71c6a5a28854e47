"""Effects at times and places that the model has not seen, from those that it has (simple kriging)."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..covariances import covariance_named
from ..fit import Solution
from ._rows import FactorRows, Rows

STATIONARY = ("ar1", "ou", "exp", "mat")
"""Structures of one variance whose correlations are a function of the distance, so that they extend to other places."""


class Between(NamedTuple):
    """What effects at m places are, given those at the q places that the model knows.

    Attributes:
        weights: (m, q) of the effects at known places.
        variance: (m,) that is left.
    """

    weights: Float[np.ndarray, "m q"]
    variance: Float[np.ndarray, " m"]


def with_new_places(solution: Solution, rows: Rows) -> Rows:
    """The rows, with weights of the known places for those that the model has not seen."""
    terms = (own[0] for own in solution.model.glmm.structure.terms)
    factors = tuple(_placed(solution, term, own) for term, own in zip(terms, rows.factors, strict=True))
    return rows._replace(factors=factors)


def _placed(solution: Solution, term: int, own: FactorRows) -> FactorRows:
    part = solution.model.design.random[term]
    if own.position is None or own.places is None or part.formula.covariance not in STATIONARY:
        return own
    new = (own.position < 0) & np.isfinite(own.places).all(1)
    if not new.any():
        return own
    found = between(solution, term, own.places[new])
    z, extra = own.wide(len(part.names)), np.zeros(len(own.z))
    z[own.position < 0] = 0.0
    z[new], extra[new] = found.weights, found.variance
    return own._replace(z=z, position=None, extra=extra)


def between(solution: Solution, term: int, places: Float[np.ndarray, "m dims"]) -> Between:
    """Weights `R21 R11^-1` and variances `sd^2 (1 - R21 R11^-1 R12)` of new places of a random term."""
    part, covariance = solution.model.design.random[term], solution.model.glmm.covariances[term]
    known, (distinct, inverse) = np.asarray(part.coordinates), np.unique(places, axis=0, return_inverse=True)
    together = np.concatenate([known, distinct])
    order = np.lexsort(together.T[::-1])
    variance = solution.covariance[term][0, 0]
    natural = [
        component.value(np.asarray(solution.params.theta[term]), solution.covariance[term])[1]
        for component in covariance.components(part.names)
    ]
    wide = covariance_named(part.formula.covariance, len(together), coordinates=together[order])
    lam = np.empty((len(together), len(together)))
    lam[order] = np.asarray(wide.factor(jnp.asarray(wide.from_components(np.array([1.0, *natural[1:]])))))
    correlation = lam @ lam.T
    q = len(known)
    # Of perfectly correlated effects any solution gives the same prediction.
    weights = np.linalg.lstsq(correlation[:q, :q], correlation[:q, q:], rcond=None)[0].T
    left = 1.0 - np.einsum("mq,mq->m", weights, correlation[q:, :q])
    inverse = inverse.ravel()
    return Between(weights[inverse], variance * np.maximum(left[inverse], 0.0))
