"""The response: how it is read, and how successes out of trials are written."""

import ast
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._errors import ModelError
from ._censored import censored_columns, censored_response, read_censored
from ._names import NO_CONTEXT, columns_in, parse_python, plain_name, quoted, text_of
from ._rules import CENSORED, KINDS, NO_TRIALS, PAIR_RULES, RULES, not_whole
from ._values import TWO_VALUED, check_rules, read_values, refuse

_ROUNDING = 1e-6  # of a proportion times its trials, relative to the number of successes


class Counts(NamedTuple):
    """Successes, and trials from `successes / trials` or failures from `cbind(successes,
    failures)`."""

    successes: str
    other: str
    other_is_trials: bool


def response_columns(
    text: str, kind: str, available: Collection[str], context: Mapping[str, Any] = NO_CONTEXT
) -> list[str]:
    """The columns of `available` that a left-hand side uses; `ModelError` for unknown kinds and
    names."""
    if kind not in KINDS:
        raise ModelError(f"The kind of response '{kind}' is not one of {', '.join(KINDS)}.")
    if not text:
        return []
    censored = read_censored(text)
    if censored is not None:
        if kind not in CENSORED:
            raise ModelError(
                f"The response {text} is censored, which the families censored_gaussian,"
                " censored_lognormal and weibull take."
            )
        return censored_columns(censored, available, context)
    counts = read_counts(text)
    if counts is None:
        return columns_in(text, available, context)
    if kind != "proportion" and not counts.other_is_trials:
        raise ModelError(
            f"The response {text} is successes and failures, which only a binomial family takes."
        )
    return columns_in(counts.successes, available, context) + columns_in(
        counts.other, available, context
    )


