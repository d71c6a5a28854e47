"""Predictions for the rows of a table: given the random effects, at their centre, or averaged over
them."""

import itertools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.scipy.linalg import block_diag
from jaxtyping import Float

from .._errors import ModelError
from .._precision import own_settings
from .._types import Array
from ..families import AbstractFamily, innermost, predictor_names
from ..fit import Solution
from ..model import GLMM, Params, pack, term_factors, unpack
from ._between import with_new_places
from ._effects import effects_of_rows, spread_of_rows
from ._quantities import check_kind, quantity
from ._rows import Rows, fitted_rows, other_rows

LEVELS = ("conditional", "population", "marginal")
MISSING = ("nan", "raise")
# The integrand is analytic, so the trapezoid rule converges geometrically, steep means (large
# variances) included.
_NODES_A_DIMENSION = {1: 401, 2: 101}
_FAR = 9.0
_MOVES = 1e-6  # derivative by a parameter of a random term that changes a prediction
_NUMBERS_AT_ONCE = 2**21

Value = eqx.Partial
"""A compiled function of the (predictors, m) linear predictors and the packed parameters."""


def predict(
    solution: Solution,
    newdata: Any = None,
    *,
    level: str = "conditional",
    kind: str = "response",
    se: bool = False,
    missing: str = "nan",
) -> pd.Series | pd.DataFrame:
    """Predict the rows of `newdata` (default: the rows that were fitted), labelled as they are.

    - `level="conditional"`: subject-specific, given the conditional modes (zero for a level not
      seen); `"population"`: at random effects of zero; `"marginal"`: averaged over the random
      effects (population-averaged). A time or place that `ar1`, `ou`, `exp` or `mat` has not seen
      in a known group is predicted from those it has (kriging, given their parameters); with other
      structures it counts as a level not seen. Smooths `s(x)` are curves of the population, so they
      are part of all three.
    - `kind="response"`: the mean; `"link"`: the linear predictor of the mean (for `marginal` the
      link of the averaged mean; where the predictor is that of something behind the response, as of
      `log y` in `lognormal`, the averaged predictor); `"conditional_mean"`: the mean without the
      extra zeros of `ziformula`; `"zero_probability"`: that of an extra zero; `"dispersion"`: what
      `dispformula` models. The mean is the product of `conditional_mean` and one minus
      `zero_probability`.
    - `se=True`: a DataFrame `estimate, std_error` by the delta method, from the uncertainty of all
      parameters and, for `conditional`, of the random effects given the data (as glmmTMB's
      `predict`).
    - `missing="nan"`: a row of `newdata` with a missing value is predicted to be NaN, but for a
      missing level of a grouping factor, which is one not seen; `"raise"`: both are refused.

    A row of a cell that did not occur, and so was dropped from a random term, has no effect of that
    cell; how much such effects vary is not known, so that its standard error and its marginal
    prediction are NaN.

    Raises `ModelError` for newdata that lack a column, and a kind that the model lacks.
    """
    model = solution.model
    if level not in LEVELS:
        raise ModelError(f"level must be one of {', '.join(LEVELS)}, not {level!r}.")
    check_kind(model.family, kind)
    if missing not in MISSING:
        raise ModelError(f"missing must be 'nan' or 'raise', not {missing!r}.")
    rows = fitted_rows(model) if newdata is None else other_rows(model, newdata, level, missing)
    names = ["estimate", "std_error"] if se else ["prediction"]
    # No program is made for no rows.
    values = (
        _predicted(solution, rows, level, kind, se=se) if rows.count else np.zeros((len(names), 0))
    )
    table = rows.labelled(names, values)
    return table if se else table["prediction"]


def _predicted(
    solution: Solution, rows: Rows, level: str, kind: str, *, se: bool
) -> Float[np.ndarray, "numbers m"]:
    """Estimates and, with `se`, standard errors."""
    included = [k for k, own in enumerate(rows.factors) if own.is_smooth or level == "conditional"]
    unknown = rows.beyond & (level != "population")
    with own_settings():
        rows = with_new_places(solution, rows) if level == "conditional" else rows
        eta = rows.fixed(np.asarray(solution.params.beta)) + effects_of_rows(
            solution, rows, included
        )
        value = _averaged(solution, rows, kind) if level == "marginal" else _given(solution, kind)
        estimate = np.asarray(value(eta, pack(solution.params)))
        estimate = np.where(unknown & (level == "marginal"), np.nan, estimate)
        if not se:
            return estimate[None]
        variance = _variance(solution, rows, included, value, eta)
    return np.stack([estimate, np.where(unknown, np.nan, np.sqrt(variance))])


