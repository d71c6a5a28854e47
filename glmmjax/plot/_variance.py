"""Whose variance it is: fixed part, random terms, a single observation."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..interpretation import shares_of_variance
from ._axes import fits_of, panels, picture
from ._style import COLOURS, GREY, HATCHES, SMALL, legend, name_levels, open_frame, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BARS = 20  # members, beyond which their distribution is shown


@picture
def variance(fit: Any, *, ax: Any = None) -> "Axes":
    """Shares of the variance on the scale of the link as a stacked bar: the fixed part, each random
    term, and a single observation, the numbers of `fit.r2()` and `fit.icc()` (Nakagawa, Johnson and
    Schielzeth 2017).

    Of a batch a bar a member; of more than 20 a box plot of each share over the members.

    Args:
        fit: a `gj.Fit` or `gj.Batch`.
        ax: axes to draw on; by default of a new figure.

    Raises:
        ModelError: families and links of which the variance of an observation is not known, models
            with `ziformula` or `dispformula`.
    """
    fits = fits_of(fit, "variance")
    table = shares_of_variance(fits).dropna()
    (axes,) = panels(ax, ["variance"])
    if len(table) > _BARS:
        _boxes(axes, table)
    else:
        _bars(axes, table)
        if fits.members.is_alone:
            axes.set_yticks([])
        else:
            name_levels(axes, list(table.index))
            axes.set_ylabel("member")
    open_frame(axes)
    return axes


def _bars(ax: "Axes", table: pd.DataFrame) -> None:
    left, place = np.zeros(len(table)), np.arange(len(table))
    for number, name in enumerate(table):
        share = 100 * table[name].to_numpy()
        colour = GREY if name == "observation" else COLOURS[number % len(COLOURS)]
        hatch = HATCHES[number % len(HATCHES)]
        bars = ax.barh(
            place,
            share,
            left=left,
            height=0.7 if len(table) > 1 else 0.4,
            color=colour,
            hatch=hatch,
            label=shortened(name),
        )
        if len(table) == 1 and share[0] >= 5:
            box = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 1.5}
            ax.bar_label(bars, [f"{share[0]:.0f} %"], label_type="center", fontsize=SMALL, bbox=box)
        left = left + share
    ax.set_xlim(0, 100)
    ax.set_ylim(-0.7, max(len(table), 1) - 0.3)
    ax.set_xlabel("Share of the variance on the scale of the link, %")
    legend(ax)


def _boxes(ax: "Axes", table: pd.DataFrame) -> None:
    found = ax.boxplot(
        [100 * table[name].to_numpy() for name in table],
        widths=0.6,
        positions=np.arange(table.shape[1]),
        flierprops={"markersize": 2},
    )
    for box in (own for part in found.values() for own in part):
        box.set_color(COLOURS[0])
    for point in found["fliers"]:
        point.set_markeredgecolor(COLOURS[0])
    name_levels(ax, list(table.columns), axis="x")
    ax.set_ylim(0, 100)
    ax.set_ylabel(f"Share of the variance\nof {len(table)} members, %")
