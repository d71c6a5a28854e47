"""A design of other rows: its columns mean what they mean in the first."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..formula import identifiers
from ._frame import read_frame, read_weights
from ._grouping import code_groups, join_labels
from ._names import is_stateful
from ._newrows import align, aligned_columns, offset_column, rows_beyond
from ._parts import Design, Predictor, RandomPart
from ._predictor import group_columns, new_fixed, new_offset
from ._response import read_response, response_columns
from ._table import open_table


def with_rows(design: Design, data: Any) -> Design:
    """The design of the rows of another table.

    Means, scales, knots, contrasts, the levels of fixed factors and positions are those of
    `design`, whether they occur or not; the levels of grouping factors are those that occur.
    Response, weights and offset are read from the table, whose rows with a missing value are
    dropped. Raises `ModelError` for a column that is missing, a level of a fixed factor, a category
    of the response or a position that `design` does not have, and weights or an offset that were
    arrays.
    """
    table = open_table(data, "newdata")
    offset_column(design, table.names)
    if design.weights_name == "(weights)" and "(weights)" not in table.names:
        raise ModelError(
            "The weights were an array, which newdata cannot have: give the model the name of a"
            " column as weights."
        )
    fitted, context = design.frame.columns, design.context
    alone = group_columns([own.formula for own in design.predictors], fitted, context)
    frame, dropped, _ = read_frame(table, list(map(str, fitted)), {}, groups=alone)
    left = response_columns(design.response_name, design.response_kind, fitted, context)
    frame = align(design, frame, [*left, *aligned_columns(design, design.random)])
    y, weights = _response(design, frame, left)
    return replace(
        design,
        predictors=tuple(_predictor(design, own, frame) for own in design.predictors),
        frame=frame,
        y=y,
        weights=weights,
        random=tuple(_term(term, frame) for term in design.random),
        dropped_rows=dropped,
        is_inherited=True,
    )


def _response(
    design: Design, frame: pd.DataFrame, columns: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """The response, in the shape of that of `design`, and the weights of the rows of `frame`.

    It is read together with that of `design`, so that categories have the same numbers.
    """
    text, kind, first = design.response_name, design.response_kind, len(design.y)
    for name in identifiers(text):
        if name not in columns and is_stateful(name, design.context):
            raise ModelError(
                f"The response {text} depends on all rows by {name}(...): make it a column of the"
                " data."
            )
    used = [*columns, *([design.weights_name] if design.weights_name else [])]
    both = pd.concat([design.frame.filter(used), frame.filter(used)])
    y, weights = read_response(
        text, kind, both, read_weights(both, design.weights_name), design.context
    )
    if not np.array_equal(y[:first], design.y, equal_nan=True):
        raise ModelError(
            f"The response {text} has categories in newdata that the model was not fitted to."
        )
    return y[first:], np.ones(len(frame)) if weights is None else weights[first:]


def _predictor(design: Design, own: Predictor, frame: pd.DataFrame) -> Predictor:
    name = design.offset_name if own.name == "mean" else None
    fixed = replace(own.fixed, x=new_fixed(own.fixed, frame))
    return replace(own, fixed=fixed, offset=new_offset(frame, name, own.offset_recipe))


def _term(term: RandomPart, frame: pd.DataFrame) -> RandomPart:
    z, position = term.columns(frame)
    if position is not None and (position < 0).any():
        row = frame.index[int(np.argmax(position < 0))]
        raise ModelError(f"The term {term.formula.text} has no position for row {row} of newdata.")
    beyond = rows_beyond([term], frame)
    if beyond.any():
        row = frame.index[int(np.argmax(beyond))]
        raise ModelError(
            f"The term {term.formula.text} has no effect for row {row} of newdata, whose cell did"
            " not occur in the data of the model."
        )
    term = replace(term, z=z, position=position)
    if not term.factor_levels:
        return replace(term, refs=np.zeros(len(frame), np.intp))
    refs, cells, labels = code_groups(frame, term.formula.factors)
    return replace(
        term, refs=refs, levels=join_labels(cells, labels), factor_levels=labels, cells=cells
    )
