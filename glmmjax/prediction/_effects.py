"""What random effects add to the linear predictor of rows, and how uncertain that is."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import block_diag

from .._types import Array
from ..fit import Solution
from ..methods import AbstractMethod, conditional_mode
from ..model import GLMM, Params, pack, scaled_factor, unpack
from ..structure import to_natural, to_spherical
from ._rows import FactorRows, Rows, fitted_rows

_NUMBERS_AT_ONCE = 2**24


class Part(NamedTuple):
    """What effects add to one number a row, m rows.

    Attributes:
        jacobian: (m, size) how it moves with the parameters.
        variance: (m,) given the parameters; the covariance of the effects where the model has not
            seen a level.
    """

    jacobian: np.ndarray
    variance: np.ndarray


def effects_of_rows(
    solution: Solution, rows: Rows, included: list[int]
) -> Float[np.ndarray, "predictors m"]:
    """What the conditional modes of the grouping factors `included` add to each linear
    predictor."""
    eta = np.zeros_like(rows.offset)
    for number in included:
        for j, unit in enumerate(np.eye(len(eta))):
            if j in rows.factors[number].predictors:
                eta[j] += _times(rows.factors[number].times(unit[:, None]), solution.mode[number])
    return eta


def conditional_predictor(solution: Solution) -> Float[np.ndarray, "predictors n"]:
    """Linear predictors of the rows that were fitted, given the conditional modes."""
    rows = fitted_rows(solution.model)
    effects = effects_of_rows(solution, rows, list(range(len(rows.factors))))
    return rows.fixed(np.asarray(solution.params.beta)) + effects


def predictor_jacobian(solution: Solution) -> Float[np.ndarray, "n size"]:
    """How the linear predictors of the mean given the conditional modes, which follow, move with
    all parameters."""
    rows = fitted_rows(solution.model)
    found = jacobian_of_rows(solution, rows, list(range(len(rows.factors))))
    found[:, : solution.model.design.fixed.x.shape[1]] += solution.model.design.fixed.x
    return found


def variance_of_effects(solution: Solution, rows: Rows) -> Float[np.ndarray, "predictors m"]:
    """`z'Gz` of each row and linear predictor: what the random effects, but for smooths, add to its
    variance without data."""
    total = np.zeros_like(rows.offset)
    for number, own in enumerate(rows.factors):
        for j in () if own.is_smooth else sorted(set(own.predictors.tolist())):
            unit = np.eye(len(total))[j][:, None]
            total[j] += _marginal_variance(solution, number, own.times(unit))
    return total


def spread_of_rows(solution: Solution, rows: Rows, included: list[int]) -> Part:
    """Derivative and variance of the sum of `z'u` over the grouping factors `included`."""
    jacobian, variance = jacobian_of_rows(solution, rows, included), np.zeros(rows.count)
    if not included:
        return Part(jacobian, variance)
    for number in included:
        own = rows.factors[number]
        variance = variance + np.where(own.known, 0.0, _marginal_variance(solution, number, own))
        variance = variance + (0.0 if own.extra is None else own.extra)
    return Part(jacobian, variance + _conditional_variance(solution, rows, included))


def jacobian_of_rows(
    solution: Solution, rows: Rows, included: list[int]
) -> Float[np.ndarray, "m size"]:
    """How the sum of `z'u` over the grouping factors moves with the parameters, the conditional
    modes following."""
    jacobian = np.zeros((rows.count, solution.df))
    if not included:
        return jacobian
    moving = mode_jacobian(solution.model.glmm, solution.params)
    for number in included:
        columns = np.moveaxis(np.asarray(moving[number]), 0, 1)
        jacobian = jacobian + _times(rows.factors[number], columns)
    return jacobian


def _times(
    own: FactorRows, effects: Float[np.ndarray, "levels q *columns"]
) -> Float[np.ndarray, "m *columns"]:
    """`z'u` of each row, zero for a level that the model has not seen."""
    refs = np.maximum(own.refs, 0)
    axes = (..., *[None] * (effects.ndim - 2))
    if own.position is not None:
        parts = own.z[:, 0][axes] * effects[refs, np.maximum(own.position, 0)]
    else:
        parts = sum(
            (own.z[:, k][axes] * effects[refs, k] for k in range(own.z.shape[1])), np.zeros(())
        )
    return np.where(own.known[axes], parts, 0.0)


def _marginal_variance(solution: Solution, number: int, own: FactorRows) -> Float[np.ndarray, " m"]:
    """Variance of `z'u` without data; of a position not seen that of the first."""
    terms = solution.model.glmm.structure.terms[number]
    covariance = np.asarray(block_diag(*(solution.covariance[term] for term in terms)))
    if own.separate:
        return (own.z**2).sum(1) * covariance[0, 0]
    if own.position is None:
        return np.einsum("nq,qr,nr->n", own.z, covariance, own.z)
    return own.z[:, 0] ** 2 * np.diagonal(covariance)[np.maximum(own.position, 0)]


def _conditional_variance(
    solution: Solution, rows: Rows, included: list[int]
) -> Float[np.ndarray, " m"]:
    """Variance of the sum of `z'u` over the factors, given the data and the parameters, of levels
    that are known."""
    own, cov = rows.factors[included[0]], solution.mode_cov[included[0]]
    variances_only = cov.ndim == 2
    if len(included) == 1 and not (variances_only and own.position is None):
        refs = np.maximum(own.refs, 0)
        if own.position is not None:
            at = np.maximum(own.position, 0)
            parts = own.z[:, 0] ** 2 * (cov[refs, at] if variances_only else cov[refs, at, at])
        else:
            parts = np.einsum("nq,nqr,nr->n", own.z, cov[refs], own.z)
        return np.where(own.known, parts, 0.0)
    structure = solution.model.glmm.structure
    effects = sum(f.rank * f.levels for f in structure.factors)
    together = max(1, min(rows.count, _NUMBERS_AT_ONCE // effects))
    found = [
        _some_variances(solution, rows, included, np.arange(i, i + together))
        for i in range(0, rows.count, together)
    ]
    return np.concatenate(found)[: rows.count]


def _some_variances(
    solution: Solution, rows: Rows, included: list[int], numbers: np.ndarray
) -> np.ndarray:
    """Of rows by number; those past the end repeat the last, so that all calls have one shape."""
    numbers = np.minimum(numbers, rows.count - 1)
    columns, levels = [], []
    for number, (own, factor) in enumerate(
        zip(rows.factors, solution.model.glmm.structure.factors, strict=True)
    ):
        z = own.wide(factor.q)[numbers]
        here = own.known[numbers] & (number in included)
        columns.append(np.where(here[:, None], z, 0.0))
        levels.append(np.maximum(own.refs[numbers], 0))
    found = _variances(
        solution.model.glmm, solution.params, solution.method, tuple(columns), tuple(levels)
    )
    return np.asarray(found)


@eqx.filter_jit
def _variances(
    glmm: GLMM,
    params: Params,
    method: AbstractMethod,
    z: tuple[Float[Array, "m _"], ...],
    refs: tuple[Int[Array, " m"], ...],
) -> Float[Array, " m"]:
    """`z' Cov(u | y) z` of each row, all factors together: one solution with `H` a row."""
    structure = glmm.structure
    mode = conditional_mode(glmm, params, structure.no_effects(params.beta.dtype))
    factor = method.factor(glmm, params, mode)
    m = jnp.arange(len(refs[0]))
    wide = tuple(
        jnp.zeros((f.q, len(m), f.levels), params.beta.dtype).at[:, m, level].add(own.T)
        for f, own, level in zip(structure.factors, z, refs, strict=True)
    )
    columns = to_spherical(scaled_factor(glmm, params), wide)
    parts = zip(columns, factor.solve(columns), strict=True)
    return sum((jnp.einsum("qml,qml->m", c, s) for c, s in parts), jnp.zeros(len(m)))


@eqx.filter_jit
def mode_jacobian(glmm: GLMM, params: Params) -> tuple[Float[Array, "_ _ size"], ...]:
    """How the conditional modes `u` of each factor move with the parameters."""

    def effects(vector):
        moved = unpack(glmm, vector)
        start = glmm.structure.no_effects(vector.dtype)
        return to_natural(scaled_factor(glmm, moved), conditional_mode(glmm, moved, start).b)

    return jax.jacfwd(effects)(pack(params))
