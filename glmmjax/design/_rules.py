"""What a response of each kind may hold: the rules for one response, which thousands at once are
held to as well."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._clean import unusable

_CHUNK = 1 << 16  # numbers looked at together, which stay in the cache from one rule to the next


class Rule(NamedTuple):
    """What no value of a response may do.

    - `broken`: which values break the rule, in the shape of the response.
    - `sentence`: what the response must be instead, after its name.
    """

    broken: Callable[[np.ndarray], np.ndarray]
    sentence: str


class PairRule(NamedTuple):
    """The same of successes and trials: `broken` takes both."""

    broken: Callable[[np.ndarray, np.ndarray], np.ndarray]
    sentence: str


class Faults(NamedTuple):
    """What is wrong with B responses, each a (B,) bool.

    - `invalid`: some value is missing, infinite or not of the kind.
    - `constant`: valid, and the same in every row, as in `is_constant`.
    """

    invalid: np.ndarray
    constant: np.ndarray


def not_whole(y: np.ndarray) -> np.ndarray:
    """Which numbers have a fraction."""
    return y != np.floor(y)


RULES: dict[str, tuple[Rule, ...]] = {
    "real": (),  # any finite number will do
    "positive": (Rule(lambda y: y <= 0, "must be positive"),),
    "nonnegative": (Rule(lambda y: y < 0, "must not be negative"),),
    "unit": (Rule(lambda y: (y <= 0) | (y >= 1), "must lie between 0 and 1, without the ends"),),
    "below_one": (Rule(lambda y: (y < 0) | (y >= 1), "must lie between 0 and 1, without one"),),
    "closed_unit": (Rule(lambda y: (y < 0) | (y > 1), "must lie between 0 and 1"),),
    "ordered": (
        Rule(lambda y: y < 1, "must be categories, which are numbered from 1"),
        Rule(not_whole, "must be categories, which are whole numbers or an ordered categorical"),
    ),
    "count": (
        Rule(lambda y: y < 0, "must be counts, which are not negative"),
        Rule(not_whole, "must be counts, which are whole"),
    ),
    "positive_count": (
        Rule(lambda y: y < 1, "must be counts from one up"),
        Rule(not_whole, "must be counts, which are whole"),
    ),
    "binary": (Rule(lambda y: (y != 0) & (y != 1), "must be 0 or 1"),),
}
CENSORED = {"censored": "real", "censored_positive": "positive"}
"""Kinds of censored responses, (n, 3), with the kind of their values."""
NONE, RIGHT, LEFT, INTERVAL = 0, 1, -1, 2
KINDS = (*RULES, "proportion", *CENSORED)
NO_TRIALS = PairRule(lambda successes, trials: trials == 0, "has no trials")
PAIR_RULES = (
    NO_TRIALS,
    PairRule(lambda successes, trials: successes > trials, "has more successes than trials"),
)


def invalid_responses(
    y: np.ndarray, kind: str, weights: np.ndarray | None = None, categories: int | None = None
) -> Faults:
    """Which of B responses cannot be fitted.

    - `y`: (B, n), for proportions (B, n, 2) successes and trials, or (B, n, 3) censored.
    - `kind`: what the family can take, as in `build_design`.
    - `weights`: (n,) prior weights. A row of weight zero may hold no other values than the rest,
        and does not count as one that differs.
    - `categories`: of an ordered response, those that the model has; None for any number.
    """
    members = max(1, _CHUNK // max(1, int(np.prod(y.shape[1:]))))
    starts = range(0, max(1, len(y)), members)
    chunks = [_faults(y[start : start + members], kind, weights, categories) for start in starts]
    invalid, constant = map(np.concatenate, zip(*chunks, strict=True))
    return Faults(invalid, constant)


def is_constant(y: np.ndarray, kind: str, weights: np.ndarray | None) -> np.ndarray:
    """Whether responses (..., n) are the same in all rows of positive weight; for proportions (...,
    n, 2) whether they are only successes or only failures, and of censored ones (..., n, 3) also
    whether all are on one side."""
    seen = slice(None) if weights is None else weights > 0
    if kind in CENSORED:
        y = y[..., seen, :]
        return (y.min(-2) == y.max(-2)).all(-1) | is_one_sided(y)
    if kind == "proportion":
        successes, trials = y[..., seen, 0].sum(-1), y[..., seen, 1].sum(-1)
        return (successes == 0) | (successes == trials)
    y = y[..., seen]
    return y.min(-1) == y.max(-1)


def is_one_sided(y: np.ndarray) -> np.ndarray:
    """Whether the rows of censored responses (..., n, 3) are all censored on the right or all on
    the left."""
    return (y[..., 2] == RIGHT).all(-1) | (y[..., 2] == LEFT).all(-1)


def _faults(y: np.ndarray, kind: str, weights: np.ndarray | None, categories: int | None) -> Faults:
    y = np.asarray(y, np.float64)
    with np.errstate(invalid="ignore"):
        if kind == "proportion":
            successes, trials = y[..., 0], y[..., 1]
            broken = _broken(successes, "count") | _broken(trials, "count")
            for rule in PAIR_RULES:
                broken |= rule.broken(successes, trials)
        elif kind in CENSORED:
            broken = _broken(y[..., 0], CENSORED[kind]) | unusable(y[..., 1])
        else:
            broken = _broken(y, kind)
        if categories is not None:
            broken |= y > categories
        invalid = np.asarray(broken.any(-1))
        return Faults(invalid, is_constant(y, kind, weights) & ~invalid)


def _broken(y: np.ndarray, kind: str) -> np.ndarray:
    broken = unusable(y)
    for rule in RULES[kind]:
        broken |= rule.broken(y)
    return broken
