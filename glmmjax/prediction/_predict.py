"""Predictions for the rows of a table: given the random effects, at their centre, or averaged over them."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._precision import float64
from .._types import Array
from ..design import new_rows
from ..fit import Solution
from ..marginal import conditional_mode
from ..model import GLMM, pack, scaled_factor, unpack
from ..params import Params

LEVELS = ("conditional", "population", "marginal")
KINDS = ("response", "link")
# The integrand is analytic, so the trapezoid rule converges geometrically, steep means (large variances) included.
_NODES = np.linspace(-9.0, 9.0, 401)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()
_ROWS_AT_ONCE = 4096


class Rows(NamedTuple):
    """What the linear predictor of m rows is made of; `refs` is -1 for a level the model has not seen."""

    x: np.ndarray
    offset: np.ndarray
    z: np.ndarray
    refs: np.ndarray
    index: pd.Index


def predict(
    solution: Solution,
    newdata: Any = None,
    *,
    level: str = "conditional",
    kind: str = "response",
    se: bool = False,
) -> pd.Series | pd.DataFrame:
    """Predict the rows of `newdata` (default: the rows that were fitted), labelled as they are.

    - `level="conditional"`: subject-specific, given the conditional modes (zero for a level not seen);
      `"population"`: at random effects of zero; `"marginal"`: averaged over the random effects (population-averaged).
    - `kind="response"`: the mean; `"link"`: the linear predictor (for `marginal` the link of the averaged mean).
    - `se=True`: a DataFrame `estimate, std_error` by the delta method, from the uncertainty of all parameters and, for
      `conditional`, of the random effects given the data (as glmmTMB's `predict`).

    Raises `ModelError` for newdata that lack a column.
    """
    _check(level, kind)
    rows = _fitted_rows(solution) if newdata is None else _rows_of(solution, newdata, level)
    with float64():
        if level == "marginal":
            estimate, variance = _marginal(solution, rows, kind, se=se)
        else:
            estimate, variance = _given_effects(solution, rows, kind, conditional=level == "conditional", se=se)
    if not se:
        return pd.Series(np.asarray(estimate), index=rows.index, name="prediction")
    return pd.DataFrame({"estimate": estimate, "std_error": np.sqrt(variance)}, index=rows.index)


def _given_effects(solution: Solution, rows: Rows, kind: str, *, conditional: bool, se: bool):
    params, family = solution.params, solution.model.family
    eta = rows.offset + rows.x @ params.beta
    known = rows.refs >= 0
    q = rows.z.shape[1]
    with_effects = conditional and q > 0
    if with_effects:
        eta = eta + np.where(known, (rows.z * solution.mode[rows.refs]).sum(1), 0.0)
    variance = np.zeros(len(eta))
    if se:
        jacobian = np.zeros((len(eta), solution.df))
        jacobian[:, : solution.p] = rows.x
        if with_effects:
            moving = np.asarray(_mode_jacobian(solution.model.glmm, params))  # (q, groups, size)
            moved = np.einsum("nq,qna->na", rows.z, moving[:, rows.refs])
            jacobian += np.where(known[:, None], moved, 0.0)
            spread = np.where(known[:, None, None], solution.mode_cov[rows.refs], solution.covariance)
            variance = np.einsum("nq,nqr,nr->n", rows.z, spread, rows.z)
        variance = variance + np.einsum("na,ab,nb->n", jacobian, solution.vcov, jacobian)
    if kind == "link":
        return eta, variance
    phi = jnp.asarray(params.phi)
    mu, slope = jax.jvp(lambda e: family.mean(e, phi), (jnp.asarray(eta),), (jnp.ones(len(eta)),))
    return np.asarray(mu), variance * np.asarray(slope) ** 2


def _marginal(solution: Solution, rows: Rows, kind: str, *, se: bool):
    glmm, family = solution.model.glmm, solution.model.family
    if not family.traits.covers_line and family.link.name != "identity":
        raise ModelError(f"A mean over random effects does not exist with the {family.link.name} link.")
    vector, arrays = pack(solution.params), (rows.x, rows.z, rows.offset)
    estimate = np.asarray(_marginal_mean(glmm, vector, arrays, kind))
    if not se:
        return estimate, np.zeros(len(estimate))
    jacobian = np.asarray(_marginal_jacobian(glmm, vector, arrays, kind))
    return estimate, np.einsum("na,ab,nb->n", jacobian, solution.vcov, jacobian)


@eqx.filter_jit
def _marginal_mean(glmm: GLMM, vector: Float[Array, " size"], arrays, kind: str) -> Float[Array, " m"]:
    """`E_u g^-1(x'beta + z'u)`: `z'u` is one normal variable, so one-dimensional quadrature is enough."""
    params, (x, z, offset), link = unpack(glmm, vector), arrays, glmm.family.link
    eta = x @ params.beta + offset
    variance = ((z @ scaled_factor(glmm, params)) ** 2).sum(1)
    if link.name == "identity":
        return eta
    if link.name == "log":
        return eta + variance / 2 if kind == "link" else jnp.exp(eta + variance / 2)
    positive = variance > 0
    sd = jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1.0)), 0.0)

    def mean(row):
        return glmm.family.mean(row[0] + row[1] * _NODES, params.phi) @ _WEIGHTS

    averaged = jax.lax.map(mean, (eta, sd), batch_size=_ROWS_AT_ONCE)
    return averaged if kind == "response" else link.link(averaged)


@eqx.filter_jit
def _marginal_jacobian(glmm: GLMM, vector, arrays, kind: str) -> Float[Array, "m size"]:
    return jax.jacfwd(lambda v: _marginal_mean(glmm, v, arrays, kind))(vector)


@eqx.filter_jit
def _mode_jacobian(glmm: GLMM, params: Params) -> Float[Array, "q groups size"]:
    """How the conditional modes `u` move with the parameters."""

    def effects(vector):
        moved = unpack(glmm, vector)
        start = glmm.structure.no_effects(vector.dtype)
        return scaled_factor(glmm, moved) @ conditional_mode(glmm, moved, start)

    return jax.jacfwd(effects)(pack(params))


def _fitted_rows(solution: Solution) -> Rows:
    design = solution.model.design
    z = [term.z for term in design.random]
    refs = design.random[0].refs if z else np.full(len(design.y), -1)
    return Rows(design.fixed.x, design.offset, _join(z, len(design.y)), refs, design.frame.index)


def _rows_of(solution: Solution, newdata: Any, level: str) -> Rows:
    design = solution.model.design
    new = new_rows(design, newdata, random=level != "population", groups=level == "conditional")
    m = len(new.x)
    return Rows(new.x, new.offset, _join(new.z, m), new.refs[0] if new.refs else np.full(m, -1), new.index)


def _join(z, m: int) -> np.ndarray:
    return np.concatenate(list(z), 1) if len(z) else np.zeros((m, 0))


def _check(level: str, kind: str) -> None:
    if level not in LEVELS:
        raise ModelError(f"level must be one of {', '.join(LEVELS)}, not {level!r}.")
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
