"""Arguments of a call that the formula reads itself: `s(x, k=10)`, `rr(0 + f | g, d=2)`."""

from typing import NamedTuple

from ._tokens import Token, fail


class Argument(NamedTuple):
    """One argument; `key` is None where the value stands alone."""

    key: Token | None
    value: tuple[Token, ...]

    @property
    def start(self) -> int:
        """The position of its first character in the formula."""
        return (self.key or self.value[0]).start


def split_arguments(tokens: tuple[Token, ...], text: str, end: int) -> list[Argument]:
    """Cut at each comma outside of further brackets; `end` is where the text of the tokens ends."""
    depth = min((token.depth for token in tokens), default=0)
    commas = [i for i, token in enumerate(tokens) if token.text == "," and token.depth == depth]
    starts, ends = [0, *(i + 1 for i in commas)], [*commas, len(tokens)]
    stops = [*(tokens[i].start for i in commas), end]
    return [
        _argument(tokens[first:last], text, stop)
        for first, last, stop in zip(starts, ends, stops, strict=True)
    ]


def whole_number(argument: Argument, least: int, text: str) -> int:
    """The value of `key=number`; `ModelError` for anything but a whole number of at least
    `least`."""
    first, *more = argument.value
    if more or not first.text.isdecimal() or int(first.text) < least:
        name = argument.key.text if argument.key else "The argument"
        raise fail(f"{name} must be a whole number, {least} or more.", text, first.start)
    return int(first.text)


def column_name(argument: Argument, text: str) -> str:
    """The value of `key=name`, without backticks; `ModelError` for anything but one name."""
    first, *more = argument.value
    if more or first.kind not in ("name", "quoted"):
        raise fail(
            f"{argument.key.text if argument.key else 'The argument'} must be a name.",
            text,
            first.start,
        )
    return first.text.strip("`")


def _argument(tokens: tuple[Token, ...], text: str, end: int) -> Argument:
    if not tokens:
        raise fail("An argument is missing.", text, end)
    if len(tokens) == 1 or tokens[0].kind != "name" or tokens[1].text != "=":
        return Argument(None, tokens)
    if len(tokens) == 2:
        raise fail(f"A value is missing after '{tokens[0].text}='.", text, end)
    return Argument(tokens[0], tokens[2:])
