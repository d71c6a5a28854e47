"""Numbers as they are set."""

import re
from collections.abc import Iterable
from typing import Any

from ..report import format_column, format_number, format_p_value
from ._html import Html, join, tag

_POWER = re.compile(r"e([+-])0*(\d+)$")
_WORDS = {"inf": "∞", "nan": "NaN"}


def figures(text: str) -> Html:
    """A number of the package's tables with a true minus sign, and powers of ten."""
    found = _POWER.search(text)
    if found is None:
        size = text.lstrip("-")
        before = "\N{MINUS SIGN}" if size != text else ""
        return join([before, _WORDS.get(size, size)])
    sign = "" if found[1] == "+" else "\N{MINUS SIGN}"
    power = tag("sup", f"{sign}{found[2]}")
    return join([figures(text[: found.start()]), "\N{MULTIPLICATION SIGN}10", power])


def number(value: Any) -> Html:
    """With four significant digits."""
    return figures(format_number(value))


def p_value(value: Any) -> Html:
    """As R prints it."""
    return figures(format_p_value(value).replace("<", "< "))


def column(values: Iterable[float]) -> list[Html]:
    """Numbers below each other, with the same decimals."""
    return [figures(text) for text in format_column(values)]


def intervals(lower: Iterable[float], upper: Iterable[float]) -> list[Html]:
    """Pairs of numbers below each other, with the same decimals."""
    both = column([*lower, *upper])
    half = len(both) // 2
    return [_pair(*own) for own in zip(both[:half], both[half:], strict=True)]


def interval(lower: float, upper: float) -> Html:
    """A pair of numbers, each with four significant digits."""
    return _pair(number(lower), number(upper))


def _pair(lower: Html, upper: Html) -> Html:
    return lower if lower == upper == "NaN" else join([lower, " to ", upper])
