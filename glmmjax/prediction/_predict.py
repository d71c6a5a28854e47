"""Predictions for the rows of a table: given the random effects, at their centre, or averaged over them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._precision import float64
from .._types import Array
from ..fit import Solution
from ..model import GLMM, pack, scaled_factor, unpack
from ._between import with_new_places
from ._effects import Part, effects_part
from ._rows import Rows, fitted_rows, other_rows

LEVELS = ("conditional", "population", "marginal")
KINDS = ("response", "link")
# The integrand is analytic, so the trapezoid rule converges geometrically, steep means (large variances) included.
_NODES = np.linspace(-9.0, 9.0, 401)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()
_ROWS_AT_ONCE = 4096


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
      A time or place that `ar1`, `ou`, `exp` or `mat` has not seen in a known group is predicted from those it has
      (kriging, given their parameters); with other structures it counts as a level not seen.
      Smooths `s(x)` are curves of the population, so they are part of all three.
    - `kind="response"`: the mean; `"link"`: the linear predictor (for `marginal` the link of the averaged mean; where
      the predictor is that of something behind the response, as of `log y` in `lognormal`, the averaged predictor).
    - `se=True`: a DataFrame `estimate, std_error` by the delta method, from the uncertainty of all parameters and, for
      `conditional`, of the random effects given the data (as glmmTMB's `predict`).

    Raises `ModelError` for newdata that lack a column.
    """
    _check(level, kind)
    model = solution.model
    rows = fitted_rows(model) if newdata is None else other_rows(model, newdata, level)
    included = [k for k, own in enumerate(rows.factors) if own.is_smooth or level == "conditional"]
    with float64():
        rows = with_new_places(solution, rows) if level == "conditional" else rows
        part = effects_part(solution, rows, included, se=se)
        rows = rows._replace(offset=rows.offset + part.eta)
        if level == "marginal":
            estimate, variance = _averaged(solution, rows, part, kind, se=se)
        else:
            estimate, variance = _given(solution, rows, part, kind)
    if not se:
        return pd.Series(np.asarray(estimate), index=rows.index, name="prediction")
    return pd.DataFrame({"estimate": estimate, "std_error": np.sqrt(variance)}, index=rows.index)


def _given(solution: Solution, rows: Rows, part: Part, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and their variances given the effects in `part`."""
    params, family = solution.params, solution.model.family
    eta = rows.offset + rows.x @ params.beta
    jacobian = part.jacobian.copy()
    jacobian[:, : solution.p] += rows.x
    variance = part.variance + np.einsum("na,ab,nb->n", jacobian, solution.vcov, jacobian)
    if kind == "link":
        return eta, variance
    phi = jnp.asarray(params.phi)
    mu, slope = jax.jvp(lambda e: family.mean(e, phi), (jnp.asarray(eta),), (jnp.ones(len(eta)),))
    return np.asarray(mu), variance * np.asarray(slope) ** 2


def _averaged(solution: Solution, rows: Rows, part: Part, kind: str, *, se: bool) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and their variances, averaged over the random effects of every factor that is no smooth."""
    glmm, family = solution.model.glmm, solution.model.family
    if not family.traits.covers_line and family.link.name != "identity":
        raise ModelError(f"A mean over random effects does not exist with the {family.link.name} link.")
    z = tuple(
        np.zeros((len(rows.x), f.q)) if own.is_smooth else own.wide(f.q)
        for own, f in zip(rows.factors, glmm.structure.factors, strict=True)
    )
    vector, arrays = pack(solution.params), (rows.x, z, rows.offset)
    if not se:
        estimate = np.asarray(_marginal_mean(glmm, vector, arrays, kind))
        return estimate, np.zeros_like(estimate)
    estimate, slope = map(np.asarray, _marginal_mean_and_slope(glmm, vector, arrays, kind))
    jacobian = np.asarray(_marginal_jacobian(glmm, vector, arrays, kind)) + slope[:, None] * part.jacobian
    variance = np.einsum("na,ab,nb->n", jacobian, solution.vcov, jacobian)
    return estimate, variance + slope**2 * part.variance


@eqx.filter_jit
def _marginal_mean_and_slope(glmm: GLMM, vector, arrays, kind: str) -> tuple[Float[Array, " m"], Float[Array, " m"]]:
    """The averaged mean, and its derivative by the linear predictor."""
    x, z, offset = arrays
    moved = (jnp.asarray(offset),), (jnp.ones(len(offset)),)
    return jax.jvp(lambda at: _marginal_mean(glmm, vector, (x, z, at), kind), *moved)


@eqx.filter_jit
def _marginal_mean(glmm: GLMM, vector: Float[Array, " size"], arrays, kind: str) -> Float[Array, " m"]:
    """`E_u g^-1(x'beta + z'u)`: `z'u`, summed over the factors, is one normal variable, so one-dimensional quadrature
    is enough."""
    params, (x, z, offset), link = unpack(glmm, vector), arrays, glmm.family.link
    eta = x @ params.beta + offset
    parts = zip(z, scaled_factor(glmm, params), strict=True)
    variance = sum((((own @ lam) ** 2).sum(1) for own, lam in parts), jnp.zeros(len(x)))
    is_latent = glmm.family.traits.is_latent
    if (link.name == "identity" and not is_latent) or (kind == "link" and is_latent):
        return eta
    if link.name == "log" and not is_latent:
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


def _check(level: str, kind: str) -> None:
    if level not in LEVELS:
        raise ModelError(f"level must be one of {', '.join(LEVELS)}, not {level!r}.")
    if kind not in KINDS:
        raise ModelError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
