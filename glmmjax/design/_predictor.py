"""The parts of a linear predictor: fixed effects, random effects, offset."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from formulaic import ModelSpec

from .._errors import ModelError
from ..formula import ParsedFormula, RandomFormula
from ._frame import number_column
from ._grouping import code_groups, join_labels
from ._matrix import build_matrix, matrix_columns, numbers, rebuild_matrix
from ._names import require
from ._parts import FixedPart, RandomPart
from ._rank import independent_columns


def fixed_columns(formula: ParsedFormula, available: Collection[str]) -> list[str]:
    """The columns of `available` that the fixed part and the offsets use; `ModelError` for unknown names."""
    return matrix_columns(formula.fixed, available) + matrix_columns(numbers(*formula.offsets), available)


def predictor_columns(formula: ParsedFormula, available: Collection[str]) -> list[str]:
    """The columns of `available` that a right-hand side uses; `ModelError` for unknown names."""
    names = fixed_columns(formula, available)
    for term in formula.random:
        require(term.factors, available)
        names += matrix_columns(term.columns, available) + list(term.factors)
    return names


def fixed_part(formula: ParsedFormula, frame: pd.DataFrame, present: np.ndarray) -> FixedPart:
    """The fixed effects, without columns that are linear combinations of earlier ones in the rows `present` (n,)."""
    x, spec = build_matrix(formula.fixed, frame)
    names = np.array(spec.column_names, object)
    keep = independent_columns(x if present.all() else x[present])
    dropped = tuple(np.delete(names, keep))
    return FixedPart(tuple(names[keep]), x[:, keep] if dropped else x, dropped, spec, keep)


def random_part(term: RandomFormula, frame: pd.DataFrame) -> RandomPart:
    """The columns and levels of a random term; `ModelError` for no columns or a single level."""
    z, spec = build_matrix(term.columns, frame)
    if z.shape[1] == 0:
        raise ModelError(f"The random term {term.text} has no columns.")
    refs, cells, factor_levels = code_groups(frame, term.factors)
    levels = join_labels(cells, factor_levels)
    if len(levels) == 1:
        raise ModelError(f"The grouping factor '{term.group}' has one level, '{levels[0]}', and needs two or more.")
    return RandomPart(term, tuple(spec.column_names), z, refs, levels, spec, factor_levels, cells)


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


def check_identified(n: int, fixed: FixedPart, random: tuple[RandomPart, ...]) -> None:
    """Raise a `ModelError` if a model with a residual variance has no row left to estimate it from."""
    if len(fixed.names) >= n:
        raise ModelError(f"The model has {len(fixed.names)} fixed effects and only {n} rows.")
    for term in random:
        effects = len(term.levels) * len(term.names)
        if effects >= n:
            raise ModelError(
                f"The random term {term.formula.text} has {effects} effects for {n} rows, "
                "which leaves nothing to tell them from the residuals."
            )
