"""The way from the text of a formula to its parts."""

import re

from .._errors import ModelError
from ._grammar import Summand, bars, check_grammar, fold_code, is_covariance, source, summands, tidy
from ._random_term import is_random, parse_random
from ._smooth_term import is_smooth, parse_smooth
from ._terms import ParsedFormula, RandomFormula, SmoothFormula
from ._tokens import Token, fail, tokenize


def parse_formula(text: str) -> ParsedFormula:
    """Take a formula in lme4's notation apart.

    `"y ~ x + (1 + x | g) + s(z) + offset(log(t))"` has the response `y`, the fixed part `x`, one
    random term, one smooth and one offset; without a left-hand side the response is `""`. Raises
    `ModelError` with one sentence, the formula, and a caret under the place.
    """
    if not isinstance(text, str):
        raise ModelError(f"The formula must be text, not {type(text).__name__}.")
    text = re.sub(r"\s", " ", text).strip()
    if not text:
        raise ModelError("The formula is empty.")
    left, right = _sides(fold_code(tokenize(text), text), text)
    fixed: list[Summand] = []
    random: list[RandomFormula] = []
    offsets: list[str] = []
    smooths: list[SmoothFormula] = []
    for term in summands(right):
        if is_smooth(term.tokens[0]) and len(term.tokens) == 1:
            _check_added(term, "A smooth", text)
            smooths.append(parse_smooth(term.tokens[0], text))
        elif is_random(term.tokens):
            _check_added(term, "A random term", text)
            random.extend(parse_random(term.tokens, text))
        elif _is_offset(term.tokens[0]) and len(term.tokens) == 1:
            _check_added(term, "An offset", text)
            offsets.append(_offset(term.tokens[0], text))
        else:
            _check_fixed(term.tokens, text)
            fixed.append(term)
    _check_once(
        [term.text for term in (*random, *smooths)] + [f"offset({offset})" for offset in offsets]
    )
    response = source(left, text) if left else ""
    return ParsedFormula(
        text, response, tidy(fixed, text) or "1", tuple(random), tuple(offsets), tuple(smooths)
    )


def _sides(tokens: tuple[Token, ...], text: str) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
    tildes = [i for i, token in enumerate(tokens) if token.text == "~"]
    if not tildes:
        raise fail("The formula has no '~' between response and predictors.", text, len(text))
    if len(tildes) > 1:
        raise fail("The formula has a second '~'.", text, tokens[tildes[1]].start)
    left, right = tokens[: tildes[0]], tokens[tildes[0] + 1 :]
    if not right:
        raise fail(
            "The formula has nothing after '~'; write 1 for an intercept only.", text, len(text)
        )
    if left:
        _check_response(left, text)
    check_grammar(right, text, len(text))
    outer = bars(right)
    if outer and right[outer[0]].depth == 0:
        raise fail("A random term needs parentheses: write (x | g).", text, right[outer[0]].start)
    return left, right


def _check_response(left: tuple[Token, ...], text: str) -> None:
    """The left-hand side is Python for the data to evaluate; only what is surely a slip is refused
    here."""
    if left[0].text in ("+", "-", "*", "/"):
        raise fail("The response cannot begin with an operator.", text, left[0].start)
    for before, token in zip((None, *left), left, strict=False):
        if token.text in ("|", "||") or is_covariance(token):
            raise fail("The response cannot hold a random term.", text, token.start)
        if token.text == "^":
            raise fail("'^' is no power in a response: write '**'.", text, token.start)
        if token.text == "," and token.depth == 0:
            raise fail("The formula has one response.", text, token.start)
        if (
            before is not None
            and before.kind not in ("operator", "open")
            and token.kind not in ("operator", "close")
        ):
            raise fail(
                f"An operator is missing before '{token.text}' in the formula.", text, token.start
            )
    if left[-1].kind == "operator":
        raise fail(f"A term is missing after '{left[-1].text}' in the formula.", text, left[-1].end)


def _check_added(term: Summand, what: str, text: str) -> None:
    if term.sign is not None and term.sign.text == "-":
        raise fail(f"{what} can only be added, not taken away.", text, term.sign.start)


def _is_offset(token: Token) -> bool:
    return token.kind == "code" and token.text.startswith("offset(")


def _offset(token: Token, text: str) -> str:
    if not token.inner:
        raise fail("offset() needs an expression.", text, token.end - 1)
    commas = [
        inner for inner in token.inner if inner.text == "," and inner.depth == token.depth + 1
    ]
    if commas:
        raise fail("offset() takes one expression.", text, commas[0].start)
    return source(token.inner, text)


def _check_fixed(tokens: tuple[Token, ...], text: str) -> None:
    for token in tokens:
        if is_smooth(token):
            raise fail("A smooth can only be added to the formula.", text, token.start)
        if token.text in ("|", "||") or is_covariance(token):
            raise fail("A random term can only be added to the formula.", text, token.start)
        if _is_offset(token):
            raise fail("An offset can only be added to the formula.", text, token.start)


def _check_once(terms: list[str]) -> None:
    for term in terms:
        if terms.count(term) > 1:
            raise ModelError(f"The term {term} stands twice in the formula.")
