"""Censored responses: `cens(y, status)` and `cens(y, status, upper)`."""

import ast
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._names import NO_CONTEXT, columns_in, parse_python, plain_name, text_of
from ._rules import CENSORED, INTERVAL, LEFT, NONE, RIGHT
from ._values import check_rules, read_values, refuse

_WORDS = {"none": NONE, "right": RIGHT, "left": LEFT, "interval": INTERVAL}


class Censored(NamedTuple):
    """The parts of `cens(value, status, upper)`."""

    value: str
    status: str
    upper: str | None


def read_censored(text: str) -> Censored | None:
    """The parts of a left-hand side `cens(...)`; None for anything else."""
    if plain_name(text) is not None:
        return None
    tree, aliases = parse_python(text)
    if not (isinstance(tree, ast.Call) and ast.unparse(tree.func) == "cens"):
        return None
    if tree.keywords or len(tree.args) not in (2, 3):
        raise ModelError(f"The response {text} must be cens(y, status) or cens(y, status, upper).")
    parts = [text_of(part, aliases) for part in tree.args]
    return Censored(parts[0], parts[1], parts[2] if len(parts) == 3 else None)


def censored_columns(
    parts: Censored, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that the parts use; `ModelError` for unknown names."""
    return [
        name for part in parts if part is not None for name in columns_in(part, available, context)
    ]


def censored_response(
    text: str, kind: str, frame: pd.DataFrame, context: Mapping[str, Any] = NO_CONTEXT
) -> np.ndarray:
    """(n, 3): the value, the upper end of its interval (the value itself outside of one), and how
    it is censored."""
    parts = read_censored(text)
    if parts is None:
        y = read_values(text, CENSORED[kind], frame, context)
        check_rules(y, text, CENSORED[kind], frame.index)
        return np.column_stack([y, y, np.zeros_like(y)])
    y, code = (
        read_values(parts.value, CENSORED[kind], frame, context),
        _codes(parts.status, frame, context),
    )
    check_rules(y, parts.value, CENSORED[kind], frame.index)
    inside = code == INTERVAL
    if parts.upper is None:
        refuse(
            inside,
            frame.index,
            f"The response {text} has an interval without an upper end: cens(y, status, upper)",
        )
        return np.column_stack([y, y, code])
    upper = read_values(parts.upper, CENSORED[kind], frame, context)
    refuse(
        inside & (upper <= y),
        frame.index,
        f"The upper end of the response {text} must be above the lower",
        upper,
    )
    return np.column_stack([y, np.where(inside, upper, y), code])


def _codes(text: str, frame: pd.DataFrame, context: Mapping[str, Any]) -> np.ndarray:
    """(n,) codes from words, numbers, or whether a row is censored on the right."""
    column = frame[plain_name(text)] if plain_name(text) else None
    if column is None or not isinstance(column.dtype, pd.CategoricalDtype):
        codes = read_values(text, "real", frame, context)
        refuse(~np.isin(codes, (NONE, RIGHT, LEFT, INTERVAL)), frame.index, _must(text), codes)
        return codes
    words = column.astype(str).str.strip().str.lower()
    unknown = ~words.isin(list(_WORDS))
    if unknown.any():
        row = unknown.idxmax()
        raise ModelError(f"{_must(text)}, and it is '{column[row]}' in row {row}.")
    return words.map(_WORDS).to_numpy(np.float64)


def _must(text: str) -> str:
    return (
        f"The status {text} must be none, right, left or interval (0, 1, -1, 2; true is right), "
        "which says how the value is censored"
    )
