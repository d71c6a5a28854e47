"""Model matrices by formulaic, whose errors become sentences."""

import functools
import re
import textwrap
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from formulaic import ModelSpec
from formulaic.errors import DataMismatchWarning
from formulaic.parser.types import Factor

from .._errors import ModelError
from ..formula import in_braces
from ._clean import occurring
from ._names import NO_CONTEXT, columns_in, plain_name, quoted, with_known
from ._text import what_it_holds

_ONE = "`1`"


@dataclass(frozen=True, eq=False)
class Recipe:
    """What gives the columns of a right-hand side for other rows.

    - `spec`: formulaic's specification, with the means, knots and levels of the rows that it was built from.
    - `context`: the functions of one's own that it needs.
    """

    spec: ModelSpec
    context: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(re.sub(rf"(^|:){_ONE}(?=$|:|\[)", r"\g<1>1", name) for name in self.spec.column_names)

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """The columns for the rows of `frame`, (m, p) float64; `ModelError` for a level that was not among them."""
        spec, context = self.spec, with_known(self.context)
        materializer = spec.get_materializer(frame.reset_index(drop=True), context=context)
        with _sentences(str(spec.formula), frame):
            try:
                values = np.asarray(materializer.get_model_matrix(spec), np.float64)
            except DataMismatchWarning:
                raise ModelError(_unseen_level(spec, materializer)) from None
        _check_values(values, spec, frame.index)
        return values


def matrix_columns(terms: str, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT) -> list[str]:
    """The columns of `available` that the terms of a right-hand side use; `ModelError` for unknown names."""
    with _sentences(terms):
        factors = _factors(terms)
    found: list[str] = []
    for factor in factors:
        if factor.eval_method is Factor.EvalMethod.LOOKUP:
            found += columns_in(f"`{factor.expr}`", available, context)
        elif factor.eval_method is Factor.EvalMethod.PYTHON:
            found += columns_in(factor.expr, available, context)
    return found


def plain_columns(terms: str) -> list[str]:
    """The columns that stand in the terms of a right-hand side as they are, `x`, `I(x)` or `Q("x")`, and not `C(x)`."""
    names = (
        plain_name(f"`{factor.expr}`" if factor.eval_method is Factor.EvalMethod.LOOKUP else _bare(factor.expr))
        for factor in _factors(terms)
        if factor.eval_method is not Factor.EvalMethod.LITERAL
    )
    return [name for name in names if name is not None]


def build_matrix(terms: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT) -> tuple[np.ndarray, Recipe]:
    """The columns of a right-hand side, (n, p) float64, and what gives them for other rows.

    Raises `ModelError` if a term cannot be computed, or is not a finite number in some row.
    """
    with _sentences(terms, frame):
        matrix = _read(terms).get_model_matrix(
            occurring(frame).reset_index(drop=True), context=with_known(context), na_action="ignore", output="numpy"
        )
        values = np.asarray(matrix, np.float64)
    spec = cast(ModelSpec, matrix.model_spec)
    for factor in _factors(terms):
        if factor.eval_method is Factor.EvalMethod.PYTHON and factor.expr not in spec.encoder_state:
            raise ModelError(f"The term {factor.expr} gives no values.")  # formulaic leaves a term of None out
    _check_values(values, spec, frame.index)
    return values, Recipe(spec, context)


def evaluate(expression: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT) -> np.ndarray:
    """One Python expression of columns as a number a row, (n,) float64."""
    values, _ = build_matrix(numbers(expression), frame, context)
    if values.shape[1] != 1:
        raise ModelError(f"The expression {expression} must give one number a row.")
    return values[:, 0]


def numbers(*expressions: str) -> str:
    """A right-hand side whose columns are these Python expressions."""
    return " + ".join(["0", *(f"I({expression})" for expression in expressions)])


def _bare(expression: str) -> str:
    """The expression without `I(...)` around it, and `Q("x")` in backticks."""
    quoted_name = re.fullmatch(r"Q\(['\"](.*)['\"]\)", expression)
    if quoted_name:
        return f"`{quoted_name[1]}`"
    inside = re.fullmatch(r"I\((.*)\)", expression)
    return _bare(inside[1]) if inside else expression


@functools.lru_cache(maxsize=1024)
def _factors(terms: str) -> tuple[Factor, ...]:
    return tuple(factor for term in _read(terms).formula for factor in term.factors)


def _read(terms: str) -> ModelSpec:
    if _ONE in terms:  # formulaic takes a column called 1 for the constant
        terms = in_braces(_ONE, terms)
    return cast(ModelSpec, ModelSpec.from_spec(terms))


@contextmanager
def _sentences(terms: str, frame: pd.DataFrame | None = None) -> Iterator[None]:
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
            raise ModelError(_sentence(terms, error, frame)) from None


def _sentence(terms: str, error: Exception, frame: pd.DataFrame | None) -> str:
    """The first sentence of a message, which may have paragraphs, advice and terminal colours after it."""
    terms = textwrap.shorten(terms, 80, placeholder=" ...")
    if isinstance(error, SyntaxError):
        hint = ": write C(...) for as.factor(...)" if "as.factor(" in terms else ""
        return f"The terms {terms} cannot be read as Python{hint}."
    message = str(error).strip()
    evaluated = re.match(r"Unable to evaluate factor `(.+?)`\. \[\w+: (.*)", message)
    reason = (evaluated[2] if evaluated else message).split("\n")[0].split(". ")[0].rstrip(".]")
    if evaluated and isinstance(error.__cause__, ModelError):
        reason = str(error.__cause__).rstrip(".")
    elif evaluated and frame is not None and isinstance(error.__cause__, TypeError | ValueError):
        reason = _of_text(evaluated[1], frame, reason)
    if evaluated:
        return f"The term {evaluated[1]} cannot be computed: {reason}."
    return f"The terms {terms} cannot be used: {reason}."


def _of_text(expression: str, frame: pd.DataFrame, reason: str) -> str:
    """The reason why an expression cannot be computed, with what its first column without numbers holds."""
    for name in re.findall(r"[^\W\d]\w*|(?<=`)[^`]+(?=`)", expression):
        if name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype):
            return f"column '{name}' {what_it_holds(cast(pd.Series, frame[name]))} ({reason})"
    return reason


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
