"""A formula and a table to a `Design`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .._errors import ModelError
from ..formula import ParsedFormula, RandomFormula, parse_formula
from ._frame import argument_name, read_frame, read_weights
from ._matrix import matrix_columns
from ._parts import Design, Predictor
from ._predictor import fixed_part, offset_part, predictor_columns
from ._random import COVARIANCES, check_known, random_part, smooth_parts
from ._response import read_response, response_columns
from ._table import Table, open_table


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
) -> Design:
    """Read the columns that a formula uses and code them.

    - `data`: a pandas or polars DataFrame, a pyarrow Table, or a dict of arrays; n rows.
    - `response`: what the family can take: "real", "positive" (> 0), "nonnegative", "unit" (in (0, 1)), "ordered"
        (categories: an ordered categorical, or whole numbers; numbered from 1 in `y`), "count" (whole, not
        negative), "binary" (0, 1 or bool) or "proportion" (successes out of trials: `s / t`, `cbind(s, f)`, a 0/1
        column, or a proportion whose trials are the weights). A formula without a left-hand side has a `y` of NaN;
        its trials are the weights, or one.
    - `weights`, `offset`: a column name or an array of n. Terms `offset(...)` of the formula add to `offset`.
    - `covariances`: the covariance structures that the formula may name, and what stands on the left side of each:
        "columns" (a right-hand side), "order" (one variable of equally spaced numbers, or the levels of a factor),
        "line" (one variable of numbers), "space" (one or more, joined by `+`) or "levels" (1, and the covariance of
        the levels is known). By default `us` and `diag`, both of columns.
    - `matrices`: for `propto(1 | g, K)` the matrix by the name K: a DataFrame with labels, or an array in the order of
        the levels.
    - `others`: the formulas of linear predictors beside that of the mean, by name, without a left-hand side.

    Rows with a missing value in a used column are dropped and counted; columns of the fixed part that are
    linear combinations of earlier ones are dropped and named, as in R. Whatever is wrong with the input
    raises a `ModelError` of one sentence.
    """
    formulas = {"mean": parse_formula(formula)} | {n: _other_formula(n, own) for n, own in (others or {}).items()}
    parsed, kinds = formulas["mean"], COVARIANCES if covariances is None else covariances
    terms = tuple(term for own in formulas.values() for term in own.random)
    check_known(terms, kinds)
    table = open_table(data)
    used = [name for own in formulas.values() for name in predictor_columns(own, table.names)]
    names, sequences = response_columns(parsed.response, response, table.names) + used, _sequences(terms, table, kinds)
    frame, dropped = read_frame(table, names, {"weights": weights, "offset": offset}, sequences)
    weights_name, offset_name = argument_name("weights", weights), argument_name("offset", offset)
    y, prior = read_response(parsed.response, response, frame, read_weights(frame, weights_name))
    present = np.ones(len(y), bool) if prior is None else prior > 0  # a row of weight zero is not there
    if not (matrices is None or isinstance(matrices, Mapping)):
        raise ModelError(
            "matrices must be a dictionary with the matrix of each propto(1 | g, K) by its name, as {'K': ...}."
        )
    predictors, random = [], []
    for number, (name, own) in enumerate(formulas.items()):
        fixed = fixed_part(own, frame, present, intercept=response != "ordered")
        total, spec = offset_part(own, frame, offset_name if name == "mean" else None)
        written = tuple(random_part(term, frame, kinds[term.covariance], matrices) for term in own.random)
        predictors.append(Predictor(name, own, fixed, total, spec))
        random += [replace(part, predictor=number) for part in written + smooth_parts(fixed.smooths, frame)]
    unused = sorted(set(matrices or ()) - {str(term.matrix) for term in terms})
    if unused:
        raise ModelError(f"matrices has {unused[0]!r}, which no term propto(1 | g, {unused[0]}) of the formula uses.")
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
    )


def _other_formula(name: str, text: str) -> ParsedFormula:
    """The formula of the linear predictor `name`, whose argument is called `nameformula`."""
    try:
        formula = parse_formula(text)
    except ModelError as error:
        raise ModelError(f"{name}formula: {error}") from None
    if formula.response:
        raise ModelError(f"{name}formula takes no response: leave {formula.response} out.")
    if formula.fixed.strip() in ("0", "-1") and not (formula.random or formula.smooths or formula.offsets):
        raise ModelError(f"{name}formula {formula.text} has no terms: leave {name}formula out.")
    return formula


def _sequences(terms: tuple[RandomFormula, ...], table: Table, kinds: Mapping[str, str]) -> list[str]:
    """The columns whose levels are one step apart, whether they occur or not."""
    ordered = [term.columns for term in terms if kinds[term.covariance] == "order"]
    return [name for columns in ordered for name in matrix_columns(columns, table.names)]
