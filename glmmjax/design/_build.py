"""A formula and a table to a `Design`."""

from typing import Any

import numpy as np

from ..formula import ParsedFormula, parse_formula
from ._frame import argument_name, read_frame, read_weights
from ._parts import Design
from ._predictor import (
    check_identified,
    fixed_part,
    offset_part,
    predictor_columns,
    random_part,
)
from ._response import read_response, response_columns
from ._table import Table, open_table


def build_design(formula: str, data: Any, *, response: str, weights: Any = None, offset: Any = None) -> Design:
    """Read the columns that a formula uses and code them.

    - `data`: a pandas or polars DataFrame, a pyarrow Table, or a dict of arrays; n rows.
    - `response`: what the family can take: "real", "positive" (> 0), "count" (whole, not negative), "binary"
        (0, 1 or bool) or "proportion" (successes out of trials: `s / t`, `cbind(s, f)`, a 0/1 column, or a
        proportion whose trials are the weights). A formula without a left-hand side has a `y` of NaN; its
        trials are the weights, or one.
    - `weights`, `offset`: a column name or an array of n. Terms `offset(...)` of the formula add to `offset`.

    Rows with a missing value in a used column are dropped and counted; columns of the fixed part that are
    linear combinations of earlier ones are dropped and named, as in R. Whatever is wrong with the input
    raises a `ModelError` of one sentence.
    """
    parsed = parse_formula(formula)
    table = open_table(data)
    names = _used_columns(parsed, table, response)
    frame, dropped = read_frame(table, names, {"weights": weights, "offset": offset})
    weights_name, offset_name = argument_name("weights", weights), argument_name("offset", offset)
    y, prior = read_response(parsed.response, response, frame, read_weights(frame, weights_name))
    present = np.ones(len(y), bool) if prior is None else prior > 0  # a row of weight zero is not there
    fixed = fixed_part(parsed, frame, present)
    random = tuple(random_part(term, frame) for term in parsed.random)
    if response == "real":
        check_identified(int(present.sum()), fixed, random)
    total_offset, offset_spec = offset_part(parsed, frame, offset_name)
    return Design(
        formula=parsed,
        response_kind=response,
        frame=frame,
        y=y,
        weights=np.ones(len(y)) if prior is None else prior,
        offset=total_offset,
        fixed=fixed,
        random=random,
        offset_spec=offset_spec,
        dropped_rows=dropped,
        weights_name=weights_name,
        offset_name=offset_name,
    )


def _used_columns(formula: ParsedFormula, table: Table, kind: str) -> list[str]:
    return response_columns(formula.response, kind, table.names) + predictor_columns(formula, table.names)
