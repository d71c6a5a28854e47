"""The response: what each kind of it may hold, and how successes out of trials are written."""

import ast
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._matrix import evaluate
from ._names import columns_in, parse_python, plain_name

_ROUNDING = 1e-6  # of a proportion times its trials, relative to the number of successes


class _Counts(NamedTuple):
    """Successes, and trials from `successes / trials` or failures from `cbind(successes, failures)`."""

    successes: str
    other: str
    other_is_trials: bool


def response_columns(text: str, kind: str, available: Collection[str]) -> list[str]:
    """The columns of `available` that a left-hand side uses; `ModelError` for unknown kinds and names."""
    if kind not in _CHECKS and kind != "proportion":
        raise ModelError(f"The kind of response '{kind}' is not one of {', '.join([*_CHECKS, 'proportion'])}.")
    counts = _counts(text)
    if counts is None:
        return columns_in(text, available)
    if kind != "proportion" and not counts.other_is_trials:
        raise ModelError(f"The response {text} is successes and failures, which only a binomial family takes.")
    return columns_in(counts.successes, available) + columns_in(counts.other, available)


def read_response(
    text: str, kind: str, frame: pd.DataFrame, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The response and the prior weights that are left.

    Returns `y` (n,), or for `kind="proportion"` (n, 2) successes and trials. The weights come back as they
    are, except for proportions in [0, 1], whose weights were their trials (R's convention): then there are
    none. Raises `ModelError` if a value is not of the kind, or all values are the same.
    """
    if kind == "proportion":
        y, weights = _proportion(text, frame, weights)
        successes, trials = _present(y, weights).sum(0)
        if successes in (0, trials):
            raise ModelError(f"The response {text} has only successes or only failures.")
        return y, weights
    y = _values(text, kind, frame)
    _CHECKS[kind](y, text, frame.index)
    seen = _present(y, weights)
    if np.ptp(seen) == 0:
        raise ModelError(f"The response {text} is {seen[0]:g} in every row.")
    return y, weights


def _present(y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The rows with a positive weight."""
    return y if weights is None else y[weights > 0]


def _values(text: str, kind: str, frame: pd.DataFrame) -> np.ndarray:
    """An expression of the left-hand side, (n,) float64."""
    name = plain_name(text)
    if name is None:
        return evaluate(text, frame)
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = ", ".join(f"'{level}'" for level in column.cat.categories[:5])
        needed = "0 and 1" if kind in ("binary", "proportion") else "numbers"
        raise ModelError(f"The response {text} holds {found}, and {needed} are needed.")
    return column.to_numpy(np.float64)


def _counts(text: str) -> _Counts | None:
    """The two sides of `successes / trials` or `cbind(successes, failures)`; None for anything else."""
    if plain_name(text) is not None:
        return None
    tree, aliases = parse_python(text)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
        sides, is_ratio = [tree.left, tree.right], True
    elif isinstance(tree, ast.Call) and ast.unparse(tree.func) == "cbind":
        sides, is_ratio = tree.args, False
    else:
        return None
    if len(sides) != 2:
        raise ModelError(f"The response {text} must have two parts, successes and failures.")
    first, second = (_unparse(side, aliases) for side in sides)
    return _Counts(first, second, is_ratio)


def _unparse(tree: ast.expr, aliases: dict[str, str]) -> str:
    expression = ast.unparse(tree)
    for alias, name in aliases.items():
        expression = expression.replace(alias, f"`{name}`")
    return expression


def _proportion(text: str, frame: pd.DataFrame, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    counts = _counts(text)
    if counts is None:
        return _single_proportion(text, frame, weights)
    successes = _values(counts.successes, "count", frame)
    other = _values(counts.other, "count", frame)
    _check_count(successes, counts.successes, frame.index)
    _check_count(other, counts.other, frame.index)
    trials = other if counts.other_is_trials else successes + other
    _refuse(trials == 0, frame.index, f"The response {text} has no trials")
    _refuse(successes > trials, frame.index, f"The response {text} has more successes than trials")
    return np.column_stack([successes, trials]), weights


def _single_proportion(
    text: str, frame: pd.DataFrame, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    y, index = _values(text, "proportion", frame), frame.index
    if np.isin(y, (0.0, 1.0)).all():
        # Whether the weights are trials or not makes no difference to the likelihood here.
        return np.column_stack([y, np.ones_like(y)]), weights
    _refuse((y < 0) | (y > 1), index, f"The response {text} must be a proportion between 0 and 1", y)
    if weights is None:
        raise ModelError(f"The response {text} holds proportions: give trials as weights, or write successes / trials.")
    _refuse(weights == 0, index, f"The response {text} has no trials")
    _refuse(weights != np.floor(weights), index, f"The trials of the response {text} must be whole", weights)
    successes = np.round(y * weights)
    rest = np.abs(y * weights - successes)
    off = rest > _ROUNDING * np.maximum(successes, 1)
    _refuse(off, index, f"The response {text} times its trials must be whole", y * weights)
    return np.column_stack([successes, weights]), None


def _check_real(y: np.ndarray, text: str, index: pd.Index) -> None:
    """Any finite number will do, and nothing else has come so far."""


def _check_positive(y: np.ndarray, text: str, index: pd.Index) -> None:
    _refuse(y <= 0, index, f"The response {text} must be positive", y)


def _check_count(y: np.ndarray, text: str, index: pd.Index) -> None:
    _refuse(y < 0, index, f"The response {text} must be counts, which are not negative", y)
    _refuse(y != np.floor(y), index, f"The response {text} must be counts, which are whole", y)


def _check_binary(y: np.ndarray, text: str, index: pd.Index) -> None:
    found = np.unique(y)
    if not np.isin(found, (0.0, 1.0)).all():
        shown = ", ".join(f"{value:g}" for value in found[:5]) + (", ..." if len(found) > 5 else "")
        raise ModelError(f"The response {text} must be 0 or 1, and it holds {shown}.")


def _refuse(bad: np.ndarray, index: pd.Index, sentence: str, values: np.ndarray | None = None) -> None:
    """Raise a `ModelError` that says the sentence and names the first bad row."""
    if bad.any():
        first = int(np.argmax(bad))
        value = "" if values is None else f", and it is {values[first]:g}"
        raise ModelError(f"{sentence}{value} in row {index[first]}.")


_CHECKS: dict[str, Callable[[np.ndarray, str, pd.Index], None]] = {
    "real": _check_real,
    "positive": _check_positive,
    "count": _check_count,
    "binary": _check_binary,
}
