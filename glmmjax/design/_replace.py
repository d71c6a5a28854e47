"""A design with another response: its frame and formula, too, so that it can be built again from
them."""

import itertools
import keyword
from dataclasses import replace

import numpy as np
import pandas as pd

from ._frame import number_column
from ._names import plain_name
from ._parts import Design
from ._predictor import fixed_part, offset_part, predictor_columns
from ._response import Counts, read_counts
from ._rules import CENSORED


def replace_response(
    design: Design,
    y: np.ndarray,
    weights: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> Design:
    """The design with the response `y`, in the shape of `design.y`, which `invalid_responses` finds
    no fault with.

    - `weights`: (n,) prior weights instead of those of the design.
    - `offset`: (n,) instead of the argument `offset`; terms `offset(...)` of the formula still add
      to it.

    A response that is a column, or two columns as successes and trials or failures, is replaced in
    them. Whatever else it was (an expression, nothing, a column that the right-hand side uses as
    well, a proportion with its trials as weights), it gets columns of its own, which the formula
    then names.
    """
    y = np.asarray(y, np.float64)
    weights_name = _prior_weights(design) if weights is None else "(weights)"
    offset_name = design.offset_name if offset is None else "(offset)"
    given = {"(weights)": weights, "(offset)": offset}
    frame = design.frame.assign(
        **{n: np.asarray(v, np.float64) for n, v in given.items() if v is not None}
    )
    arguments = [name for name in (weights_name, offset_name) if name is not None]
    used = [
        name
        for own in design.predictors
        for name in predictor_columns(own.formula, frame.columns, design.context)
    ]
    others = list(dict.fromkeys(used + arguments))
    left, columns = _left_side(design, y, frame.filter(others))
    new = replace(
        design.with_mean(
            formula=design.formula
            if left == design.response_name
            else design.formula.with_response(left)
        ),
        frame=frame.assign(**columns)[list(dict.fromkeys([*columns, *others]))],
        y=y,
        weights_name=weights_name,
        offset_name=offset_name,
    )
    return _with_offset(_with_weights(new, weights), offset)


def formula_offset(design: Design) -> np.ndarray:
    """(n,) what the terms `offset(...)` of the formula add to the linear predictor."""
    return offset_part(design.formula, design.frame, None, design.context)[0]


def _prior_weights(design: Design) -> str | None:
    """The column of the prior weights; None if there are none, or if that column held the
    trials."""
    name = design.weights_name
    if name is None or not np.array_equal(
        number_column(design.frame, name, "weights"), design.weights
    ):
        return None
    return name


def _with_weights(design: Design, weights: np.ndarray | None) -> Design:
    if weights is None:
        return design
    weights = np.asarray(weights, np.float64)
    present = weights > 0
    if np.array_equal(present, design.weights > 0):
        return replace(design, weights=weights)
    # Which columns are linear combinations of others depends on the rows that are there.
    intercept = design.response_kind != "ordered"
    predictors = tuple(
        replace(
            own,
            fixed=fixed_part(
                own.formula, design.frame, present, design.context, intercept=intercept
            ),
        )
        for own in design.predictors
    )
    return replace(design, weights=weights, predictors=predictors)


def _with_offset(design: Design, offset: np.ndarray | None) -> Design:
    if offset is None:
        return design
    total, recipe = offset_part(design.formula, design.frame, design.offset_name, design.context)
    return design.with_mean(offset=total, offset_recipe=recipe)


def _left_side(
    design: Design, y: np.ndarray, used: pd.DataFrame
) -> tuple[str, dict[str, np.ndarray]]:
    """The left-hand side that gives `y`, and its columns; those in `used` are not to be changed."""
    counts = _counts(design)
    if design.response_kind in CENSORED:  # a new response is not censored
        y = y[:, 0]
    pattern, parts = (
        _written(design.response_name, counts, y)
        if y.ndim == 2
        else ("{}", [(design.response_name, y)])
    )
    columns: dict[str, np.ndarray] = {}
    for text, values in parts:
        name = _column_name(text, values, used, columns)
        columns[name] = used[name].to_numpy() if name in used else values
    before = [design.response_name] if counts is None else [counts.successes, counts.other]
    if [plain_name(text) for text in before] == list(columns):
        return design.response_name, columns
    return pattern.format(*map(_quoted, columns)), columns


def _counts(design: Design) -> Counts | None:
    return (
        read_counts(design.response_name)
        if design.has_response and design.response_kind == "proportion"
        else None
    )


def _written(
    text: str, counts: Counts | None, y: np.ndarray
) -> tuple[str, list[tuple[str, np.ndarray]]]:
    """How successes out of trials `y` (n, 2) are written: a pattern, and what stands in it with its
    values."""
    successes, trials = y.T
    if counts is None:
        return (
            ("{}", [(text, successes)])
            if (trials == 1).all()
            else ("{} / {}", [("", successes), ("trials", trials)])
        )
    if counts.other_is_trials:
        return "{} / {}", [(counts.successes, successes), (counts.other, trials)]
    return "cbind({}, {})", [(counts.successes, successes), (counts.other, trials - successes)]


def _column_name(
    text: str, values: np.ndarray, used: pd.DataFrame, taken: dict[str, np.ndarray]
) -> str:
    """The column for what was written as `text`: of that name, with a number if another column has
    it."""
    name = plain_name(text) or text.replace("`", "") or "response"
    candidates = itertools.chain([name], (f"{name}_{k}" for k in itertools.count(2)))
    return next(
        c
        for c in candidates
        if c not in taken and (c not in used or np.array_equal(used[c], values))
    )


def _quoted(name: str) -> str:
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"
