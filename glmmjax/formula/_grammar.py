"""The grammar of a right-hand side: terms and operators take turns.

Function calls are Python for formulaic to evaluate. They are folded into one token first, so that
an operator that is left stands on the level of the formula, where `+` adds a term and `|` makes a
random one.
"""

from typing import NamedTuple

from ._tokens import Token, closing, fail, tokenize

BARS = ("|", "||")
_SIGNS = ("+", "-")
_OPERATORS = frozenset({"+", "-", "*", "/", ":", "^", "**", "%in%", "~", *BARS})
_DOT = "'.' for all other columns is not supported: name the columns."


class Summand(NamedTuple):
    """A term with the sign in front of it; `sign` is None at the beginning."""

    sign: Token | None
    tokens: tuple[Token, ...]


def fold_code(tokens: tuple[Token, ...], text: str) -> tuple[Token, ...]:
    """Replace each call `f(...)`, `f[...]` or `{...}` by one token of kind "code".

    A covariance such as `diag(x | g)` is a call too; its bar is in `inner`.
    """
    folded: list[Token] = []
    index = 0
    while index < len(tokens):
        token, start = tokens[index], index
        inner: tuple[Token, ...] = ()
        while (opening := _opening(tokens, start, index)) is not None:
            last = closing(tokens, opening)
            inner, index = tokens[opening + 1 : last], last
        if index > start or token.text == "{":
            token = Token(
                "code", text[token.start : tokens[index].end], token.start, token.depth, inner
            )
            _check_code(token, text)
        folded.append(token)
        index += 1
    return tuple(folded)


def in_braces(name: str, terms: str) -> str:
    """The terms with braces around `name`, which say that it is Python, wherever it stands by
    itself."""
    for token in reversed(fold_code(tokenize(terms), terms)):
        if token.text == name:
            terms = f"{terms[: token.start]}{{{name}}}{terms[token.end :]}"
    return terms


def check_grammar(tokens: tuple[Token, ...], text: str, end: int) -> None:
    """Raise a `ModelError` unless terms and operators take turns; `end` is where the text of them
    ends."""
    before: Token | None = None
    for token in tokens:
        _check_turn(before, token, text)
        before = token
    if before is None or before.kind in ("operator", "open"):
        raise fail(_missing(before), text, end)


def summands(tokens: tuple[Token, ...]) -> tuple[Summand, ...]:
    """Split at each `+` and `-` outside of parentheses; `tokens` have passed `check_grammar`."""
    depth = tokens[0].depth
    cuts = [i for i, token in enumerate(tokens) if token.text in _SIGNS and token.depth == depth]
    if not cuts or cuts[0] > 0:
        cuts = [-1, *cuts]
    ends = [*cuts[1:], len(tokens)]
    return tuple(
        Summand(tokens[cut] if cut >= 0 else None, tokens[cut + 1 : end])
        for cut, end in zip(cuts, ends, strict=True)
    )


def source(tokens: tuple[Token, ...], text: str) -> str:
    """The text that a run of tokens came from."""
    return text[tokens[0].start : tokens[-1].end]


def tidy(terms: tuple[Summand, ...] | list[Summand], text: str) -> str:
    """The terms as text with one space around each sign, `""` for no terms."""
    written = ""
    for sign, tokens in terms:
        minus = sign is not None and sign.text == "-"
        if written:
            written += " - " if minus else " + "
        elif minus:
            written = "-"
        written += source(tokens, text)
    return written


def bars(tokens: tuple[Token, ...]) -> list[int]:
    """Where bars stand that are inside no further brackets."""
    depth = min((token.depth for token in tokens), default=0)
    return [i for i, token in enumerate(tokens) if token.text in BARS and token.depth == depth]


def is_covariance(token: Token) -> bool:
    """Whether the token is a call with a bar of its own, `ar1(t | g)`; inside `I(...)` a bar is
    Python's."""
    return (
        token.kind == "code" and bool(bars(token.inner)) and not token.text.startswith(("I(", "{"))
    )


def _opening(tokens: tuple[Token, ...], start: int, index: int) -> int | None:
    """The index of the bracket that continues the code that began at `start` and reaches to
    `index`."""
    token = tokens[index]
    if index == start and token.text == "{":
        return index
    if token.kind != "name" and index == start:
        return None
    after = index + 1
    if (
        after < len(tokens)
        and tokens[after].text in ("(", "[")
        and tokens[after].start == token.end
    ):
        return after
    return None


def _check_code(token: Token, text: str) -> None:
    powers = [inner for inner in token.inner if inner.text == "^"]
    if powers and not is_covariance(token):
        raise fail(
            f"'^' is no power inside a function: write {token.text.replace('^', '**')}.",
            text,
            powers[0].start,
        )


def _check_turn(before: Token | None, token: Token, text: str) -> None:
    if token.kind == "operator" and token.text not in _OPERATORS:
        raise fail(_DOT if token.text == "." else _meaningless(token), text, token.start)
    if token.text in ("[", "]"):
        raise fail(_meaningless(token), text, token.start)
    expects_term = before is None or before.kind in ("operator", "open")
    if expects_term:
        is_sign = token.text in _SIGNS and (
            before is None or before.kind == "open" or before.text in ("~", *BARS)
        )
        if token.kind == "close" or (token.kind == "operator" and not is_sign):
            raise fail(_missing(before), text, token.start)
    elif token.kind not in ("operator", "close"):
        raise fail(
            f"An operator is missing before '{token.text}' in the formula.", text, token.start
        )


def _meaningless(token: Token) -> str:
    return f"'{token.text}' has no meaning in a formula outside of a function."


def _missing(before: Token | None) -> str:
    place = "at the beginning of" if before is None else f"after '{before.text}' in"
    return f"A term is missing {place} the formula."
