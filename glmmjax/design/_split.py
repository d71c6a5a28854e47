"""One design as many: the rows of each level of a column."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._build import build_design
from ._parts import Design, RandomPart
from ._rank import independent_columns
from ._subset import subset_rows
from ._table import open_table


def split_design(  # noqa: PLR0913 - keyword-only
    formula: str,
    data: Any,
    by: str,
    *,
    response: str,
    weights: Any = None,
    offset: Any = None,
    covariances: Mapping[str, str] | None = None,
    matrices: Mapping[str, Any] | None = None,
    others: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> tuple[list, list[Design]]:
    """The levels of the column `by` (sorted, or in the order of its categories), and the design of
    the rows of each.

    The columns of all designs are made from the whole table. Rows in which `by` is missing are in
    none; a level whose rows all miss some other value has a design of no rows. Raises `ModelError`
    as `build_design` does.
    """
    table = open_table(data)
    if not isinstance(by, str):
        raise ModelError(f"by must be the name of a column, not {by!r}.")
    groups = table.read([by])[by].reset_index(drop=True)
    if not table.index.is_unique:
        raise ModelError("The row labels of data repeat: reset its index.")
    design = build_design(
        formula,
        data,
        response=response,
        weights=weights,
        offset=offset,
        covariances=covariances,
        matrices=matrices,
        others=others,
        context=context,
    )
    is_categorical = isinstance(groups.dtype, pd.CategoricalDtype)
    codes, levels = pd.factorize(
        groups if is_categorical else groups.to_numpy(), sort=True, use_na_sentinel=True
    )
    codes = codes[table.index.get_indexer(design.frame.index)]
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(levels) + 1))
    parts = [subset_rows(design, order[start:end]) for start, end in itertools.pairwise(bounds)]
    return list(levels), parts


def is_identified(design: Design) -> bool:
    """Whether the rows of a subset may identify its model: independent columns, and several
    positions."""
    present = design.weights > 0
    n = int(present.sum())
    for own in design.predictors:
        columns = own.fixed.x.shape[1]
        if n < columns or len(independent_columns(own.fixed.x[present])) < columns:
            return False
    return all(_is_term_identified(term, present) for term in design.random)


def _is_term_identified(term: RandomPart, present: np.ndarray) -> bool:
    if term.is_smooth or term.matrix is not None:
        return True  # the penalty or the known matrix leaves one variance
    if term.position is not None:
        return len(np.unique(term.position[present])) > 1
    n, q = int(present.sum()), len(term.names)
    return n >= q and len(independent_columns(term.z[present])) == q
