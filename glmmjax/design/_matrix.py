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
from formulaic.materializers import FormulaMaterializer, PandasMaterializer
from formulaic.materializers.types import EvaluatedFactor
from formulaic.parser.types import Factor

from .._errors import ModelError
from ..formula import in_braces
from ._clean import occurring
from ._names import NO_CONTEXT, columns_in, plain_name, quoted, with_known
from ._text import holds_text, refuse_numbers, what_it_holds

_ONE = "`1`"
_END = re.compile(r"(?<=[^\W\d])\. +(?=[A-Z])")  # of a sentence, and not of a number


@dataclass(frozen=True, eq=False)
class Recipe:
    """What gives the columns of a right-hand side for other rows.

    - `spec`: formulaic's specification, with the means, knots and levels of the rows that it was
      built from.
    - `context`: the functions of one's own that it needs.
    """

    spec: ModelSpec
    context: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(
            re.sub(rf"(^|:){_ONE}(?=$|:|\[)", r"\g<1>1", name) for name in self.spec.column_names
        )

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """The columns for the rows of `frame`, (m, p) float64; `ModelError` for a level that was
        not among them."""
        spec, materializer = self.spec, _materializer(frame, self.context)
        with _sentences(str(spec.formula), frame):
            try:
                values = np.asarray(_computed(materializer, spec), np.float64)
            except DataMismatchWarning:
                raise ModelError(_unseen_level(spec, materializer)) from None
        _check_values(values, spec, frame.index)
        return values


