"""Tables of a batch: estimates and tests of all members."""

import os

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtr, stdtr

from .._errors import ModelError
from .._files import write_whole
from .._precision import own_settings
from .._status import STATUSES
from .._types import Array
from ..families import predictor_names, reported_names
from ..inference import (
    block,
    components,
    degrees_of_freedom,
    names_of,
    numbers_of,
    part_names,
    varcorr_columns,
    variance_and_slope,
)
from ..marginal import Exact
from ..model import GLMM
from ..params import Params
from ..structure import round_up
from ._solution import BatchSolution

_AT_ONCE = 4096


def fixef(batch: BatchSolution, part: str = "mean") -> pd.DataFrame:
    """(B, p) estimates of the fixed effects of a linear predictor, NaN for members that failed."""
    return _of_part(batch, batch.reported.beta, part)


def std_errors(batch: BatchSolution, part: str = "mean") -> pd.DataFrame:
    """(B, p) standard errors of the fixed effects."""
    return _of_part(batch, np.sqrt(np.diagonal(batch.reported.vcov, axis1=1, axis2=2)), part)


def vcov(batch: BatchSolution, part: str = "mean") -> np.ndarray:
    """(B, p, p) covariances of the fixed effects."""
    own = block(batch.members.first, part)
    return batch.reported.vcov[:, own, own]


def other_coefficients(batch: BatchSolution, part: str) -> pd.DataFrame:
    """(B, k) estimates of a linear predictor beside the mean's, without columns if the model has
    none of that name."""
    if part in predictor_names(batch.members.first.family):
        return fixef(batch, part)
    return pd.DataFrame(index=_members(batch), dtype=np.float64)


def _of_part(batch: BatchSolution, values: np.ndarray, part: str) -> pd.DataFrame:
    model = batch.members.first
    own, names = block(model, part), list(part_names(model, part))
    return pd.DataFrame(values[:, own], index=_members(batch), columns=names)


def dispersion(batch: BatchSolution) -> pd.DataFrame:
    """(B, k) the family's own parameters on their natural scale."""
    names = list(reported_names(batch.members.first.family))
    return pd.DataFrame(batch.reported.dispersion, index=_members(batch), columns=names)


def varcorr(batch: BatchSolution) -> pd.DataFrame:
    """Variances and correlations of the random effects: `member, group, term1, term2, vcov, sdcor`,
    as a fit's."""
    frames, found, columns = [], batch.reported, ["member", *varcorr_columns(batch.members.first)]
    for number, term, component in components(batch.members.first):
        numbers = numbers_of(component, found.theta[number], found.covariance[number])
        frames.append(
            _component(batch, (term.formula.group, component.term1, component.term2), numbers)
        )
    if batch.members.first.family.traits.has_residual:
        sigma = batch.reported.dispersion[:, 0]
        frames.append(_component(batch, ("Residual", "", ""), {"vcov": sigma**2, "sdcor": sigma}))
    table = pd.concat(frames) if frames else pd.DataFrame(columns=columns)
    return table.reindex(columns=columns).sort_index(kind="stable").reset_index(drop=True)


def tidy(batch: BatchSolution) -> pd.DataFrame:
    """One row a member and fixed effect: `member, term, estimate, std_error, statistic, p_value,
    p_adjusted, status`.

    `p_value` as in the table of one fit: a z-test, for linear models a t-test with Satterthwaite's
    degrees of freedom. `p_adjusted` is Benjamini and Hochberg's (1995), over the members within
    each term. Names of coefficients of other linear predictors than the mean's begin with `disp_`
    and `zi_`.
    """
    names, estimate = names_of(batch.members.first), batch.reported.beta
    error = np.sqrt(np.diagonal(batch.reported.vcov, axis1=1, axis2=2)[:, : len(names)])
    statistic = np.divide(estimate, error, out=np.full_like(estimate, np.nan), where=error > 0)
    if isinstance(batch.method, Exact):
        df = satterthwaite_df(batch)
        p_value = 2 * stdtr(df, -np.abs(statistic))
    else:
        p_value = 2 * ndtr(-np.abs(statistic))
    adjusted = np.full_like(p_value, np.nan)
    for term in range(len(names)):
        adjusted[:, term] = benjamini_hochberg(p_value[:, term])
    status = np.array([status.name.lower() for status in STATUSES], dtype=object)[
        batch.found.status
    ]
    members, p = _members(batch), len(names)
    return pd.DataFrame(
        {
            "member": members.repeat(p),
            "term": np.tile(np.array(names, dtype=object), len(members)),
            "estimate": estimate.ravel(),
            "std_error": error.ravel(),
            "statistic": statistic.ravel(),
            "p_value": p_value.ravel(),
            "p_adjusted": adjusted.ravel(),
            "status": status.repeat(p),
        }
    )


def write_parquet(batch: BatchSolution, path: str | os.PathLike) -> None:
    """Write `tidy(batch)`; `ModelError` without pyarrow, for names that Parquet does not take, or
    where it fails."""
    try:
        content = tidy(batch).to_parquet(None, index=False)
    except ImportError as error:
        raise ModelError(
            "Writing Parquet needs pyarrow: pip install 'glmmjax[parquet]'."
        ) from error
    except (TypeError, ValueError) as error:
        raise ModelError(
            "Parquet takes no names of members of several kinds: give them names of one kind."
        ) from error
    write_whole(path, lambda file: file.write(content))


def counts(batch: BatchSolution) -> pd.Series:
    """Number of members by status."""
    names = pd.Series([STATUSES[code].name.lower() for code in batch.found.status], dtype=object)
    return names.value_counts().rename("members").rename_axis("status")


def benjamini_hochberg(p_value: np.ndarray) -> np.ndarray:
    """P-values adjusted for the false discovery rate: `min over j >= i of m p_(j) / j`; NaN are no
    tests."""
    adjusted = np.full_like(p_value, np.nan)
    here = np.flatnonzero(~np.isnan(p_value))
    order = here[np.argsort(-p_value[here])]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p_value[order] * len(order) / ranks), 1.0)
    return adjusted


def satterthwaite_df(batch: BatchSolution) -> np.ndarray:
    """(B, p) degrees of freedom of the fixed effects of linear models, as
    `inference.satterthwaite_df` of each."""
    df = np.full_like(batch.found.beta, np.nan)
    for bucket in batch.members.buckets():
        good = bucket[batch.ok[bucket]]
        for first in range(0, len(good), _AT_ONCE):
            numbers = good[first : first + _AT_ONCE]
            # The last is repeated up to a round number, so that few programs serve all batches.
            padded = numbers[np.minimum(np.arange(round_up(len(numbers))), len(numbers) - 1)]
            df[numbers] = _some_df(batch, padded, bucket)[: len(numbers)]
    return df


def _some_df(batch: BatchSolution, numbers: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    loaded = batch.members.load(numbers, bucket)
    working, found = loaded.working, jax.tree.map(lambda leaf: leaf[numbers], batch.found)
    params = working.forth(Params(found.beta, found.theta, found.phi))
    own, shared = eqx.partition(working.glmm, loaded.own)
    p, members = params.beta.shape[-1], len(numbers)
    back = np.broadcast_to(working.beta_back, (members, p, p))
    with own_settings():
        variance, slope = jax.tree.map(np.asarray, _variances(own, shared, params, back))
    # By the user's parameters, whose covariance `vcov` is.
    jacobian = np.broadcast_to(working.jacobian, found.vcov.shape)[:, p:, p:]
    slope = np.swapaxes(
        np.linalg.solve(np.swapaxes(jacobian, 1, 2), np.swapaxes(slope, 1, 2)), 1, 2
    )
    return degrees_of_freedom(variance, slope, found.vcov[:, p:, p:])


@eqx.filter_jit
def _variances(own: GLMM, shared: GLMM, params: Params, back: Float[Array, "members p p"]):
    def one(member):
        own, params, back = member
        return variance_and_slope(eqx.combine(own, shared), params, back)

    return jax.lax.map(one, (own, params, back))


def _component(
    batch: BatchSolution, names: tuple[str, str, str], numbers: dict[str, np.ndarray]
) -> pd.DataFrame:
    group, first, second = names
    columns = {"member": list(batch.members.names), "group": group, "term1": first, "term2": second}
    return pd.DataFrame({**columns, **numbers})


def _members(batch: BatchSolution) -> pd.Index:
    return pd.Index(batch.members.names, name="member", tupleize_cols=False)
