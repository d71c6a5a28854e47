"""Random terms: `(1 + x | g)`, `(x || g)`, `(1 | a/b)`, `diag(0 + f | g)`."""

from ._grammar import bars, check_grammar, fold_code, is_covariance, summands, tidy
from ._terms import RandomFormula
from ._tokens import Token, closing, fail

_COVARIANCES = ("us", "diag")


def is_random(tokens: tuple[Token, ...]) -> bool:
    """Whether one summand is a random term as a whole."""
    if len(tokens) == 1:
        return is_covariance(tokens[0])
    whole = tokens[0].text == "(" and closing(tokens, 0) == len(tokens) - 1
    return whole and bool(bars(tokens[1:-1]))


def parse_random(tokens: tuple[Token, ...], text: str) -> list[RandomFormula]:
    """The random terms that one summand of the formula stands for: several for `(1 | a/b)`.

    `tokens` satisfy `is_random`; `text` is the whole formula. `ModelError` for a second bar, an unknown
    covariance, or groups that are not column names joined by `:` or `/`.
    """
    inner, name = tokens[1:-1], ""
    if len(tokens) == 1:
        name = _covariance_name(tokens[0], text)
        inner = fold_code(tokens[0].inner, text)
        check_grammar(inner, text, tokens[0].end - 1)
    first, *more = bars(inner)
    if more:
        raise fail("A random term has one bar.", text, inner[more[0]].start)
    bar = inner[first]
    if bar.text == "||" and name:
        raise fail(f"'||' cannot be used with {name}(...): write '|'.", text, bar.start)
    columns = _columns(inner[:first], text)
    covariance = name or ("diag" if bar.text == "||" else "us")
    return [
        RandomFormula(columns, factors, covariance, f"{name}({columns} {bar.text} {_written(factors)})")
        for factors in _groups(inner[first + 1 :], text)
    ]


def _covariance_name(token: Token, text: str) -> str:
    name = token.text.partition("(")[0]
    if name not in _COVARIANCES:
        known = " and ".join(_COVARIANCES)
        raise fail(f"'{name}' is no known covariance structure; known are {known}.", text, token.start)
    return name


def _columns(tokens: tuple[Token, ...], text: str) -> str:
    for token in tokens:
        if is_covariance(token) or token.text.startswith("offset("):
            raise fail(f"'{token.text}' cannot stand inside a random term.", text, token.start)
        if token.text in ("|", "||"):
            raise fail("A random term cannot stand inside another.", text, token.start)
    return tidy(summands(tokens), text)


def _groups(tokens: tuple[Token, ...], text: str) -> list[tuple[str, ...]]:
    """The factors of each group: `a/b:c` gives `(a,)` and `(a, b, c)`."""
    groups: list[tuple[str, ...]] = [()]
    for position, token in enumerate(tokens):
        is_name = token.kind in ("name", "quoted")
        if is_name != (position % 2 == 0) or (not is_name and token.text not in (":", "/")):
            raise fail("Groups are column names joined by ':' or '/'.", text, token.start)
        if token.text == "/":
            groups.append(groups[-1])
        elif is_name:
            groups[-1] = _extend(groups[-1], token, text)
    return groups


def _extend(factors: tuple[str, ...], token: Token, text: str) -> tuple[str, ...]:
    name = token.text.strip("`")
    if name in factors:
        raise fail(f"The grouping factor '{name}' stands twice in one random term.", text, token.start)
    return (*factors, name)


def _written(factors: tuple[str, ...]) -> str:
    return ":".join(name if name.replace(".", "_").isidentifier() else f"`{name}`" for name in factors)
