"""How pictures look: one palette, sizes, and names that fit."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of Okabe and Ito (2008), who are safe for the colour-blind, those with a contrast of at least 3
# to white and to near black, and a mustard in place of their orange: pictures lie on pages of
# either kind. Text and axes take the colours of the user's matplotlib style.
BLUE, VERMILLION, GREEN, PURPLE, MUSTARD = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, MUSTARD)
GREY = "#808080"
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
MARKERS = "os^Dv<>"
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "oo")

FAINT = 0.18  # of a band
SMALL = 8  # points, of ticks and words inside
_LONGEST = 24  # letters of a label
_LEADING = 1.2  # height of a line of text, in letters
_LETTER = 0.6  # width of a letter
_NARROWEST = 9  # letters of a line of a name that is wrapped


def look(number: int) -> dict[str, Any]:
    """The line of one of several: colour and dashes both tell which."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)]}


def marker(number: int) -> str:
    """The marker of one of several."""
    return MARKERS[number % len(MARKERS)]


def point_size(count: int) -> float:
    """Diameter in points of the markers of `count` levels in a column."""
    return float(np.clip(150 / max(count, 1), 1.5, 5.0))


def dot_size(count: int) -> float:
    """Diameter in points of the markers of a cloud of `count`."""
    return float(np.clip(1500 / max(count, 1), 1.5, 4.0))


def shortened(label: Any, longest: int = _LONGEST) -> str:
    """Of a long name the beginning and the end, which often tell it from others; never read as
    mathematics."""
    text = str(label)
    if len(text) > longest:
        tail = (longest - 1) // 2
        text = f"{text[: longest - 1 - tail]}…{text[-tail:]}"
    return text.replace("$", r"\$")


def told_apart(labels: Sequence[Any]) -> list[str]:
    """Names of levels; of long ones without the beginning and the end that all have."""
    names = [str(label) for label in labels]
    if max(map(len, names), default=0) > _LONGEST and len(set(names)) > 1:
        start = _shared(names)
        rest = [name[start:] for name in names]
        end = _shared([own[::-1] for own in rest])
        before, after = ("…" if cut > 2 else "" for cut in (start, end))
        first, last = start if before else 0, end if after else 0
        names = [f"{before}{name[first : len(name) - last]}{after}" for name in names]
    return [shortened(name) for name in names]


def _shared(names: list[str]) -> int:
    """How many letters all begin with."""
    low, high = min(names), max(names)  # in between are all others
    pairs = zip(low, high, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(low), len(high)))


def name_levels(ax: "Axes", labels: Sequence[Any], *, axis: str = "y") -> None:
    """Ticks at 0, 1, ... with names; where they do not all have room every second, third, ... has
    one."""
    box = ax.get_window_extent()
    points = (box.height if axis == "y" else box.width) / ax.figure.dpi * 72
    room = max(2, int(points / (SMALL * _LEADING)))
    step = max(1, -(-len(labels) // room))
    places = list(range(0, len(labels), step))
    if axis == "y":
        ax.set_yticks(places, told_apart(labels)[::step], fontsize=SMALL)
        return
    wide = int(points / max(1, len(places)) / (SMALL * _LETTER)) - 1  # letters of one
    if wide >= _NARROWEST:
        names, angle = [_wrapped(label, wide) for label in labels[::step]], 0
    else:
        names, angle = told_apart(labels)[::step], 90
        if max(map(len, names)) <= wide:
            angle = 0
    ax.set_xticks(places, names, fontsize=SMALL, rotation=angle)


def _wrapped(label: Any, wide: int) -> str:
    text = textwrap.fill(str(label), wide, max_lines=3, placeholder="…")
    return text.replace("$", r"\$")


def open_frame(ax: "Axes") -> None:
    """No lines above and to the right."""
    ax.spines[["top", "right"]].set_visible(False)


def legend(ax: "Axes", title: str | None = None) -> None:
    """What the lines mean, beside the picture, so that it covers nothing."""
    ax.legend(
        title=title and shortened(title),
        fontsize=SMALL,
        title_fontsize=SMALL,
        frameon=False,
        alignment="left",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )


def percent(level: float) -> str:
    """`95 %`."""
    return f"{100 * level:g} %"
