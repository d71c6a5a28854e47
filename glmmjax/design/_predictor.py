"""The parts of a linear predictor that have no levels, fixed effects and offset, and the columns of
all parts."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..formula import ParsedFormula
from ._frame import number_column
from ._matrix import Recipe, build_matrix, matrix_columns, numbers
from ._names import NO_CONTEXT, check_distinct, columns_in, plain_name, require
from ._parts import FixedPart
from ._rank import independent_columns
from ._smooth import build_smooths


def fixed_columns(
    formula: ParsedFormula, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that fixed part, smooths and offsets use; `ModelError` for unknown
    names."""
    names = matrix_columns(formula.fixed, available, context)
    names += matrix_columns(numbers(*formula.offsets), available, context)
    for smooth in formula.smooths:
        names += columns_in(smooth.variable, available, context)
        if smooth.by is not None:
            require([smooth.by], available)
            names.append(smooth.by)
    return names


def term_columns(
    formula: ParsedFormula, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that a right-hand side uses otherwise than as grouping factors."""
    names = fixed_columns(formula, available, context)
    for term in formula.random:
        names += matrix_columns(term.columns, available, context)
    return names


def group_columns(
    formulas: Collection[ParsedFormula],
    available: Collection[str],
    context: Mapping[str, Any] = NO_CONTEXT,
) -> set[str]:
    """The columns of `available` that are grouping factors and nothing else."""
    factors = {name for own in formulas for term in own.random for name in term.factors}
    return factors.difference(*(term_columns(own, available, context) for own in formulas))


def predictor_columns(
    formula: ParsedFormula, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that a right-hand side uses; `ModelError` for unknown names."""
    names = fixed_columns(formula, available, context)
    for term in formula.random:
        require(term.factors, available)
        names += matrix_columns(term.columns, available, context) + list(term.factors)
    return names


def fixed_part(
    formula: ParsedFormula,
    frame: pd.DataFrame,
    present: np.ndarray,
    context: Mapping[str, Any] = NO_CONTEXT,
    *,
    intercept: bool = True,
) -> FixedPart:
    """The fixed effects, without columns that are linear combinations of earlier ones in the rows
    `present` (n,).

    Without `intercept` that column is left out, if the formula has one, and what is a combination
    with it is dropped: the thresholds of ordered categories are in its place.
    """
    x, recipe = build_matrix(formula.fixed, frame, context)
    smooths = tuple(
        curve for smooth in formula.smooths for curve in build_smooths(smooth, frame, context)
    )
    x = np.column_stack([x, *(curve.fixed(frame) for curve in smooths)]) if smooths else x
    names = np.array([*recipe.names, *(name for curve in smooths for name in curve.names)], object)
    check_distinct(list(names))
    seen = x if present.all() else x[present]
    if intercept:
        keep = independent_columns(seen)
        left_out = keep
    else:
        keep = independent_columns(np.column_stack([np.ones(len(seen)), seen]))[1:] - 1
        left_out = np.union1d(keep, np.flatnonzero(names == "Intercept"))
    dropped = tuple(np.delete(names, left_out))
    return FixedPart(
        tuple(names[keep]),
        x if len(keep) == x.shape[1] else x[:, keep],
        dropped,
        recipe,
        keep,
        smooths,
    )


def new_fixed(fixed: FixedPart, frame: pd.DataFrame) -> np.ndarray:
    """The columns of the fixed effects for other rows, (m, p)."""
    columns = [fixed.recipe(frame), *(curve.fixed(frame) for curve in fixed.smooths)]
    return np.column_stack(columns)[:, fixed.keep]


def offset_part(
    formula: ParsedFormula,
    frame: pd.DataFrame,
    name: str | None,
    context: Mapping[str, Any] = NO_CONTEXT,
) -> tuple[np.ndarray, Recipe | None]:
    """The sum of the offsets, (n,), and what gives those that the formula has."""
    if not formula.offsets:
        return named_offset(frame, name), None
    for column in filter(None, map(plain_name, formula.offsets)):
        number_column(frame, column, "offset")
    terms, recipe = build_matrix(numbers(*formula.offsets), frame, context)
    if terms.shape[1] != len(formula.offsets):
        raise ModelError("An offset must give one number a row.")
    return named_offset(frame, name) + terms.sum(axis=1), recipe


def new_offset(frame: pd.DataFrame, name: str | None, recipe: Recipe | None) -> np.ndarray:
    """The sum of the offsets of other rows, (n,)."""
    offset = named_offset(frame, name)
    return offset if recipe is None else offset + recipe(frame).sum(axis=1)


def named_offset(frame: pd.DataFrame, name: str | None) -> np.ndarray:
    """The offset that the argument gives, (n,); zeros if there is none."""
    return np.zeros(len(frame)) if name is None else number_column(frame, name, "offset")


def largest_term(fixed: FixedPart) -> str:
    """Which term of a formula has most of its coefficients, for a sentence."""
    kept = [
        int(((own.start <= fixed.keep) & (fixed.keep < own.stop)).sum())
        for own in fixed.recipe.spec.term_slices.values()
    ]
    count, term = max(
        zip(kept, map(str, fixed.recipe.spec.term_slices), strict=True), default=(0, "")
    )
    return f", of which {count} are of the term {term}," if count > 1 else ""
