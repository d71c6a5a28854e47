"""What a check finds."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..fit import Solution


class Finding(NamedTuple):
    """Something to look at: the parameter, term or column that it is about ("" for the fit as a
    whole), and a sentence that says what it means and what to do."""

    parameter: str
    sentence: str


class Check(NamedTuple):
    """A question to a fit.

    Attributes:
        name: what is checked, in words.
        applies: whether the question has a meaning for the fit, and its answer is offered. It is
            asked of every fit, whether it ended well or not.
        find: what there is to say, nothing if all is well.
    """

    name: str
    applies: Callable[[Solution], bool]
    find: Callable[[Solution], Iterator[Finding]]


def always(_: Solution) -> bool:
    """Of every fit."""
    return True


def is_maximum(solution: Solution) -> bool:
    """Of fits whose estimates are a maximum of the likelihood."""
    return solution.status.ok
