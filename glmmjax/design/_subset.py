"""Some rows of a design as a design of their own."""

from dataclasses import replace

import numpy as np

from ._grouping import join_labels
from ._parts import Design, Predictor, RandomPart


def subset_rows(design: Design, rows: np.ndarray) -> Design:
    """The design of the rows at the indices `rows` (m,), in their order.

    The columns of the fixed and of the random terms are kept as they are: means, knots, positions
    and levels are those of the whole design, and no column is dropped. Levels of the grouping
    factors that do not occur go. Nothing is checked again: a response that is the same in all of
    these rows, a single level or dependent columns may come out. `dropped_rows` is 0, as a row with
    a missing value is in no subset.
    """
    rows = np.asarray(rows, np.intp)
    return replace(
        design,
        frame=design.frame.take(rows),
        y=design.y[rows],
        weights=design.weights[rows],
        predictors=tuple(_subset_predictor(own, rows) for own in design.predictors),
        random=tuple(_subset_term(term, rows) for term in design.random),
        dropped_rows=0,
        is_inherited=True,
    )


def _subset_predictor(own: Predictor, rows: np.ndarray) -> Predictor:
    return replace(own, offset=own.offset[rows], fixed=replace(own.fixed, x=own.fixed.x[rows]))


def _subset_term(term: RandomPart, rows: np.ndarray) -> RandomPart:
    position = None if term.position is None else term.position[rows]
    term = replace(term, z=term.z[rows], position=position)
    if not term.factor_levels:
        return replace(term, refs=term.refs[rows])
    kept, refs = np.unique(term.refs[rows], return_inverse=True)
    occurring, cells = zip(
        *(np.unique(codes, return_inverse=True) for codes in term.cells[kept].T), strict=True
    )
    labels = tuple(
        tuple(own[k] for k in codes)
        for own, codes in zip(term.factor_levels, occurring, strict=True)
    )
    cells = np.column_stack(cells)
    return replace(
        term, refs=refs, levels=join_labels(cells, labels), factor_levels=labels, cells=cells
    )
