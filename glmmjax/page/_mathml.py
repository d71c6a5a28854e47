"""The pieces of an equation, in MathML, which browsers show by themselves."""

from collections.abc import Sequence
from typing import Any

from ._html import Html, join, tag

GREEK = {"sigma": "σ", "phi": "φ", "alpha": "α", "mu": "μ", "eta": "η", "df": "ν"}
_SPACE = "\N{NO-BREAK SPACE}"  # an ordinary one at an end is not shown


def letter(name: str) -> Html:
    """A variable; those that have a Greek letter by it."""
    return tag("mi", GREEK.get(name, name))


def sign(name: str) -> Html:
    """An operator or a relation."""
    return tag("mo", name)


def words(text: str) -> Html:
    """Upright text; spaces at its ends are kept."""
    return tag("mtext", text.replace(" ", _SPACE))


def row(*parts: Any) -> Html:
    """Pieces beside each other."""
    return tag("mrow", *parts)


def sub(base: Html, *index: Html) -> Html:
    """With an index."""
    return tag("msub", base, row(*index))


def square(base: Html, *index: Html) -> Html:
    """To the power of two, with an index or without."""
    two = tag("mn", "2")
    return tag("msubsup", base, row(*index), two) if index else tag("msup", base, two)


def of_row(base: Html) -> Html:
    """Of observation i."""
    return sub(base, letter("i"))


def brackets(*parts: Any) -> Html:
    """In round brackets."""
    return row(sign("("), *parts, sign(")"))


def applied(function: str, *arguments: Html) -> Html:
    """A function or a distribution of its arguments."""
    name = tag("mi", function, mathvariant="normal")
    return row(name, brackets(commas(arguments)))


def commas(parts: Sequence[Html]) -> Html:
    """One after the other, with commas."""
    return join([part for k, part in enumerate(parts) for part in (sign(","), part)[k == 0 :]])


def linked(link: str, mean: Html) -> Html:
    """What is linear in the covariates, by the name of a link."""
    if link == "identity":
        return mean
    if link == "inverse":
        return tag("mfrac", tag("mn", "1"), mean)
    if link == "sqrt":
        return tag("msqrt", mean)
    return applied({"softplus": "softplus⁻¹"}.get(link, link), mean)


def matrix(rows: Sequence[Sequence[Html]]) -> Html:
    """A matrix."""
    inside = tag("mtable", *(tag("mtr", *(tag("mtd", cell) for cell in own)) for own in rows))
    return brackets(inside)
