"""HTML and MathML from nested calls. What is not `Html` already is text, and is escaped here and
nowhere else."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_VOID = ("meta",)


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: Any, **attributes: str | None) -> Html:
    """An element. A child of None is left out, and so is an attribute; `class_` is `class`, and
    `aria_label` is `aria-label`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = join(children)
    return Html(f"<{name}{given}>" if name in _VOID else f"<{name}{given}>{inside}</{name}>")


def join(children: Iterable[Any], between: str = "") -> Html:
    """Elements and texts one after the other."""
    return Html(between.join(_markup(child) for child in children if child is not None))


def _markup(child: Any) -> str:
    return child if isinstance(child, Html) else html.escape(str(child))


def paragraph(*children: Any, class_: str | None = None) -> Html:
    """A paragraph; without children it is empty."""
    return tag("p", *children, class_=class_) if children else Html("")


def section(name: str, title: str, *children: Any) -> Html:
    """A part of the page, with a heading that links lead to."""
    heading = tag("h2", title, id=f"{name}-title")
    return tag("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def table(caption: str, columns: Mapping[str, Sequence[Any]], heads: int = 1) -> Html:
    """Columns of cells below their names, in a box of its own that scrolls; the first `heads` of
    them name the rows."""
    names = list(columns)
    top = tag("tr", *(tag("th", name, scope="col") for name in names))
    body = []
    for cells in zip(*columns.values(), strict=True):
        titles = [tag("th", cell, scope="row") for cell in cells[:heads]]
        body.append(tag("tr", *titles, *(tag("td", cell) for cell in cells[heads:])))
    whole = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body))
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)
