"""The parts of a linear predictor that have no levels, fixed effects and offset, and the columns of all parts."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from .._errors import ModelError
from ..formula import ParsedFormula
from ._frame import number_column
from ._matrix import build_matrix, matrix_columns, numbers, rebuild_matrix
from ._names import columns_in, require
from ._parts import FixedPart
from ._rank import independent_columns
from ._smooth import build_smooths


def fixed_columns(formula: ParsedFormula, available: Collection[str]) -> list[str]:
    """The columns of `available` that fixed part, smooths and offsets use; `ModelError` for unknown names."""
    names = matrix_columns(formula.fixed, available) + matrix_columns(numbers(*formula.offsets), available)
    for smooth in formula.smooths:
        names += columns_in(smooth.variable, available)
        if smooth.by is not None:
            require([smooth.by], available)
            names.append(smooth.by)
    return names


def predictor_columns(formula: ParsedFormula, available: Collection[str]) -> list[str]:
    """The columns of `available` that a right-hand side uses; `ModelError` for unknown names."""
    names = fixed_columns(formula, available)
    for term in formula.random:
        require(term.factors, available)
        names += matrix_columns(term.columns, available) + list(term.factors)
    return names


def fixed_part(
    formula: ParsedFormula, frame: pd.DataFrame, present: np.ndarray, *, intercept: bool = True
) -> FixedPart:
    """The fixed effects, without columns that are linear combinations of earlier ones in the rows `present` (n,).

    Without `intercept` that column is left out, if the formula has one, and what is a combination with it is dropped:
    the thresholds of ordered categories are in its place.
    """
    x, spec = build_matrix(formula.fixed, frame)
    smooths = tuple(curve for smooth in formula.smooths for curve in build_smooths(smooth, frame))
    x = np.column_stack([x, *(curve.fixed(frame) for curve in smooths)]) if smooths else x
    names = np.array([*spec.column_names, *(name for curve in smooths for name in curve.names)], object)
    seen = x if present.all() else x[present]
    if intercept:
        keep = independent_columns(seen)
        left_out = keep
    else:
        keep = independent_columns(np.column_stack([np.ones(len(seen)), seen]))[1:] - 1
        left_out = np.union1d(keep, np.flatnonzero(names == "Intercept"))
    dropped = tuple(np.delete(names, left_out))
    return FixedPart(tuple(names[keep]), x if len(keep) == x.shape[1] else x[:, keep], dropped, spec, keep, smooths)


def new_fixed(fixed: FixedPart, frame: pd.DataFrame) -> np.ndarray:
    """The columns of the fixed effects for other rows, (m, p)."""
    columns = [rebuild_matrix(fixed.spec, frame), *(curve.fixed(frame) for curve in fixed.smooths)]
    return np.column_stack(columns)[:, fixed.keep]


def offset_part(formula: ParsedFormula, frame: pd.DataFrame, name: str | None) -> tuple[np.ndarray, ModelSpec | None]:
    """The sum of the offsets, (n,), and the specification of those that the formula has."""
    if not formula.offsets:
        return named_offset(frame, name), None
    terms, spec = build_matrix(numbers(*formula.offsets), frame)
    if terms.shape[1] != len(formula.offsets):
        raise ModelError("An offset must give one number a row.")
    return named_offset(frame, name) + terms.sum(axis=1), spec


def new_offset(frame: pd.DataFrame, name: str | None, spec: ModelSpec | None) -> np.ndarray:
    """The sum of the offsets of other rows, (n,)."""
    offset = named_offset(frame, name)
    return offset if spec is None else offset + rebuild_matrix(spec, frame).sum(axis=1)


def named_offset(frame: pd.DataFrame, name: str | None) -> np.ndarray:
    """The offset that the argument gives, (n,); zeros if there is none."""
    return np.zeros(len(frame)) if name is None else number_column(frame, name, "offset")