def _variance(
    solution: Solution, rows: Rows, included: list[int], value: Value, eta: np.ndarray
) -> np.ndarray:
    """By the delta method: `value` moves with the linear predictors of its row, and with the
    parameters directly."""
    vector = pack(solution.params)
    slopes, direct = (
        np.asarray(own) for own in _derivatives(value, eta, *np.split(vector, [solution.p]))
    )
    moved = rows._replace(factors=tuple(own.times(slopes) for own in rows.factors))
    part = spread_of_rows(solution, moved, included)
    jacobian = part.jacobian
    jacobian[:, : solution.p] += rows.columns(slopes)
    jacobian[:, solution.p :] += direct
    return part.variance + of_parameters(jacobian, solution.vcov)


class MarginalLinks(NamedTuple):
    """Of the rows that were fitted: the link of the mean averaged over the random effects, less the
    offset, and how it moves with all parameters."""

    values: Float[np.ndarray, " n"]
    jacobian: Float[np.ndarray, "n size"]


def marginal_links(solution: Solution) -> MarginalLinks:
    """Raises `ModelError` where no mean over random effects exists."""
    rows, vector = fitted_rows(solution.model), pack(solution.params)
    with own_settings():
        curves = [k for k, own in enumerate(rows.factors) if own.is_smooth]
        fixed = rows.fixed(np.asarray(solution.params.beta))
        eta, value = (
            fixed + effects_of_rows(solution, rows, curves),
            _averaged(solution, rows, "link"),
        )
        found = np.asarray(value(eta, vector)) - rows.offset[0]
        parts = _derivatives(value, eta, *np.split(vector, [solution.p]))
        slopes, direct = (np.asarray(own) for own in parts)
    return MarginalLinks(found, np.concatenate([rows.columns(slopes), direct], 1))


def of_parameters(
    jacobian: Float[np.ndarray, "m size"], vcov: Float[np.ndarray, "size size"]
) -> np.ndarray:
    """(m,) `J vcov J'`; parameters of which nothing is known make it NaN where they move something,
    and a range at a variance of zero, or without an end, moves nothing."""
    unknown = np.isnan(np.diagonal(vcov))
    known = np.where(unknown | unknown[:, None], 0.0, vcov)
    moved = (np.abs(jacobian[:, unknown]) > _MOVES).any(1)
    return np.where(moved, np.nan, np.einsum("na,ab,nb->n", jacobian, known, jacobian))


@eqx.filter_jit
def _derivatives(
    value: Value,
    eta: Float[Array, "predictors m"],
    beta: Float[Array, " p"],
    others: Float[Array, " k"],
) -> tuple[Float[Array, "predictors m"], Float[Array, "m k"]]:
    """Derivatives of `value` by each linear predictor of a row, and by (theta, phi) given these."""

    def at(eta, others):
        return value(eta, jnp.concatenate([beta, others]))

    units = jnp.eye(len(eta))[:, :, None] * jnp.ones_like(eta)
    slopes = jnp.stack([jax.jvp(lambda e: at(e, others), (eta,), (unit,))[1] for unit in units])
    return slopes, jax.jacfwd(at, 1)(eta, others)


def _given(solution: Solution, kind: str) -> Value:
    """The quantity at given linear predictors."""
    return eqx.Partial(_at, solution.model.glmm, kind)


@eqx.filter_jit
def _at(
    glmm: GLMM, kind: str, eta: Float[Array, "predictors m"], vector: Float[Array, " size"]
) -> Float[Array, " m"]:
    return quantity(glmm.family, kind, eta, unpack(glmm, vector).phi)


def _averaged(solution: Solution, rows: Rows, kind: str) -> Value:
    """The quantity averaged over the random effects of every factor that is no smooth."""
    glmm, family = solution.model.glmm, solution.model.family
    if not family.traits.covers_line and family.link.name != "identity":
        raise ModelError(
            f"A mean over random effects does not exist with the {family.link.name} link."
        )
    z = tuple(
        np.zeros((rows.count, len(lam))) if own.is_smooth else own.typical(len(lam))
        for own, lam in zip(rows.factors, _typical_factors(glmm, solution.params), strict=True)
    )
    written = [own for own in rows.factors if not own.is_smooth]
    moving = tuple(sorted({int(j) for own in written for j in own.predictors}))
    return eqx.Partial(_mean_over_effects, glmm, kind, moving, z)


