"""Effects at times and places that the model has not seen, from those that it has (simple kriging)."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..covariances import Correlated
from ..fit import Solution
from ._rows import FactorRows, Rows


class Between(NamedTuple):
    """What effects of variance one at m places are, given those at the q places that the model knows.

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
    part, covariance = solution.model.design.random[term], solution.model.glmm.covariances[term]
    if own.position is None or own.places is None or not isinstance(covariance, Correlated):
        return own
    new = (own.position < 0) & np.isfinite(own.places).all(1)
    if not new.any():
        return own
    distinct, inverse = np.unique(own.places[new], axis=0, return_inverse=True)
    together = np.concatenate([np.asarray(part.coordinates), distinct])
    order = np.lexsort(together.T[::-1])
    pattern = covariance.pattern_at(together[order])
    if pattern is None:
        return own
    lam = np.empty((len(together), len(together)))
    lam[order] = pattern.factor(jnp.asarray(solution.params.theta[term])[1:])
    found, inverse = _between(lam @ lam.T, len(part.names)), inverse.ravel()
    z, extra = own.wide(len(part.names)), np.zeros(len(own.z))
    z[own.position < 0] = 0.0
    z[new], extra[new] = found.weights[inverse], solution.covariance[term][0, 0] * found.variance[inverse]
    return own._replace(z=z, position=None, extra=extra, predictors=np.repeat(own.predictors, z.shape[1]))


def _between(correlation: Float[np.ndarray, "both both"], q: int) -> Between:
    """Weights `R21 R11^-1` and variances `1 - R21 R11^-1 R12`, for a variance of one, of all after the first q."""
    # Of perfectly correlated effects any solution gives the same prediction.
    weights = np.linalg.lstsq(correlation[:q, :q], correlation[:q, q:], rcond=None)[0].T
    left = 1.0 - np.einsum("mq,mq->m", weights, correlation[q:, :q])
    return Between(weights, np.maximum(left, 0.0))