def matrix_columns(
    terms: str, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that the terms of a right-hand side use; `ModelError` for unknown
    names."""
    with _sentences(terms):
        factors = _factors(terms)
    found: list[str] = []
    for factor in factors:
        if factor.eval_method is Factor.EvalMethod.LOOKUP:
            found += columns_in(f"`{factor.expr}`", available, context)
        elif factor.eval_method is Factor.EvalMethod.PYTHON:
            alone = plain_name(_bare(factor.expr))
            found += columns_in(
                f"`{alone}`" if alone in context else factor.expr, available, context
            )
    return found


def plain_columns(terms: str) -> list[str]:
    """The columns that stand in the terms of a right-hand side as they are, `x`, `I(x)` or
    `Q("x")`, and not `C(x)`."""
    names = (
        plain_name(
            f"`{factor.expr}`"
            if factor.eval_method is Factor.EvalMethod.LOOKUP
            else _bare(factor.expr)
        )
        for factor in _factors(terms)
        if factor.eval_method is not Factor.EvalMethod.LITERAL
    )
    return [name for name in names if name is not None]


def build_matrix(
    terms: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT
) -> tuple[np.ndarray, Recipe]:
    """The columns of a right-hand side, (n, p) float64, and what gives them for other rows.

    Raises `ModelError` if a term cannot be computed, or is not a finite number in some row.
    """
    with _sentences(terms, frame):
        materializer = _materializer(occurring(frame), context)
        matrix = _computed(materializer, _read(terms), na_action="ignore", output="numpy")
        values = np.asarray(matrix, np.float64)
    for factor in _factors(terms):
        _check_levels(factor, materializer)
    spec = cast(ModelSpec, matrix.model_spec)
    _check_values(values, spec, frame.index)
    return values, Recipe(spec, context)


def evaluate(
    expression: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT
) -> np.ndarray:
    """One Python expression of columns as a number a row, (n,) float64."""
    values, _ = build_matrix(numbers(expression), frame, context)
    if values.shape[1] != 1:
        raise ModelError(f"The expression {expression} must give one number a row.")
    return values[:, 0]


def numbers(*expressions: str) -> str:
    """A right-hand side whose columns are these Python expressions."""
    return " + ".join(["0", *(f"I({expression})" for expression in expressions)])


def _materializer(frame: pd.DataFrame, context: Mapping[str, Any]) -> FormulaMaterializer:
    """What evaluates terms for the rows of `frame`, whose labels the functions of a formula see.

    Where labels repeat, they would not tell whether a function keeps the order of the rows: then
    the rows get labels that nothing else has, so that nothing is paired with them.
    """
    if not frame.index.is_unique:
        frame = frame.set_axis([f"#{k}" for k in range(len(frame))])
    return PandasMaterializer(frame, context=with_known(context, frame.index))


def _computed(materializer: FormulaMaterializer, spec: ModelSpec, **options: Any) -> Any:
    """Formulaic's matrix, of terms that give what can stand in one."""
    index = materializer.data.index
    try:
        return materializer.get_model_matrix(spec, **options)
    except (TypeError, ValueError):
        for term, evaluated in _expressions(materializer):
            _check_length(term, evaluated.values.__wrapped__, len(index))
        raise
    finally:  # also after an error: what a term gave is the reason of whatever formulaic says of it
        for term, evaluated in _expressions(materializer):
            is_number = evaluated.metadata.kind is Factor.Kind.NUMERICAL
            _check_term(term, evaluated.values.__wrapped__, index, is_number=is_number)


def _expressions(materializer: FormulaMaterializer) -> list[tuple[str, EvaluatedFactor]]:
    """The Python expressions that were evaluated, in an order that is always the same."""
    found = sorted(materializer.factor_cache.items(), key=lambda item: item[0])
    return [
        (term, own) for term, own in found if own.factor.eval_method is Factor.EvalMethod.PYTHON
    ]


def _check_length(term: str, values: Any, rows: int) -> None:
    for column in values.values() if isinstance(values, dict) else [values]:
        shape = np.shape(column)
        if shape[:1] != (rows,):
            count = f"{shape[0]} values" if shape else "one value"
            raise ValueError(f"{term} gives {count} for {rows} rows, and a value a row is needed")


def _check_term(term: str, values: Any, index: pd.Index, *, is_number: bool) -> None:
    """Raise a `ModelError` for values of a term that are not in the order of the rows `index`, or
    cannot be used.

    With `is_number` they must be real numbers; otherwise they are levels, of which none may be
    missing.
    """
    if values is None:
        raise ModelError(f"The term {term} gives no values.")
    if isinstance(values, dict | pd.DataFrame):
        for column in dict(values).values():
            _check_term(term, column, index, is_number=is_number)
        return
    if isinstance(values, pd.Series) and not values.index.equals(index):
        raise ModelError(
            f"The term {term} gives a Series whose row labels are not those of the data in their"
            " order: let it give an array, or reindex the Series by the labels of a column."
        )
    if is_number:
        _check_numbers(term, values)
        return
    missing = index[np.flatnonzero(np.atleast_1d(pd.isna(values))[: len(index)])]
    if len(missing):  # formulaic would make the first level of them
        raise ModelError(
            f"The term {term} gives missing values in {len(missing)} row(s), the first is row"
            f" {missing[0]}."
        )


def _check_numbers(term: str, values: Any) -> None:
    """Raise a `ModelError` for values of which formulaic and numpy would make what real numbers
    they can."""
    kind = getattr(values, "dtype", np.asarray(values).dtype).kind
    if kind == "c" or (kind == "O" and np.iscomplexobj(np.asarray(values).tolist())):
        raise ModelError(f"The term {term} gives complex numbers, and a model needs real ones.")
    if holds_text(values):
        raise ModelError(
            f"The term {term} gives text: write C({term}) if its values are categories."
        )
    if kind in "mM":
        raise ModelError(f"The term {term} gives dates or times: turn them into numbers.")


def _check_levels(factor: Factor, materializer: FormulaMaterializer) -> None:
    """Raise a `ModelError` if an expression gives objects that would be the levels of a factor and
    are no text."""
    evaluated = materializer.factor_cache[factor.expr]
    values = evaluated.values.__wrapped__
    if factor.eval_method is not Factor.EvalMethod.PYTHON or evaluated.metadata.encoder is not None:
        return
    if not isinstance(values, pd.Series) or pd.api.types.is_numeric_dtype(values):
        return
    kind = pd.api.types.infer_dtype(values)
    if kind == "string":
        refuse_numbers(values.astype("category").rename(factor.expr))
    elif kind not in ("categorical", "boolean"):
        raise ModelError(
            f"The term {factor.expr} gives {kind} values as objects: turn them into numbers, or"
            f" write C({factor.expr}) if they are categories."
        )


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

    The user's expressions run inside, so that any exception can come out; each is a fault of the
    input.
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
    """The first sentence of a message, which may have paragraphs, advice and terminal colours after
    it."""
    terms = textwrap.shorten(terms, 80, placeholder=" ...")
    if isinstance(error, SyntaxError):
        hint = ": write C(...) for as.factor(...)" if "as.factor(" in terms else ""
        return f"The terms {terms} cannot be read as Python{hint}."
    message = str(error).strip()
    evaluated = re.match(r"Unable to evaluate factor `(.+?)`\. \[\w+: (.*)", message)
    reason = _END.split((evaluated[2] if evaluated else message).split("\n")[0])[0].rstrip(".]")
    if evaluated and isinstance(error.__cause__, ModelError):
        reason = str(error.__cause__).rstrip(".")
    elif evaluated and str(pd.Series) in message:
        reason = (
            "functions are given pandas Series, of which this one wants arrays: let it call"
            " np.asarray first"
        )
    elif evaluated and frame is not None and isinstance(error.__cause__, TypeError | ValueError):
        reason = _of_text(evaluated[1], frame, reason)
    if evaluated:
        return f"The term {evaluated[1]} cannot be computed: {reason}."
    return f"The terms {terms} cannot be used: {reason}."


def _of_text(expression: str, frame: pd.DataFrame, reason: str) -> str:
    """The reason why an expression cannot be computed, with what its first column without numbers
    holds."""
    for name in re.findall(r"[^\W\d]\w*|(?<=`)[^`]+(?=`)", expression):
        if name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype):
            return f"column '{name}' {what_it_holds(cast(pd.Series, frame[name]))} ({reason})"
    return reason


def _check_values(values: np.ndarray, spec: ModelSpec, index: pd.Index) -> None:
    if len(values) != len(index):
        raise ModelError(
            f"The terms {spec.formula} give {len(values)} values for {len(index)} rows."
        )
    finite = np.isfinite(values)
    if finite.all():
        return
    column = int(np.argmin(finite.all(axis=0)))
    rows = np.flatnonzero(~finite[:, column])
    name = re.sub(r"^I\((.*)\)$", r"\1", spec.column_names[column])
    raise ModelError(
        f"{name} is not a finite number in {len(rows)} row(s), the first is row {index[rows[0]]}."
    )


def _unseen_level(spec: ModelSpec, materializer) -> str:
    for factor, (_, state) in spec.encoder_state.items():
        if "categories" not in state:
            continue
        found = pd.unique(np.asarray(materializer.factor_cache[factor].values))
        fitted = set(state["categories"])
        unseen = [level for level in found if level not in fitted]
        if unseen:
            return (
                f"newdata has levels of {factor} that the model was not fitted to:"
                f" {quoted(unseen[:5])}."
            )
    return "newdata has levels that the model was not fitted to."