@eqx.filter_jit
def _mean_over_effects(
    glmm: GLMM,
    kind: str,
    moving: tuple[int, ...],
    z: tuple[Float[Array, "m _"], ...],
    eta: Float[Array, "predictors m"],
    vector: Float[Array, " size"],
) -> Float[Array, " m"]:
    """`E_u q(eta + Z u)`: what the effects add to each of the linear predictors `moving` is one
    normal variable, and these are independent, so a quadrature of as many dimensions is enough."""
    if kind == "response" and "zi" in predictor_names(
        glmm.family
    ):  # a product of parts that are independent
        zero, mean = (
            _mean_over_effects(glmm, part, moving, z, eta, vector)
            for part in ("zero_probability", "conditional_mean")
        )
        return (1 - zero) * mean
    params, family = unpack(glmm, vector), glmm.family
    variance = _variances_of_effects(glmm, _typical_factors(glmm, params), z, eta.shape)
    closed = _closed_form(family, kind, eta, variance)
    if closed is not None:
        return closed
    positive = variance > 0
    sd = jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1.0)), 0.0)
    moving = tuple(j for j in moving if j in _matter(family, kind))
    nodes, weights = _rule(len(moving))
    of_kind = "conditional_mean" if kind == "link" else kind

    def average(row):
        eta, sd = row
        steps = jnp.zeros((len(eta), len(weights))).at[np.array(moving, int)].set(nodes)
        return quantity(family, of_kind, eta[:, None] + sd[:, None] * steps, params.phi) @ weights

    averaged = jax.lax.map(
        average, (eta.T, sd.T), batch_size=max(1, _NUMBERS_AT_ONCE // len(weights))
    )
    return family.link.link(averaged) if kind == "link" else averaged


def _typical_factors(glmm: GLMM, params: Params) -> list[Float[Array, "q rank"]]:
    """The scaled covariance factor of each grouping factor, as `term_factors` has them."""
    of_terms, scale = term_factors(glmm, params.theta), glmm.family.random_scale(params.phi)
    return [
        scale * block_diag(*(of_terms[term] for term in terms)) for terms in glmm.structure.terms
    ]


def _variances_of_effects(
    glmm: GLMM, lam, z, shape: tuple[int, ...]
) -> Float[Array, "predictors m"]:
    """Of what the random effects add to each linear predictor of a row."""
    found = jnp.zeros(shape)
    for factor, own, columns in zip(glmm.structure.factors, lam, z, strict=True):
        of_columns = np.broadcast_to(factor.predictor_of, (len(own),))
        for j in sorted(set(factor.predictor_of)):
            found = found.at[j].add((((columns * (of_columns == j)) @ own) ** 2).sum(1))
    return found


def _closed_form(
    family: AbstractFamily,
    kind: str,
    eta: Float[Array, "predictors m"],
    variance: Float[Array, "predictors m"],
) -> Float[Array, " m"] | None:
    """The average where it is known; None where it is not."""
    is_latent, link = family.traits.is_latent, innermost(family).link.name
    if kind == "dispersion":
        return jnp.exp(eta[1] + variance[1] / 2)
    if kind == "link" and (is_latent or link == "identity"):
        return eta[0]
    if is_latent or kind == "zero_probability" or (kind == "response" and len(eta) > 1):
        return None
    if link == "identity":
        return eta[0]
    if link == "log":
        return eta[0] + variance[0] / 2 if kind == "link" else jnp.exp(eta[0] + variance[0] / 2)
    return None


def _matter(family: AbstractFamily, kind: str) -> range:
    """The linear predictors that a kind depends on."""
    names = predictor_names(family)
    if kind == "zero_probability":
        return range(len(names) - 1, len(names))
    return range(len(names) - ("zi" in names))


def _rule(
    dimensions: int,
) -> tuple[Float[np.ndarray, "dimensions nodes"], Float[np.ndarray, " nodes"]]:
    """Nodes and weights for the mean of a function of independent standard normal variables."""
    if not dimensions:
        return np.zeros((0, 1)), np.ones(1)
    nodes = np.linspace(-_FAR, _FAR, _NODES_A_DIMENSION[dimensions])
    weights = np.exp(-0.5 * nodes**2) / np.exp(-0.5 * nodes**2).sum()
    grid = np.array(list(itertools.product(nodes, repeat=dimensions))).T
    return grid, np.prod(list(itertools.product(weights, repeat=dimensions)), axis=1)
