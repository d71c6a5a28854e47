"""A model of one fit as the linear one that its last working step solves: the joint design of fixed
and random effects with working weights."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import sparse

from .._errors import ModelError
from .._precision import own_settings
from ..assembly import MixedModel
from ..covariances import Placed
from ..fit import Solution
from ..model import term_factors
from ..prediction import conditional_predictor

_MOST = 5000  # columns, of which dense matrices are made


class Linearised(NamedTuple):
    """The rows of positive weight.

    Attributes:
        x: columns of the fixed effects.
        z: columns of the random effects, term after term, level after level.
        terms: where the columns of each term are among those of `z`.
        roots: (q, rank) root of the covariance of the effects of a level, a term.
        weights: working weights, expected curvatures at the conditional modes.
        present: mask of the rows among all.
    """

    x: Float[np.ndarray, "n p"]
    z: sparse.csr_matrix
    terms: list[slice]
    roots: list[Float[np.ndarray, "_ _"]]
    weights: Float[np.ndarray, " n"]
    present: np.ndarray

    def spherical(self) -> Float[np.ndarray, "n l"]:
        """`Z` times the roots."""
        parts = []
        for own, root in zip(self.terms, self.roots, strict=True):
            levels = (own.stop - own.start) // len(root)
            parts.append(self.z[:, own] @ sparse.kron(sparse.eye(levels), root))
        whole = sparse.hstack(parts) if parts else sparse.csr_matrix((len(self.x), 0))
        return np.asarray(whole.todense())

    def hat(self) -> Float[np.ndarray, "k k"]:
        """`(C'WC + D)^-1 C'WC` with `C = [X, Z root]` and `D` one for random effects: its trace is
        that of the matrix of fitted on working responses."""
        _, gram, penalty = self._joint()
        return np.linalg.solve(gram + penalty, gram)

    def leverage(self) -> Float[np.ndarray, " n"]:
        """`w_i c_i' (C'WC + D)^-1 c_i`, the diagonal of the matrix of fitted on working responses;
        its sum is the trace of `hat`."""
        c, gram, penalty = self._joint()
        return self.weights * np.einsum("nk,kn->n", c, np.linalg.solve(gram + penalty, c.T))

    def _joint(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`C`, `C'WC` and `D`."""
        c = np.concatenate([self.x, self.spherical()], 1)
        penalty = np.diag(np.arange(c.shape[1]) >= self.x.shape[1]).astype(float)
        return c, c.T @ (self.weights[:, None] * c), penalty


def why_not_linearised(model: MixedModel) -> str:
    """Why `linearised` is not offered for a model; "" where it is."""
    if len(model.design.predictors) > 1:
        return "This is offered for models without ziformula and dispformula."
    if any(isinstance(own, Placed) for own in model.glmm.covariances):
        return "This is not offered for effects at times or places of their own."
    pairs = zip(model.design.random, model.glmm.covariances, strict=True)
    columns = sum(len(term.levels) * covariance.q for term, covariance in pairs)
    if columns > _MOST:
        return (
            f"This needs dense matrices, and the model has {columns} random effects, above {_MOST}."
        )
    return ""


def linearised(solution: Solution, theta: tuple[np.ndarray, ...] | None = None) -> Linearised:
    """Of a fit, or with other `theta` (relative to its scale); raises `ModelError` for models with
    several linear predictors, effects at places of their own, or too many of them."""
    model = solution.model
    reason = why_not_linearised(model)
    if reason:
        raise ModelError(reason)
    present = np.asarray(model.design.weights) > 0
    z, terms = _columns(model, present)
    with own_settings():
        at = solution.params.theta if theta is None else theta
        scale = np.asarray(model.family.random_scale(solution.params.phi), np.float64)
        roots = [scale * np.asarray(own) for own in term_factors(model.glmm, at)]
        eta, y = conditional_predictor(solution)[0][present], model.design.y[present].T
        curvature = model.family.expected_curvature(
            jnp.asarray(y), jnp.asarray(eta), jnp.asarray(solution.params.phi)
        )
        weights = np.asarray(model.design.weights[present] * curvature)
    return Linearised(model.design.fixed.x[present], z, terms, roots, weights, present)


def _columns(model: MixedModel, present: np.ndarray) -> tuple[sparse.csr_matrix, list[slice]]:
    blocks, terms, first = [], [], 0
    for term, covariance in zip(model.design.random, model.glmm.covariances, strict=True):
        q, refs, z = covariance.q, term.refs[present], term.z[present]
        if term.position is None:
            rows, columns = np.arange(len(refs)).repeat(q), refs[:, None] * q + np.arange(q)
        else:
            rows, columns = np.arange(len(refs)), refs * q + term.position[present]
        shape = (len(refs), len(term.levels) * q)
        blocks.append(sparse.csr_matrix((z.ravel(), (rows, columns.ravel())), shape))
        terms.append(slice(first, first + shape[1]))
        first += shape[1]
    empty = sparse.csr_matrix((int(present.sum()), 0))
    return sparse.csr_matrix(sparse.hstack(blocks)) if blocks else empty, terms
