"""A formula and a table to a `Design`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..formula import ParsedFormula, RandomFormula, parse_formula
from ._frame import argument_name, read_frame, read_weights
from ._matrix import matrix_columns, plain_columns
from ._names import check_distinct, read_context, used_of
from ._parts import Design, Predictor, RandomPart
from ._predictor import fixed_part, group_columns, offset_part, predictor_columns
from ._random import COVARIANCES, check_known, random_part, smooth_parts
from ._response import read_response, refuse_text_response, response_columns
from ._table import open_table
from ._text import refuse_numbers


def build_design(  # noqa: PLR0913 - keyword-only
    formula: str,
    data: Any,
    *,
    response: str,
    weights: Any = None,
    offset: Any = None,
    covariances: Mapping[str, str] | None = None,
    matrices: Mapping[str, Any] | None = None,
    others: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Design:
    """Read the columns that a formula uses and code them.

    - `data`: a pandas or polars DataFrame, a pyarrow Table, or a dict of arrays; n rows.
    - `response`: what the family can take: "real", "positive" (> 0), "nonnegative", "unit" (in (0,
        1)), "ordered" (categories: an ordered categorical, or whole numbers; numbered from 1 in
        `y`), "count" (whole, not negative), "binary" (0, 1 or bool) or "proportion" (successes out
        of trials: `s / t`, `cbind(s, f)`, a 0/1 column, or a proportion whose trials are the
        weights). A formula without a left-hand side has a `y` of NaN; its trials are the weights,
        or one.
    - `weights`, `offset`: a column name or an array of n. Terms `offset(...)` of the formula add to
      `offset`.
    - `covariances`: the covariance structures that the formula may name, and what stands on the
        left side of each: "columns" (a right-hand side), "order" (one variable of equally spaced
        numbers, or the levels of a factor), "line" (one variable of numbers), "space" (one or more,
        joined by `+`) or "levels" (1, and the covariance of the levels is known). By default `us`
        and `diag`, both of columns.
    - `matrices`: for `propto(1 | g, K)` the matrix by the name K: a DataFrame with labels, or an
        array in the order of the levels.
    - `others`: the formulas of linear predictors beside that of the mean, by name, without a
      left-hand side.
    - `context`: functions and constants of one's own that the formulas may use, by name.

    Rows with a missing value in a used column are dropped and counted; columns of the fixed part
    that are linear combinations of earlier ones are dropped and named, as in R, and those of a
    random term that are zero. Whatever is wrong with the input raises a `ModelError` of one
    sentence.
    """
    formulas = {"mean": parse_formula(formula)} | {
        n: _other_formula(n, own) for n, own in (others or {}).items()
    }
    parsed, kinds = formulas["mean"], COVARIANCES if covariances is None else covariances
    terms = tuple(term for own in formulas.values() for term in own.random)
    check_known(terms, kinds)
    table = open_table(data)
    functions = read_context(context, table.names)
    names = response_columns(parsed.response, response, table.names, functions)
    names += [
        name for own in formulas.values() for name in predictor_columns(own, table.names, functions)
    ]
    uses = {
        "sequences": _sequences(terms, kinds, table.names, functions),
        "groups": group_columns(formulas.values(), table.names, functions),
    }
    frame, dropped, texts = read_frame(table, names, {"weights": weights, "offset": offset}, **uses)
    _refuse_texts(formulas.values(), kinds, frame.filter(texts))
    refuse_text_response(parsed.response, response, frame.filter(texts))
    weights_name, offset_name = argument_name("weights", weights), argument_name("offset", offset)
    y, prior = read_response(
        parsed.response, response, frame, read_weights(frame, weights_name), functions
    )
    present = (
        np.ones(len(y), bool) if prior is None else prior > 0
    )  # a row of weight zero is not there
    if not (matrices is None or isinstance(matrices, Mapping)):
        raise ModelError(
            "matrices must be a dictionary with the matrix of each propto(1 | g, K) by its name, as"
            " {'K': ...}."
        )
    predictors, random = [], []
    for number, (name, own) in enumerate(formulas.items()):
        fixed = fixed_part(own, frame, present, functions, intercept=response != "ordered")
        total, recipe = offset_part(own, frame, offset_name if name == "mean" else None, functions)
        given = (matrices, functions, present)
        written = tuple(
            random_part(term, frame, kinds[term.covariance], *given) for term in own.random
        )
        predictors.append(Predictor(name, own, fixed, total, recipe))
        random += [
            replace(part, predictor=number) for part in written + smooth_parts(fixed.smooths, frame)
        ]
    _check_names(predictors, random)
    unused = sorted(set(matrices or ()) - {str(term.matrix) for term in terms})
    if unused:
        raise ModelError(
            f"matrices has {unused[0]!r}, which no term propto(1 | g, {unused[0]}) of the formula"
            " uses."
        )
    return Design(
        predictors=tuple(predictors),
        response_kind=response,
        frame=frame,
        y=y,
        weights=np.ones(len(y)) if prior is None else prior,
        random=tuple(random),
        dropped_rows=dropped,
        weights_name=weights_name,
        offset_name=offset_name,
        context=used_of(functions, (own.text for own in formulas.values())),
    )


def _other_formula(name: str, text: str) -> ParsedFormula:
    """The formula of the linear predictor `name`, whose argument is called `nameformula`."""
    try:
        formula = parse_formula(text)
    except ModelError as error:
        raise ModelError(f"{name}formula: {error}") from None
    if formula.response:
        raise ModelError(f"{name}formula takes no response: leave {formula.response} out.")
    if formula.fixed.strip() in ("0", "-1") and not (
        formula.random or formula.smooths or formula.offsets
    ):
        raise ModelError(f"{name}formula {formula.text} has no terms: leave {name}formula out.")
    return formula


def _sequences(
    terms: Iterable[RandomFormula],
    kinds: Mapping[str, str],
    available: Collection[str],
    context: Mapping[str, Any],
) -> list[str]:
    """The columns whose levels are one step apart, whether they occur or not."""
    ordered = [term.columns for term in terms if kinds[term.covariance] == "order"]
    return [name for columns in ordered for name in matrix_columns(columns, available, context)]


def _check_names(predictors: list[Predictor], random: list[RandomPart]) -> None:
    """Raise a `ModelError` if two coefficients, or two constants of a grouping factor, have one
    name."""
    check_distinct([f"{own.prefix}{name}" for own in predictors for name in own.fixed.names])
    constants = [
        (part.predictor, part.formula.group) for part in random if "Intercept" in part.names
    ]
    by_column = [
        part for part in random if "Intercept" in plain_columns(part.formula.columns or "1")
    ]
    if any(constants.count((part.predictor, part.formula.group)) > 1 for part in by_column):
        check_distinct(["Intercept", "Intercept"])


def _refuse_texts(
    formulas: Iterable[ParsedFormula], kinds: Mapping[str, str], texts: pd.DataFrame
) -> None:
    """Raise a `ModelError` if one of the columns that held text stands for numbers in a formula."""
    for own in formulas:
        columns = [term.columns for term in own.random if kinds[term.covariance] == "columns"]
        names = [name for terms in (own.fixed, *columns) for name in plain_columns(terms)]
        for name in [*names, *(smooth.by for smooth in own.smooths)]:
            if name in texts:
                refuse_numbers(cast(pd.Series, texts[name]))
