"""What partial pooling does to the levels of a grouping factor."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..interpretation import partial_pooling
from ._axes import only_fit, panels, picture, returned
from ._style import BLUE, GREY, VERMILLION, legend, name_levels, open_frame, point_size, shortened
from ._tables import parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@picture
def shrinkage(fit: Any, group: str, *, axes: Any = None) -> Any:
    """Each level of a grouping factor estimated from its own rows alone (open), by the model
    (filled), and as if all levels were one (the line), as `fit.partial_pooling(group)` has them; a
    panel an effect. The area of the open points is the number of rows; a triangle at the edge is a
    level whose rows alone have no maximum.

    Args:
        fit: a `gj.Fit`.
        group: the grouping factor.
        axes: axes to draw on, as many as there are effects; by default of a new figure.

    Returns:
        The axes, an array of them where there are several.

    Raises:
        ModelError: a factor that the model lacks, or a batch.
    """
    fits = only_fit(fit, "shrinkage").fits
    table = partial_pooling(fits, group)
    effects = parts(table, "term")
    found = panels(axes, [f"{name} of {group}" for name in effects], "axes")
    for own, (name, rows) in zip(found, effects.items(), strict=True):
        _draw(own, rows.sort_values("partial", kind="stable").reset_index(drop=True))
        own.set_xlabel(f"{shortened(name)} of each level")
        own.set_ylabel(shortened(group))
    legend(found[-1])
    return returned(found)


def _draw(ax: "Axes", rows: pd.DataFrame) -> None:
    place, count = np.arange(len(rows)), len(rows)
    none, partial, size = (rows[name].to_numpy(np.float64) for name in ("none", "partial", "rows"))
    low, high = _range(rows)
    shown = np.clip(none, low, high)
    largest = 2 * point_size(count)
    area = (largest**2 * size / size.max()).clip(1.0)
    ax.axvline(rows["complete"].iloc[0], color=GREY, linewidth=1.0, label="completely pooled")
    ax.hlines(place, shown, partial, color=GREY, linewidth=min(1.0, 30 / count))
    inside, known = np.isfinite(none), ~np.isnan(none)
    ax.scatter(
        none[inside],
        place[inside],
        area[inside],
        facecolor="none",
        edgecolor=VERMILLION,
        linewidth=0.8,
        label="alone",
    )
    for marker, here in (("<", none == -np.inf), (">", none == np.inf)):
        ax.scatter(
            shown[here & known],
            place[here & known],
            largest**2 / 2,
            VERMILLION,
            marker=marker,
            clip_on=False,
        )
    ax.scatter(partial, place, point_size(count) ** 2, BLUE, label="partially pooled")
    ax.set_xlim(low, high)
    ax.set_ylim(-0.7, count - 0.3)
    name_levels(ax, list(rows["level"]))
    open_frame(ax)


def _range(rows: pd.DataFrame) -> tuple[float, float]:
    values = rows[["none", "partial", "complete"]].to_numpy(np.float64)
    values = values[np.isfinite(values)]
    low, high = (float(own) for own in (values.min(), values.max()))
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin
