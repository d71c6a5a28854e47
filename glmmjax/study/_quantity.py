"""The quantities of a model on their natural scales, by name: what a bootstrap or a simulation study speaks of."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._precision import float64
from ..batch import BatchSolution
from ..mixed import MixedModel
from ..model import scaled_factor
from ..params import Params


class Cell(NamedTuple):
    """An entry of the covariance of the random effects, and what it is called: a standard deviation if `row` is
    `column`, else a correlation."""

    name: str
    row: int
    column: int


def estimates(batch: BatchSolution) -> pd.DataFrame:
    """(B, k) estimates of every quantity, NaN for members that failed.

    Columns: the fixed effects by name, `sd(x | g)` and `cor(x, z | g)` of the random effects, and the family's own
    parameters by name. A correlation with an effect whose standard deviation is zero is NaN.
    """
    found = batch.reported
    values = _values(batch.members.first, found.beta, found.covariance, found.dispersion)
    index = pd.Index(batch.members.names, name="member", tupleize_cols=False)
    return pd.DataFrame(values, index=index, columns=_names(batch.members.first))


def truth(model: MixedModel, params: Params) -> pd.Series:
    """(k,) the same quantities at `params`."""
    with float64():
        lam, dispersion = jax.tree.map(
            np.asarray, (scaled_factor(model.glmm, params), model.family.dispersion(params.phi))
        )
    beta = np.asarray(params.beta, np.float64)[None]
    values = _values(model, beta, (lam @ lam.T)[None], np.array([dispersion], np.float64).reshape(1, -1))
    return pd.Series(values[0], index=_names(model), name="truth")


def cells(model: MixedModel) -> Iterator[Cell]:
    """The entries of the covariance of the random effects that are estimated, term after term."""
    first = 0
    for term in model.design.random:
        group, names, q = term.formula.group, term.names, len(term.names)
        yield from (Cell(f"sd({name} | {group})", first + i, first + i) for i, name in enumerate(names))
        pairs = () if term.formula.covariance == "diag" else zip(*np.triu_indices(q, 1), strict=True)
        for i, j in pairs:
            yield Cell(f"cor({names[i]}, {names[j]} | {group})", first + int(i), first + int(j))
        first += q


def _names(model: MixedModel) -> pd.Index:
    fixed = list(model.design.fixed.names)
    own = [f"dispersion({name})" if name in fixed else name for name in model.family.dispersion_names]
    return pd.Index([*fixed, *(cell.name for cell in cells(model)), *own], name="quantity")


def _values(
    model: MixedModel,
    beta: Float[np.ndarray, "members p"],
    covariance: Float[np.ndarray, "members q q"],
    dispersion: Float[np.ndarray, "members m"],
) -> Float[np.ndarray, "members k"]:
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    columns = []
    for _, i, j in cells(model):
        product = sd[:, i] * sd[:, j]
        nothing = np.full(len(product), np.nan)
        columns.append(sd[:, i] if i == j else np.divide(covariance[:, i, j], product, out=nothing, where=product > 0))
    return np.column_stack([beta, *columns, dispersion])
