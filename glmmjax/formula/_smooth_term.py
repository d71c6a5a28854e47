"""Smooth terms: `s(x)`, `s(x, k=12, by=g)`."""

from ._arguments import Argument, column_name, split_arguments, whole_number
from ._grammar import bars, source
from ._terms import SmoothFormula
from ._tokens import Token, backticked, fail

_DEFAULT = 10  # mgcv's k
_LEAST = 3  # one penalised direction


def is_smooth(token: Token) -> bool:
    """Whether the token is a call of `s`."""
    return token.kind == "code" and token.text.startswith("s(")


def parse_smooth(token: Token, text: str) -> SmoothFormula:
    """One smooth term; `token` satisfies `is_smooth`, and `text` is the whole formula."""
    end = token.end - 1
    if not token.inner:
        raise fail("s() needs a variable.", text, end)
    if text[token.start + 2 : token.inner[0].start].strip():
        raise fail("A smooth is written s(x), and nothing can follow it.", text, token.start)
    bar = bars(token.inner)
    if bar:
        raise fail("A smooth has no groups: write s(x, by=g).", text, token.inner[bar[0]].start)
    first, *options = split_arguments(token.inner, text, end)
    if first.key is not None:
        raise fail("s() needs a variable first.", text, first.start)
    given = _options(options, text)
    k = whole_number(given["k"], _LEAST, text) if "k" in given else _DEFAULT
    by = column_name(given["by"], text) if "by" in given else None
    variable = source(first.value, text)
    written = (
        f"s({variable}{f', k={k}' if 'k' in given else ''}{f', by={backticked(by)}' if by else ''})"
    )
    return SmoothFormula(variable, k, by, written)


def _options(arguments: list[Argument], text: str) -> dict[str, Argument]:
    given: dict[str, Argument] = {}
    for argument in arguments:
        if argument.key is None:
            raise fail("A smooth has one variable, and after it k= and by=.", text, argument.start)
        name = argument.key.text
        if name not in ("k", "by"):
            raise fail(
                f"A smooth has no argument '{name}'; it has k= and by=.", text, argument.start
            )
        if name in given:
            raise fail(f"The argument '{name}' stands twice.", text, argument.start)
        given[name] = argument
    return given
