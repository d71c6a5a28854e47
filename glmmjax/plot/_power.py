"""Power over the sizes of a design."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._errors import ModelError, check_share
from ._axes import panels, picture
from ._style import GREY, legend, look, marker, open_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEEDED = ("groups", "per_group", "power", "lower", "upper")


@picture
def power(curve: pd.DataFrame, *, level_line: float | None = 0.8, ax: Any = None) -> "Axes":
    """Power against the number of groups, a line for each number of rows a group (or against that,
    where there is one number of groups), with the intervals of the table.

    Args:
        curve: the table that `gj.power_curve` gave.
        level_line: power at which a horizontal line is drawn; None for none.
        ax: axes to draw on; by default of a new figure.

    Raises:
        ModelError: another table, or a `level_line` outside of (0, 1).
    """
    if not isinstance(curve, pd.DataFrame) or not set(_NEEDED) <= set(curve):
        raise ModelError(f"power draws the table of gj.power_curve, with {', '.join(_NEEDED)}.")
    if level_line is not None:
        check_share("level_line", level_line)
    along, across = "groups", "per_group"
    if len(set(curve["groups"])) == 1 < len(set(curve["per_group"])):
        along, across = across, along
    (axes,) = panels(ax, ["power"])
    if level_line is not None:
        axes.axhline(level_line, color=GREY, linewidth=0.8, linestyle=":")
    for number, (size, rows) in enumerate(curve.groupby(across, sort=True)):
        rows = rows.sort_values(along)
        middle = rows["power"].to_numpy()
        errors = np.stack([middle - rows["lower"], rows["upper"] - middle])
        axes.errorbar(
            rows[along],
            middle,
            yerr=np.maximum(errors, 0.0),
            **look(number),
            marker=marker(number),
            markersize=4,
            linewidth=1.2,
            capsize=2,
            label=str(size),
        )
    words = {"groups": "Number of groups", "per_group": "Rows a group"}
    axes.set_xlabel(words[along])
    axes.set_ylabel("Power, 95 % interval")
    axes.set_ylim(-0.02, 1.02)
    open_frame(axes)
    if len(set(curve[across])) > 1:
        legend(axes, words[across])
    return axes
