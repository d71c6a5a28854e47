"""Text to tokens, each of which knows where it stands, so that an error can point at it."""

import re
from typing import NamedTuple

from .._errors import ModelError


class Token(NamedTuple):
    """A piece of a formula.

    - `kind`: "name", "quoted" (in backticks), "number", "string", "operator", "open" or "close";
        "code" once `fold_code` has folded a function call into one piece.
    - `start`: the position of its first character in the formula.
    - `depth`: how many brackets are open around it; a bracket stands at the depth outside of it.
    - `inner`: for "code", the tokens between its last pair of brackets.
    """

    kind: str
    text: str
    start: int
    depth: int
    inner: tuple["Token", ...] = ()

    @property
    def end(self) -> int:
        """The position after its last character."""
        return self.start + len(self.text)


# A name may hold dots, as in R and in formulaic.
_PATTERN = re.compile(
    r"""(?P<space>\s+)
    | (?P<name>[^\W\d][\w.]*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<quoted>`[^`]+`)
    | (?P<string>"[^"]*"|'[^']*')
    | (?P<operator>\|\||\*\*|%in%|//|[=!<>]=|[-+*/:^|~,<>=!&%.])
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])""",
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
WORDS = frozenset({"s", "offset", "cbind", "cens"})
"""Functions that a formula reads itself, whatever they mean elsewhere."""


def fail(sentence: str, text: str, position: int) -> ModelError:
    """The error to raise: the sentence, the formula, and a caret under the place."""
    return ModelError(f"{sentence}\n  {text}\n  {' ' * position}^")


def tokenize(text: str) -> tuple[Token, ...]:
    """Cut a formula into tokens; `ModelError` for unknown characters, open quotes and unbalanced
    brackets."""
    tokens: list[Token] = []
    opened: list[Token] = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise fail(_unknown(text[position]), text, position)
        kind, piece = str(match.lastgroup), match.group()
        if kind == "close":
            _close(opened, piece, text, position)
        token = Token(kind, piece, position, len(opened))
        if kind == "open":
            opened.append(token)
        if kind != "space":
            tokens.append(token)
        position = match.end()
    if opened:
        raise fail(f"'{opened[-1].text}' is never closed in the formula.", text, opened[-1].start)
    return tuple(tokens)


def identifiers(text: str) -> set[str]:
    """The Python names that a formula holds, of a dotted name the first."""
    return {token.text.split(".")[0] for token in tokenize(text) if token.kind == "name"}


def closing(tokens: tuple[Token, ...], index: int) -> int:
    """The index of the bracket that closes the one at `index`."""
    depth = tokens[index].depth
    return next(
        i
        for i in range(index + 1, len(tokens))
        if tokens[i].kind == "close" and tokens[i].depth == depth
    )


def backticked(name: str) -> str:
    """A column's name as a formula writes it: in backticks unless it is a plain one."""
    return name if name.replace(".", "_").isidentifier() else f"`{name}`"


def _close(opened: list[Token], piece: str, text: str, position: int) -> None:
    if not opened:
        raise fail(f"'{piece}' closes nothing in the formula.", text, position)
    if _CLOSING[opened[-1].text] != piece:
        raise fail(f"'{piece}' cannot close '{opened[-1].text}' in the formula.", text, position)
    opened.pop()


def _unknown(character: str) -> str:
    if character in "`\"'":
        return f"A name or text that begins with {character} is never closed in the formula."
    return f"The character '{character}' has no meaning in a formula."
