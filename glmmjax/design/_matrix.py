"""Model matrices by formulaic, whose errors become sentences."""

import re
import textwrap
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.errors import DataMismatchWarning
from formulaic.parser.types import Factor

from .._errors import ModelError
from ._clean import occurring
from ._names import CONTEXT, columns_in, quoted


def matrix_columns(terms: str, available: Collection[str]) -> list[str]:
    """The columns of `available` that the terms of a right-hand side use; `ModelError` for unknown names."""
    with _sentences(terms):
        factors = [factor for term in _read(terms).formula for factor in term.factors]
    found: list[str] = []
    for factor in factors:
        if factor.eval_method is Factor.EvalMethod.LOOKUP:
            found += columns_in(f"`{factor.expr}`", available)
        elif factor.eval_method is Factor.EvalMethod.PYTHON:
            found += columns_in(factor.expr, available)
    return found


def build_matrix(terms: str, frame: pd.DataFrame) -> tuple[np.ndarray, ModelSpec]:
    """The columns of a right-hand side, (n, p) float64, and the specification that gives them for other rows.

    Raises `ModelError` if a term cannot be computed, or is not a finite number in some row.
    """
    with _sentences(terms):
        matrix = _read(terms).get_model_matrix(
            occurring(frame).reset_index(drop=True), context=CONTEXT, na_action="ignore", output="numpy"
        )
        values = np.asarray(matrix, np.float64)
    spec = cast(ModelSpec, matrix.model_spec)
    _check_values(values, spec, frame.index)
    return values, spec


def rebuild_matrix(spec: ModelSpec, frame: pd.DataFrame) -> np.ndarray:
    """The columns of a specification for other rows, (n, p) float64.

    Means, knots and levels are those of the rows that the specification was built from. `ModelError` for a
    level that was not among them.
    """
    materializer = spec.get_materializer(frame.reset_index(drop=True), context=CONTEXT)
    with _sentences(str(spec.formula)):
        try:
            values = np.asarray(materializer.get_model_matrix(spec), np.float64)
        except DataMismatchWarning:
            raise ModelError(_unseen_level(spec, materializer)) from None
    _check_values(values, spec, frame.index)
    return values


def evaluate(expression: str, frame: pd.DataFrame) -> np.ndarray:
    """One Python expression of columns as a number a row, (n,) float64."""
    values, _ = build_matrix(numbers(expression), frame)
    if values.shape[1] != 1:
        raise ModelError(f"The expression {expression} must give one number a row.")
    return values[:, 0]


def numbers(*expressions: str) -> str:
    """A right-hand side whose columns are these Python expressions."""
    return " + ".join(["0", *(f"I({expression})" for expression in expressions)])


def _read(terms: str) -> ModelSpec:
    return cast(ModelSpec, ModelSpec.from_spec(terms))


@contextmanager
def _sentences(terms: str) -> Iterator[None]:
    """Turn whatever formulaic, pandas or a function of the formula raises into a sentence.

    The user's expressions run inside, so that any exception can come out; each is a fault of the input.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            yield
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(_sentence(terms, error)) from None


def _sentence(terms: str, error: Exception) -> str:
    """The first sentence of a message, which may have paragraphs, advice and terminal colours after it."""
    terms = textwrap.shorten(terms, 80, placeholder=" ...")
    if isinstance(error, SyntaxError):
        return f"The terms {terms} cannot be read as Python."
    message = str(error).strip()
    evaluated = re.match(r"Unable to evaluate factor `(.+?)`\. \[\w+: (.*)", message)
    reason = (evaluated[2] if evaluated else message).split("\n")[0].split(". ")[0].rstrip(".]")
    if evaluated:
        return f"The term {evaluated[1]} cannot be computed: {reason}."
    return f"The terms {terms} cannot be used: {reason}."


def _check_values(values: np.ndarray, spec: ModelSpec, index: pd.Index) -> None:
    if len(values) != len(index):
        raise ModelError(f"The terms {spec.formula} give {len(values)} values for {len(index)} rows.")
    finite = np.isfinite(values)
    if finite.all():
        return
    column = int(np.argmin(finite.all(axis=0)))
    rows = np.flatnonzero(~finite[:, column])
    name = re.sub(r"^I\((.*)\)$", r"\1", spec.column_names[column])
    raise ModelError(f"{name} is not a finite number in {len(rows)} row(s), the first is row {index[rows[0]]}.")


def _unseen_level(spec: ModelSpec, materializer) -> str:
    for factor, (_, state) in spec.encoder_state.items():
        if "categories" not in state:
            continue
        found = pd.unique(np.asarray(materializer.factor_cache[factor].values))
        fitted = set(state["categories"])
        unseen = [level for level in found if level not in fitted]
        if unseen:
            return f"newdata has levels of {factor} that the model was not fitted to: {quoted(unseen[:5])}."
    return "newdata has levels that the model was not fitted to."
