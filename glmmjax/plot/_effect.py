"""The effect of a variable at a balanced grid of the others."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..families import innermost
from ..fit import Solution
from ..inference import Means, means
from ._axes import only_fit, panels, picture
from ._partial import Points, points_of
from ._style import (
    FAINT,
    dot_size,
    legend,
    look,
    marker,
    name_levels,
    open_frame,
    percent,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = 101  # of a line
_APART = 0.6  # that the levels of `by` take beside each other, of the distance of two levels
_MOST_LINES = 12


class Line(NamedTuple):
    """The effect at one value of `by`.

    Attributes:
        key: that value.
        table: a row a value of the variable: `estimate, lower, upper`, on the scale of the picture.
        link: (k,) the estimates on the scale of the link.
    """

    key: Any
    table: pd.DataFrame
    link: np.ndarray


@picture
def effect(  # noqa: PLR0913 - keyword-only settings
    fit: Any,
    variable: str,
    by: str | None = None,
    *,
    kind: str = "response",
    level: float = 0.95,
    partial: bool = True,
    ax: Any = None,
) -> "Axes":
    """Estimated marginal means over a variable, as `fit.means` has them: the other factors averaged
    over their levels, other numbers at their means, random effects of zero. Points with intervals
    for a factor, a line with a band over the range of a number.

    Points of the data are partial residuals: on the scale of the link the effect plus the working
    residual `(y - mu) / (d mu / d eta)`, given the conditional modes; on that of the response the
    same to first order, `m + (y - mu) (d m / d eta) / (d mu / d eta)` with `m` the effect, which
    for a log link is `y m / mu`. Where there are none, because the response is binary or its mean
    is not the inverse of the link, they are the observed responses, and on the scale of the link
    nothing. The label of the axis says which.

    Args:
        fit: a `gj.Fit`.
        variable: a variable of the fixed effects.
        by: another, with a line for each of its levels; of a number at its mean and a standard
            deviation to either side.
        kind: `response` or `link`.
        level: of the pointwise intervals.
        partial: whether to draw the points of the data.
        ax: axes to draw on; by default of a new figure.

    Raises:
        ModelError: a variable that the fixed effects do not use, a batch, or a model with smooths
            (see `gj.plot.smooth`).
    """
    solution = only_fit(fit, "effect")
    for argument, name in (("variable", variable), ("by", by or "")):
        if not isinstance(name, str):
            raise ModelError(f"{argument} must be the name of a variable, not {name!r}.")
    grid = {variable: _values(solution, variable, _along)}
    if by is not None:
        grid[by] = _values(solution, by, _across)
    at = {name: own for name, own in grid.items() if own is not None}
    lines = _lines(solution, variable, by, {"at": at, "level": level}, kind)
    points = points_of(solution, variable, by, lines, kind) if partial else None
    (axes,) = panels(ax, [variable])
    draw = _draw_factor if grid[variable] is None else _draw_number
    draw(axes, lines, points)
    _label(axes, solution, variable, kind, level, points)
    if by is not None:
        legend(axes, by)
    return axes


def _along(column: pd.Series) -> np.ndarray:
    return np.linspace(column.min(), column.max(), _STEPS)


def _across(column: pd.Series) -> np.ndarray:
    middle, spread = column.mean(), column.std()
    return np.array([float(f"{own:.3g}") for own in (middle - spread, middle, middle + spread)])


def _values(solution: Solution, name: str, of_number: Any) -> np.ndarray | None:
    """Values of a number at which it is looked at; None for a factor, which has its levels."""
    # Raises for a name that is none
    count, frame = len(means(solution.fits, name)), solution.model.design.frame
    if count > 1 or not pd.api.types.is_numeric_dtype(frame[name]):
        return None
    return of_number(frame[name].astype(np.float64))


def _lines(
    solution: Solution, variable: str, by: str | None, settings: dict[str, Any], kind: str
) -> list[Line]:
    both = [means(solution.fits, variable, by, kind=own, **settings) for own in (kind, "link")]
    if by is None:
        return [Line("", both[0], both[1]["estimate"].to_numpy())]
    parts = [_by_level(own) for own in both]
    if len(parts[0]) > _MOST_LINES:
        raise ModelError(
            f"by has {len(parts[0])} levels, of which {_MOST_LINES} can be told apart."
        )
    return [
        Line(key, table, parts[1][key]["estimate"].to_numpy()) for key, table in parts[0].items()
    ]


def _by_level(table: Means) -> dict[Any, pd.DataFrame]:
    plain = pd.DataFrame(table)
    return {key: own.droplevel(0) for key, own in plain.groupby(level=0, sort=False)}


def _draw_number(ax: "Axes", lines: list[Line], points: Points | None) -> None:
    for number, line in enumerate(lines):
        own, x = look(number), line.table.index.to_numpy(np.float64)
        low, high = line.table["lower"].to_numpy(), line.table["upper"].to_numpy()
        ax.fill_between(x, low, high, color=own["color"], alpha=FAINT, linewidth=0)
        ax.plot(x, line.table["estimate"], **own, label=shortened(line.key))
        if points is not None:
            here = points.line == number
            _scatter(ax, points.x[here], points.y[here], number, points)
    open_frame(ax)


def _draw_factor(ax: "Axes", lines: list[Line], points: Points | None) -> None:
    labels, apart = list(lines[0].table.index), _APART / len(lines)
    for number, line in enumerate(lines):
        place = np.arange(len(labels)) + (number - (len(lines) - 1) / 2) * apart
        middle = line.table["estimate"].to_numpy()
        errors = np.stack([middle - line.table["lower"], line.table["upper"] - middle])
        shape, colour = marker(number), look(number)["color"]
        ax.errorbar(
            place,
            middle,
            yerr=errors,
            fmt=shape,
            color=colour,
            capsize=3,
            markersize=6,
            label=shortened(line.key),
            zorder=3,
        )
        if points is not None:
            here = points.line == number
            level = points.x[here].astype(int)
            _scatter(
                ax, place[level] + _spread(level) * 0.35 * apart, points.y[here], number, points
            )
    ax.set_xlim(-0.6, len(labels) - 0.4)
    name_levels(ax, labels, axis="x")
    open_frame(ax)


def _spread(level: np.ndarray) -> np.ndarray:
    """Numbers in (-1, 1), evenly over the rows of each level: the golden ratio's sequence."""
    rank = pd.Series(level).groupby(level).cumcount().to_numpy()
    return 2 * ((rank + 1) * 0.6180339887498949 % 1.0) - 1


def _scatter(ax: "Axes", x: np.ndarray, y: np.ndarray, number: int, points: Points) -> None:
    count = len(points.x)
    shape = "|" if points.is_binary else marker(number)
    settings = {"markersize": dot_size(count), "color": look(number)["color"]}
    ax.plot(
        x,
        y,
        shape,
        **settings,
        alpha=float(np.clip(300 / max(count, 1), 0.1, 0.45)),
        rasterized=count > 2000,
        zorder=1,
    )


def _label(
    ax: "Axes", solution: Solution, variable: str, kind: str, level: float, points: Points | None
) -> None:
    text = solution.model.design.formula.text.split("~")[0].strip() or "response"
    link = innermost(solution.model.family).link.name
    of = f"Mean of {shortened(text)}" if kind == "response" else f"Linear predictor ({link})"
    lines = [f"{of}, {percent(level)} interval"]
    if points is not None:
        lines.append(f"(points: {points.words})")
    ax.set_xlabel(shortened(variable, 48))
    ax.set_ylabel("\n".join(lines))