def read_response(
    text: str,
    kind: str,
    frame: pd.DataFrame,
    weights: np.ndarray | None,
    context: Mapping[str, Any] = NO_CONTEXT,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The response and the prior weights that are left.

    Returns `y` (n,), for `kind="proportion"` (n, 2) successes and trials, or for the censored kinds
    (n, 3) the value, the upper end of its interval, and how it is censored. The weights come back
    as they are, except for proportions in [0, 1], whose weights were their trials (R's convention):
    then there are none. The response `""` is NaN with trials of one or, if there are weights, of
    these. Raises `ModelError` if a value is not of the kind.
    """
    if not text:
        return _no_response(kind, frame.index, weights)
    if kind == "proportion":
        return _proportion(text, frame, weights, context)
    if kind in CENSORED:
        return censored_response(text, kind, frame, context), weights
    y = (
        _categories(text, frame, weights, context)
        if kind == "ordered"
        else read_values(text, kind, frame, context)
    )
    check_rules(y, text, kind, frame.index)
    return y, weights


def refuse_text_response(text: str, kind: str, texts: pd.DataFrame) -> None:
    """Raise a `ModelError` if the response `text` is a column of `texts`, which hold text, for a
    kind of two values.

    Of categories in the order of the alphabet the last need not be the success.
    """
    name = plain_name(text)
    if kind not in TWO_VALUED or name not in texts:
        return
    levels = texts[name].cat.categories
    if all(level in ("0", "1") for level in levels):
        raise ModelError(f"The response {text} holds numbers written as text: make it numbers.")
    raise ModelError(
        f"The response {text} holds text, {quoted(levels[:5])}, and 0 and 1 are needed: write "
        f"({text} == \"{levels[-1]}\") for the success '{levels[-1]}'."
    )


def success_label(text: str, kind: str, frame: pd.DataFrame) -> str | None:
    """What the response `text` calls a success, if it is a categorical or a column of truth values;
    None otherwise."""
    name = plain_name(text) if kind in TWO_VALUED else None
    if name is None:
        return None
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        return str(column.cat.categories[-1])
    return "True" if column.dtype == bool else None


def _no_response(
    kind: str, index: pd.Index, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    y = np.full(len(index), np.nan)
    if kind in CENSORED:
        return np.column_stack([y, y, np.zeros_like(y)]), weights
    if kind != "proportion":
        return y, weights
    if weights is None:
        return np.column_stack([y, np.ones_like(y)]), None
    _check_trials(weights, "model", index)
    return np.column_stack([y, weights]), None


def _categories(
    text: str, frame: pd.DataFrame, weights: np.ndarray | None, context: Mapping[str, Any]
) -> np.ndarray:
    """The number of each row's category, from 1, among those that occur."""
    name = plain_name(text)
    column = None if name is None else frame[name]
    if column is not None and isinstance(column.dtype, pd.CategoricalDtype):
        if not column.cat.ordered:
            raise ModelError(
                f"The response {text} holds categories without an order: give an ordered"
                " categorical."
            )
        values = column.cat.codes.to_numpy(np.float64)
    else:
        values = read_values(text, "ordered", frame, context)
        refuse(
            not_whole(values),
            frame.index,
            f"The response {text} {RULES['ordered'][1].sentence}",
            values,
        )
    seen = np.unique(values if weights is None else values[weights > 0])
    # A row of weight zero may be of another category; it is not there.
    return np.minimum(np.searchsorted(seen, values), len(seen) - 1) + 1.0


def category_labels(
    text: str, frame: pd.DataFrame, weights: np.ndarray, context: Mapping[str, Any] = NO_CONTEXT
) -> tuple[str, ...]:
    """What the response `text` of ordered categories, of which rows of weight zero are not there,
    calls them."""
    name = plain_name(text)
    column = None if name is None else frame[name]
    if column is None or not isinstance(column.dtype, pd.CategoricalDtype):
        values = read_values(text, "ordered", frame, context)[weights > 0]
        return tuple(f"{value:.0f}" for value in np.unique(values))
    codes = np.unique(column.cat.codes.to_numpy()[weights > 0])
    return tuple(str(column.cat.categories[code]) for code in codes)


def read_counts(text: str) -> Counts | None:
    """The two sides of `successes / trials` or `cbind(successes, failures)`; None for anything
    else."""
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
    first, second = (text_of(side, aliases) for side in sides)
    return Counts(first, second, is_ratio)


def _proportion(
    text: str, frame: pd.DataFrame, weights: np.ndarray | None, context: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray | None]:
    counts = read_counts(text)
    if counts is None:
        return _single_proportion(text, frame, weights, context)
    successes = read_values(counts.successes, "count", frame, context)
    other = read_values(counts.other, "count", frame, context)
    check_rules(successes, counts.successes, "count", frame.index)
    check_rules(other, counts.other, "count", frame.index)
    trials = other if counts.other_is_trials else successes + other
    for broken, sentence in PAIR_RULES:
        refuse(broken(successes, trials), frame.index, f"The response {text} {sentence}")
    return np.column_stack([successes, trials]), weights


def _single_proportion(
    text: str, frame: pd.DataFrame, weights: np.ndarray | None, context: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray | None]:
    y, index = read_values(text, "proportion", frame, context), frame.index
    if np.isin(y, (0.0, 1.0)).all():
        # Whether the weights are trials or not makes no difference to the likelihood here.
        return np.column_stack([y, np.ones_like(y)]), weights
    refuse((y < 0) | (y > 1), index, f"The response {text} must be a proportion between 0 and 1", y)
    if weights is None:
        raise ModelError(
            f"The response {text} holds proportions: give trials as weights, or write successes /"
            " trials."
        )
    _check_trials(weights, f"response {text}", index)
    successes = np.round(y * weights)
    rest = np.abs(y * weights - successes)
    off = rest > _ROUNDING * np.maximum(successes, 1)
    refuse(off, index, f"The response {text} times its trials must be whole", y * weights)
    return np.column_stack([successes, weights]), None


def _check_trials(trials: np.ndarray, whose: str, index: pd.Index) -> None:
    refuse(NO_TRIALS.broken(trials, trials), index, f"The {whose} {NO_TRIALS.sentence}")
    refuse(not_whole(trials), index, f"The trials of the {whose} must be whole", trials)
