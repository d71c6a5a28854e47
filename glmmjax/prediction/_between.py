"""Effects at times and places that the model has not seen, from those that it has (simple
kriging)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from ..covariances import AbstractField, AbstractLinked, Placed
from ..design import RandomPart
from ..fit import Solution
from ._rows import FactorRows, Rows


class Between(NamedTuple):
    """What effects of variance one at m places are, given those of their level at places that the
    model knows.

    Attributes:
        weights: (m, q) of the effects at known places.
        variance: (m,) that is left.
    """

    weights: Float[np.ndarray, "m q"]
    variance: Float[np.ndarray, " m"]


class New(NamedTuple):
    """Places that the model has not seen, in levels that it has: (m,) the level, (m, dims) the
    place."""

    refs: Int[np.ndarray, " m"]
    places: Float[np.ndarray, "m dims"]


def with_new_places(solution: Solution, rows: Rows) -> Rows:
    """The rows, with weights of the known places for those that the model has not seen."""
    terms = (own[0] for own in solution.model.glmm.structure.terms)
    factors = tuple(
        _placed(solution, term, own) for term, own in zip(terms, rows.factors, strict=True)
    )
    return rows._replace(factors=factors)


def _placed(solution: Solution, term: int, own: FactorRows) -> FactorRows:
    part, covariance = solution.model.design.random[term], solution.model.glmm.covariances[term]
    if own.position is None or own.places is None or not isinstance(covariance, Placed):
        return own
    unseen = (own.position < 0) & (own.refs >= 0)
    new = unseen & np.isfinite(own.places).all(1)
    if not new.any():
        return own
    theta, q = np.asarray(solution.params.theta[term])[1:], len(covariance.places)
    between = _of_links if isinstance(covariance.pattern, AbstractLinked) else _of_fields
    found = between(covariance, theta, part, New(own.refs[new], own.places[new]))
    variance = solution.covariance[term][0, 0]
    # A place of which nothing is known, between two steps of a sequence, has an effect of its own.
    z, extra = own.wide(q), np.where(unseen, variance, 0.0)
    z[unseen] = 0.0
    z[new], extra[new] = found.weights, variance * found.variance
    return own._replace(z=z, position=None, extra=extra, predictors=np.repeat(own.predictors, q))


def _of_links(covariance: Placed, theta: np.ndarray, part: RandomPart, new: New) -> Between:
    """From the neighbours `a` and `b` on both sides, beside which all others say nothing more.

    With their correlations `r_a`, `r_b`, `s^2 = 1 - r^2` and `v = 1 - r_a^2 r_b^2` the weights are
    `r_a s_b^2 / v` and `r_b s_a^2 / v`, and `s_a^2 s_b^2 / v` is left.
    """
    assert isinstance(covariance.pattern, AbstractLinked)
    line = np.asarray(part.coordinates)[:, 0]
    levels, starts = part.separate.codes // part.separate.count, part.separate.starts
    # The line of each level behind that of the one before it
    span = line[-1] - line[0] + max(np.ptp(new.places), 1.0)
    at = np.searchsorted(
        line[part.separate.codes % part.separate.count] + span * levels,
        new.places[:, 0] + span * new.refs,
    )
    at = np.clip(at, starts[new.refs], starts[new.refs + 1])
    found, r, s2 = [], [], []
    for beside, there in ((at - 1, at > starts[new.refs]), (at, at < starts[new.refs + 1])):
        beside = np.clip(beside, 0, len(levels) - 1)
        gap = np.abs(new.places[:, 0] - line[part.separate.codes[beside] % part.separate.count])
        gap = np.where(there, gap, 1).astype(line.dtype)
        step, innovation = (
            np.asarray(one)
            for one in covariance.pattern.links(jnp.asarray(theta), jnp.asarray(gap))
        )
        r.append(np.where(there, step, 0.0))
        s2.append(np.where(there, innovation**2, 1.0))
        found.append(beside - starts[new.refs])
    rest = s2[0] + r[0] ** 2 * s2[1]  # 1 - r_a^2 r_b^2
    weights, m = np.zeros((len(at), len(covariance.places))), np.arange(len(at))
    for beside, own, other in ((0, 0, 1), (1, 1, 0)):
        inside = np.clip(found[beside], 0, weights.shape[1] - 1)
        weights[m, inside] += r[own] * s2[other] / rest
    return Between(weights, s2[0] * s2[1] / rest)


def _of_fields(covariance: Placed, theta: np.ndarray, part: RandomPart, new: New) -> Between:
    """From all places of the level."""
    weights, variance = np.zeros((len(new.refs), len(covariance.places))), np.zeros(len(new.refs))
    for level in np.unique(new.refs):
        rows = np.flatnonzero(new.refs == level)
        known = np.asarray(part.coordinates)[part.separate.of_level(level)]
        distinct, inverse = np.unique(new.places[rows], axis=0, return_inverse=True)
        correlation = _correlation(covariance, theta, np.concatenate([known, distinct]))
        q, inverse = len(known), inverse.ravel()
        # Of perfectly correlated effects any solution gives the same prediction.
        own = np.linalg.lstsq(correlation[:q, :q], correlation[:q, q:], rcond=None)[0].T
        left = 1.0 - np.einsum("mq,mq->m", own, correlation[q:, :q])
        weights[rows, :q], variance[rows] = own[inverse], np.maximum(left, 0.0)[inverse]
    return Between(weights, variance)


def _correlation(covariance: Placed, theta: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(k, k) the correlations of effects at places in any order."""
    order, found = np.lexsort(places.T[::-1]), np.empty((len(places), len(places)))
    pattern = covariance.pattern.elsewhere(places[order])
    assert isinstance(pattern, AbstractField)
    found[np.ix_(order, order)] = np.asarray(_matrix(pattern, jnp.asarray(theta)))
    return found


_matrix = jax.jit(lambda pattern, theta: pattern.matrix(theta))
