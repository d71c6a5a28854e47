"""The curves of smooths."""

from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.special import ndtri

from .._errors import ModelError, check_share
from ..prediction import smooth_curves
from ._axes import only_fit, panels, picture, returned
from ._style import FAINT, legend, look, open_frame, percent, shortened
from ._tables import chosen_rows, parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@picture
def smooth(fit: Any, term: str | None = None, *, level: float = 0.95, ax: Any = None) -> Any:
    """The curve of each smooth `s(x)` with a pointwise band, on the scale of the linear predictor,
    a panel a smooth; a line for each level of its `by`.

    A curve is centred at the mean of its rows (its height belongs to the intercept), one that
    multiplies a number is not. The band is normal, with the uncertainty of the smoothing parameter.

    Args:
        fit: a `gj.Fit`.
        term: a smooth as the formula has it, `s(x)`; by default all.
        level: of the band.
        ax: axes to draw on, as many as there are smooths; by default of a new figure.

    Returns:
        The axes, an array of them where there are several.

    Raises:
        ModelError: a model without smooths, an unknown one, or a batch.
    """
    check_share("level", level)
    table = smooth_curves(only_fit(fit, "smooth"))
    if not len(table):
        raise ModelError("smooth draws the curves of smooths, and the model has none.")
    found = parts(chosen_rows(table, "term", term), "term")
    axes = panels(ax, list(found))
    for own, (name, rows) in zip(axes, found.items(), strict=True):
        _draw(own, rows, float(ndtri(0.5 + level / 2)))
        own.set_xlabel(shortened(name[2:-1].split(",")[0], 36))
        own.set_ylabel(f"{shortened(name, 36)}, {percent(level)} band")
    return returned(axes)


def _draw(ax: "Axes", rows: pd.DataFrame, quantile: float) -> None:
    levels = parts(rows, "level")
    for number, (name, own) in enumerate(levels.items()):
        line, value = look(number), own["value"].to_numpy()
        middle, half = own["estimate"].to_numpy(), quantile * own["std_error"].to_numpy()
        ax.fill_between(
            value, middle - half, middle + half, color=line["color"], alpha=FAINT, linewidth=0
        )
        ax.plot(value, middle, **line, label=shortened(name) or None)
    if len(levels) > 1:
        legend(ax)
    open_frame(ax)
