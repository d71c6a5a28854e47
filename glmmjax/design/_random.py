"""Random terms: their columns or positions, and their levels; and what of a smooth is random."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..formula import RandomFormula
from ._grouping import code_groups, join_labels
from ._known import Levels, known_matrix
from ._matrix import build_matrix
from ._matrix_columns import MatrixColumns
from ._names import check_distinct
from ._parts import RandomPart
from ._positions import read_line, read_order, read_space
from ._smooth import Smooth

COVARIANCES: Mapping[str, str] = MappingProxyType({"us": "columns", "diag": "columns"})
_PLACES = {"order": read_order, "line": read_line, "space": read_space}


def check_known(terms: tuple[RandomFormula, ...], covariances: Mapping[str, str]) -> None:
    """Raise a `ModelError` for a term whose covariance is none of `covariances`."""
    for term in terms:
        if term.covariance not in covariances:
            known = ", ".join(covariances)
            raise ModelError(
                f"'{term.covariance}' is no known covariance structure; known are {known}."
            )


def random_part(
    term: RandomFormula,
    frame: pd.DataFrame,
    kind: str,
    matrices: Mapping[str, Any] | None,
    context: Mapping[str, Any],
    present: np.ndarray,
) -> RandomPart:
    """The columns and levels of a random term; `kind` as in `build_design`, and `ModelError` as
    there.

    Columns that are zero in all of the rows `present` (n,), such as those of cells that do not
    occur, are left out.
    """
    if kind in _PLACES:
        return _placed(term, frame, kind, context)
    if kind == "levels":
        return _known(term, frame, matrices)
    z, recipe = build_matrix(term.columns, frame, context)
    occurs = np.asarray(z[present].any(axis=0))
    if not occurs.any():
        zeros = " but zeros" if len(occurs) else ""
        raise ModelError(f"The random term {term.text} has no columns{zeros}.")
    check_distinct(recipe.names)
    names = np.array(recipe.names, object)
    refs, cells, labels = code_groups(frame, term.factors)
    levels = join_labels(cells, labels)
    columns = MatrixColumns(recipe, np.flatnonzero(occurs))
    z = z if occurs.all() else z[:, occurs]
    dropped = tuple(names[~occurs])
    return RandomPart(
        term, tuple(names[occurs]), z, refs, levels, columns, labels, cells, dropped=dropped
    )


def smooth_parts(smooths: tuple[Smooth, ...], frame: pd.DataFrame) -> tuple[RandomPart, ...]:
    """The penalised part of each curve as a random term of one level."""
    return tuple(_smooth_part(smooth, frame) for smooth in smooths)


def _smooth_part(smooth: Smooth, frame: pd.DataFrame) -> RandomPart:
    text = smooth.formula.text if smooth.level is None else f"{smooth.formula.text}[{smooth.level}]"
    z, _ = smooth(frame)
    return RandomPart(
        formula=RandomFormula(columns="", factors=(), covariance="homdiag", text=text),
        names=tuple(f"s{j + 1}" for j in range(z.shape[1])),
        z=z,
        refs=np.zeros(len(frame), np.intp),
        levels=("",),
        columns=smooth,
        factor_levels=(),
        cells=np.zeros((1, 0), np.intp),
        is_smooth=True,
    )


def _placed(
    term: RandomFormula, frame: pd.DataFrame, kind: str, context: Mapping[str, Any]
) -> RandomPart:
    """A term with positions, whose grouping factor may have one level: one long series, or one
    map."""
    place, names, coordinates = _PLACES[kind](term, frame, context)
    if len(names) == 1:
        raise ModelError(
            f"The random term {term.text} has one position, {names[0]}, and needs two or more."
        )
    z, position = place(frame)
    refs, cells, labels = code_groups(frame, term.factors)
    return RandomPart(
        term,
        names,
        z,
        refs,
        join_labels(cells, labels),
        place,
        labels,
        cells,
        position=position,
        coordinates=coordinates,
    )


def _known(
    term: RandomFormula, frame: pd.DataFrame, matrices: Mapping[str, Any] | None
) -> RandomPart:
    """A term with a known matrix: the levels of its factor are the positions of the one level that
    it has."""
    position, cells, labels = code_groups(frame, term.factors)
    names = join_labels(cells, labels)
    return RandomPart(
        term,
        names,
        np.ones((len(frame), 1)),
        np.zeros(len(frame), np.intp),
        ("",),
        Levels(term.factors, cells, labels),
        (),
        np.zeros((1, 0), np.intp),
        position=position,
        matrix=known_matrix(term, names, matrices),
    )
