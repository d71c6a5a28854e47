"""Covariances that hold where the model of the variances does not: scores of independent groups."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Int

from .._errors import ModelError
from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..fit import Fits
from ..methods import Separable, log_components, separable
from ..model import GLMM, unpack
from ..structure import round_far_up
from ._surface import Surface, surfaces

_SHIFTS = np.array([1.0, -1.0, 2.0, -2.0]) * 1e-2  # standard errors
difference_weights = np.array([8.0, -8.0, -1.0, 1.0]) / 12
KINDS = ("CR0", "CR1")


def sandwich(fits: Fits, kind: str = "CR0") -> Float[np.ndarray, "members p p"]:
    """(members, p, p) `A^-1 B A^-1` of the fixed effects: `A` minus the joint Hessian, `B` the sum
    of the outer products of the groups' scores (White 1982; Liang and Zeger 1986); CR1 multiplies
    by `G / (G - 1)`.

    Groups are the levels of the factor that contains all others. Raises `ModelError` for another
    kind, and for factors that are crossed, of which no groups are independent.
    """
    if kind not in KINDS:
        raise ModelError(f"kind must be 'CR0' or 'CR1', not {kind!r}.")
    p = fits.reported.beta.shape[1]
    found = np.full((len(fits), p, p), np.nan)
    for surface in surfaces(fits):
        bread, scores = informations(fits, surface), group_scores(fits, surface)
        meat = np.einsum("mga,mgb->mab", scores, scores)
        if kind == "CR1":
            groups = (scores != 0).any(2).sum(1)
            meat *= (groups / (groups - 1))[:, None, None]
        inverse = np.linalg.inv(bread)
        found[surface.numbers] = (inverse @ meat @ inverse)[:, :p, :p]
    return found


def informations(fits: Fits, surface: Surface) -> Float[np.ndarray, "members size size"]:
    """Minus the Hessian of the log-likelihood by all parameters: of a linear model, whose `vcov`
    leaves out what beta and the variances have to do with each other, by differences."""
    vcov = fits.outcome.vcov[surface.numbers]
    if fits.method.covariance_of_fixed is None:
        return np.linalg.inv(vcov)
    points, steps = shifted(fits, surface)
    members, size, _ = vcov.shape[0], vcov.shape[1], 0
    where = np.repeat(np.arange(members), len(_SHIFTS) * size)
    slopes = surface.at(where, points.reshape(-1, size)).gradient
    slopes = slopes.reshape(members, len(_SHIFTS), size, size)
    matrix = -np.einsum("s,mska->mka", difference_weights, slopes) / steps[:, :, None]
    return (matrix + np.swapaxes(matrix, 1, 2)) / 2


def shifted(
    fits: Fits, surface: Surface
) -> tuple[Float[np.ndarray, "members shifts size size"], Float[np.ndarray, "members size"]]:
    """Points to either side of the estimates, along each parameter, and the lengths that the
    weights of differences are for."""
    outcome = fits.outcome.of(surface.numbers)
    best = np.concatenate([outcome.beta, *outcome.theta, outcome.phi], 1)
    errors = np.sqrt(np.diagonal(outcome.vcov, axis1=1, axis2=2))
    moves = _SHIFTS[:, None, None] * (errors[:, None, :, None] * np.eye(best.shape[1]))
    return best[:, None, None] + moves, errors * _SHIFTS[0]


def group_scores(fits: Fits, surface: Surface) -> Float[np.ndarray, "members groups size"]:
    """Derivatives of each group's log-likelihood by all parameters, by differences."""
    method = separable(fits.method)
    structure = fits.members.first.glmm.structure
    if method is None or structure.rest or not structure.chain:
        raise ModelError(
            "Scores need independent groups, and the factors of this model are crossed or there"
            " are none."
        )
    points, steps = shifted(fits, surface)
    members, shifts, size, _ = points.shape
    where = np.repeat(np.arange(members), shifts * size)
    values = _values(method, surface, where, points.reshape(-1, size))
    values = values.reshape(members, shifts, size, -1)
    return np.einsum("s,mskg->mgk", difference_weights, values) / steps[:, None]


def _values(
    method: Separable, surface: Surface, where: np.ndarray, points: np.ndarray
) -> Float[np.ndarray, "points groups"]:
    rows, vectors = surface.given(where, points)
    count = round_far_up(len(rows))
    places = np.minimum(np.arange(count), len(rows) - 1)
    with own_settings():
        start = jax.tree.map(lambda leaf: leaf[0], surface.nothing(1))
        found = _components(
            method, surface.own, surface.shared, rows[places], vectors[places], start
        )
        return np.asarray(found)[: len(rows)]


@Program
def _components(
    method: Separable,
    own: GLMM,
    shared: GLMM,
    rows: Int[Array, " points"],
    vectors: Float[Array, "points size"],
    start: Any,
) -> Float[Array, "points groups"]:
    """Log-likelihoods of the groups at each point."""

    def one(point):
        row, vector = point
        glmm = eqx.combine(jax.tree.map(lambda leaf: leaf[row], own), shared)
        return log_components(method, glmm, unpack(glmm, vector), start)[0]

    return jax.lax.map(one, (rows, vectors))
