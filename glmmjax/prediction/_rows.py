"""The rows to predict, arranged as the numerics see random effects: by grouping factor."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..assembly import MixedModel
from ..covariances import Placed
from ..design import new_rows, rows_beyond


class FactorRows(NamedTuple):
    """The random columns of m rows that belong to one grouping factor.

    Attributes:
        z: (m, q), or (m, 1) if each row has one column only, `position`.
        refs: (m,) level of each row, -1 for one that the model has not seen.
        position: (m,) column of each row, -1 for one that the model has not seen; or None.
        is_smooth: whether it is a curve, which belongs to the population.
        predictors: (columns,) linear predictor of each column of `z`.
        places: (m, dims) where the rows are, or None.
        extra: (m,) variance beside that of the effects: of places between those that the model has
            seen.
        separate: whether levels have positions of their own, `q` at most: then `position` counts
            those of the level.
    """

    z: np.ndarray
    refs: np.ndarray
    position: np.ndarray | None
    is_smooth: bool
    predictors: np.ndarray
    places: np.ndarray | None = None
    extra: np.ndarray | None = None
    separate: bool = False

    @property
    def known(self) -> np.ndarray:
        """(m,) whether the model has seen the level (and position) of a row."""
        return (
            (self.refs >= 0) if self.position is None else (self.refs >= 0) & (self.position >= 0)
        )

    def wide(self, q: int) -> np.ndarray:
        """(m, q) all columns; the first stands for a position that the model has not seen, whose
        variance it has."""
        return (
            self.z
            if self.position is None
            else self.z * (np.maximum(self.position, 0)[:, None] == np.arange(q))
        )

    def typical(self, q: int) -> np.ndarray:
        """(m, q) the columns as `Solution.covariance` has them: of positions that differ from level
        to level, which all have one variance, the first."""
        return np.pad(self.z, [(0, 0), (0, q - 1)]) if self.separate else self.wide(q)

    def times(self, slopes: np.ndarray) -> "FactorRows":
        """What `u` adds to a sum of the linear predictors with the weights `slopes` (predictors,
        m)."""
        own = slopes[self.predictors].T
        return self._replace(
            z=self.z * own, extra=None if self.extra is None else self.extra * own[:, 0] ** 2
        )


class Rows(NamedTuple):
    """What the linear predictors of m rows are made of.

    Attributes:
        x: for each linear predictor (m, p_j).
        offset: (predictors, m).
        factors: in the order of the model's structure.
        index: labels of the rows of the table.
        complete: which of these the m rows are; the others miss a value.
        beyond: (m,) which have an effect that the model lacks, of a cell that did not occur.
    """

    x: tuple[np.ndarray, ...]
    offset: np.ndarray
    factors: tuple[FactorRows, ...]
    index: pd.Index
    complete: np.ndarray
    beyond: np.ndarray

    @property
    def count(self) -> int:
        """Their number, m."""
        return self.offset.shape[1]

    def labelled(self, names: list[str], values: np.ndarray) -> pd.DataFrame:
        """`values` (names, m) of the rows as columns with all labels, NaN for rows that miss a
        value."""
        table = np.full((len(self.index), len(names)), np.nan)
        table[self.complete] = values.T
        return pd.DataFrame(table, index=self.index, columns=names)

    def fixed(self, beta: np.ndarray) -> np.ndarray:
        """(predictors, m) the fixed part."""
        parts = np.split(beta, np.cumsum([x.shape[1] for x in self.x])[:-1])
        return self.offset + np.stack([x @ own for x, own in zip(self.x, parts, strict=True)])

    def columns(self, slopes: np.ndarray) -> np.ndarray:
        """(m, p) derivative by all coefficients of a sum of the linear predictors with the weights
        `slopes`."""
        return np.concatenate([x * own[:, None] for x, own in zip(self.x, slopes, strict=True)], 1)


def fitted_rows(model: MixedModel) -> Rows:
    """The rows that were fitted."""
    design = model.design
    z, refs, positions = (
        zip(*((t.z, t.refs, t.position) for t in design.random), strict=True)
        if design.random
        else ((),) * 3
    )
    x, offset = zip(*((own.fixed.x, own.offset) for own in design.predictors), strict=True)
    everywhere, beyond = np.ones(len(design.y), bool), rows_beyond(design.random, design.frame)
    factors = _by_factor(model, z, refs, positions)
    return Rows(x, np.stack(offset), factors, design.frame.index, everywhere, beyond)


def other_rows(model: MixedModel, newdata: Any, level: str, missing: str = "nan") -> Rows:
    """The rows of a table, of which what `level` does not need is not read; raises `ModelError`."""
    needed = {"random": level != "population", "groups": level == "conditional"}
    new = new_rows(model.design, newdata, **needed, missing=missing)
    factors = _by_factor(model, new.z, new.refs, new.positions)
    places = (new.coordinates[terms[0]] for terms in model.glmm.structure.terms)
    factors = tuple(own._replace(places=where) for own, where in zip(factors, places, strict=True))
    return Rows(new.x, np.stack(new.offset), factors, new.index, new.complete, new.beyond)


def _by_factor(model: MixedModel, z, refs, positions) -> tuple[FactorRows, ...]:
    found = []
    for terms, factor in zip(model.glmm.structure.terms, model.glmm.structure.factors, strict=True):
        part, position = model.design.random[terms[0]], positions[terms[0]]
        columns = np.concatenate([z[term] for term in terms], 1)
        own = FactorRows(
            columns, refs[terms[0]], position, part.is_smooth, np.array(factor.predictor_of)
        )
        if isinstance(model.glmm.covariances[terms[0]], Placed):
            own = own._replace(
                position=part.separate.find(own.refs, np.asarray(position)), separate=True
            )
        found.append(own)
    return tuple(found)
