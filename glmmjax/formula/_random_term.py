"""Random terms: `(1 + x | g)`, `(x || g)`, `(1 | a/b)`, `ar1(t | g)`, `rr(0 + f | g, d=2)`."""

from ._arguments import Argument, split_arguments, whole_number
from ._grammar import bars, check_grammar, fold_code, is_covariance, summands, tidy
from ._smooth_term import is_smooth
from ._terms import RandomFormula
from ._tokens import Token, backticked, closing, fail, tokenize

_DEFAULT_RANK = 2  # glmmTMB's d


def is_random(tokens: tuple[Token, ...]) -> bool:
    """Whether one summand is a random term as a whole."""
    if len(tokens) == 1:
        return is_covariance(tokens[0])
    whole = tokens[0].text == "(" and closing(tokens, 0) == len(tokens) - 1
    return whole and bool(bars(tokens[1:-1]))


def parse_random(tokens: tuple[Token, ...], text: str) -> list[RandomFormula]:
    """The random terms that one summand of the formula stands for: several for `(1 | a/b)`.

    `tokens` satisfy `is_random`; `text` is the whole formula. `ModelError` for a second bar, groups
    that are not column names joined by `:` or `/`, or arguments that the covariance does not take.
    Any name can be that of a covariance.
    """
    inner, name, options = tokens[1:-1], "", []
    if len(tokens) == 1:
        name = _covariance_name(tokens[0], text)
        inner, options = _arguments(tokens[0], text)
    first, *more = bars(inner)
    if more:
        raise fail("A random term has one bar.", text, inner[more[0]].start)
    bar = inner[first]
    if bar.text == "||" and name:
        raise fail(f"'||' cannot be used with {name}(...): write '|'.", text, bar.start)
    columns = _columns(inner[:first], text)
    if name == "propto" and columns != "1":
        raise fail("The left side of propto is 1: write propto(1 | g, K).", text, inner[0].start)
    rank, matrix, written = _read_options(name, options, text, tokens[0].end - 1)
    return [
        RandomFormula(
            columns,
            factors,
            covariance=name or ("diag" if bar.text == "||" else "us"),
            text=f"{name}({columns} {bar.text} {':'.join(map(backticked, factors))}{written})",
            rank=rank,
            matrix=matrix,
        )
        for factors in _groups(inner[first + 1 :], text)
    ]


def added_variables(columns: str) -> tuple[str, ...]:
    """The expressions that a left side `"0 + x + log(z)"` adds, whether or not it takes the
    intercept away.

    Empty for everything else: an intercept that is written, an interaction, a variable that is
    taken away.
    """
    found: list[str] = []
    for sign, (first, *more) in summands(fold_code(tokenize(columns), columns)):
        is_minus = sign is not None and sign.text == "-"
        if not more and first.text == ("1" if is_minus else "0"):
            continue
        if is_minus or more or first.kind not in ("name", "quoted", "code"):
            return ()
        found.append(first.text)
    return tuple(dict.fromkeys(found))


def _covariance_name(token: Token, text: str) -> str:
    name = text[token.start : token.inner[0].start].rstrip()[:-1]
    if not name.isidentifier() or text[token.start + len(name)] != "(":
        raise fail("A covariance structure is written name(columns | groups).", text, token.start)
    return name


def _arguments(token: Token, text: str) -> tuple[tuple[Token, ...], list[Argument]]:
    """What stands before the first comma behind the bar of a covariance, and the arguments after
    it."""
    inner, end = fold_code(token.inner, text), token.end - 1
    bar = bars(inner)[0]
    comma = next(
        (
            i
            for i in range(bar, len(inner))
            if inner[i].text == "," and inner[i].depth == inner[bar].depth
        ),
        -1,
    )
    if comma < 0:
        check_grammar(inner, text, end)
        return inner, []
    check_grammar(inner[:comma], text, inner[comma].start)
    return inner[:comma], split_arguments(inner[comma + 1 :], text, end)


def _read_options(
    name: str, options: list[Argument], text: str, end: int
) -> tuple[int | None, str | None, str]:
    """The rank, the name of the matrix, and how they are written in the term."""
    if name == "rr":
        rank = _rank(options, text)
        return rank, None, f", d={rank}" if options else ""
    if name == "propto":
        matrix = _matrix(options, end, text)
        return None, matrix, f", {matrix}"
    if options:
        raise fail(f"{name}(...) takes nothing after the groups.", text, options[0].start)
    return None, None, ""


def _rank(options: list[Argument], text: str) -> int:
    if not options:
        return _DEFAULT_RANK
    for wrong in options[1:] if options[0].key and options[0].key.text == "d" else options:
        raise fail("rr(...) takes d=, the number of factors, after the groups.", text, wrong.start)
    return whole_number(options[0], 1, text)


def _matrix(options: list[Argument], end: int, text: str) -> str:
    alone = [
        option
        for option in options
        if option.key is None and [t.kind for t in option.value] == ["name"]
    ]
    if len(options) == len(alone) == 1:
        return alone[0].value[0].text
    wrong = options[len(alone) and 1].start if options else end
    raise fail(
        "propto takes the name of a matrix after the groups: write propto(1 | g, K).", text, wrong
    )


def _columns(tokens: tuple[Token, ...], text: str) -> str:
    for token in tokens:
        if is_covariance(token) or is_smooth(token) or token.text.startswith("offset("):
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
        raise fail(
            f"The grouping factor '{name}' stands twice in one random term.", text, token.start
        )
    return (*factors, name)
