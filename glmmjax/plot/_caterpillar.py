"""Random effects of the levels, or a coefficient of the members of a batch, in their order."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .._errors import ModelError, check_share
from ..fit import Fits
from ..inference import confint, names_of, ranef, tidy
from ._axes import fits_of, panels, picture, returned
from ._style import BLUE, GREY, name_levels, open_frame, percent, point_size, shortened
from ._tables import choose, chosen_rows, parts, rows_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@picture
def caterpillar(
    fit: Any,
    group: str | None = None,
    term: str | None = None,
    *,
    level: float = 0.95,
    ax: Any = None,
) -> Any:
    """Conditional modes of the random effects with intervals, sorted: a panel an effect.

    Intervals are normal, of the conditional standard deviation given the data and the estimated
    parameters (lme4's `condVar`), on the scale of the linear predictor. Of a batch the coefficient
    `term` of each member with its Wald interval; members that failed are left out and counted.

    Args:
        fit: a `gj.Fit` or `gj.Batch`.
        group: a grouping factor; by default all.
        term: an effect such as `Intercept`, by default all; of a batch a coefficient, by default
            the only one beside the intercept.
        level: of the intervals.
        ax: axes to draw on, as many as there are panels; by default of a new figure.

    Returns:
        The axes, an array of them where there are several.

    Raises:
        ModelError: a group or term that the model lacks, or no random effects; a group of a batch.
    """
    check_share("level", level)
    fits = fits_of(fit, "caterpillar")
    if not fits.members.is_alone:
        return _of_members(fits, group, term, level, ax)
    found = _effects(fits, group, term)
    axes = panels(ax, [f"{own} of {name}" for name, own in found])
    for own, ((factor, effect), rows) in zip(axes, found.items(), strict=True):
        half = ndtri(0.5 + level / 2) * rows["std_error"].to_numpy()
        mode = rows["mode"].to_numpy()
        table = pd.DataFrame({"middle": mode, "lower": mode - half, "upper": mode + half})
        _draw(own, table.set_index(rows["level"].to_numpy()))
        own.set_xlabel(f"Mode of {shortened(effect)}, {percent(level)} interval")
        own.set_ylabel(shortened(factor))
    return returned(axes)


def _effects(fits: Fits, group: Any, term: Any) -> dict[tuple[str, str], pd.DataFrame]:
    """The rows of `ranef` of each grouping factor and effect that are wanted."""
    random = fits.members.first.design.random
    table = rows_with(
        ranef(fits), "group", [own.formula.group for own in random if not own.is_smooth]
    )
    if not len(table):
        raise ModelError("caterpillar draws random effects, and the model has none.")
    table = chosen_rows(chosen_rows(table, "group", group), "term", term)
    return parts(table, ["group", "term"])


def _of_members(fits: Fits, group: Any, term: Any, level: float, ax: Any) -> Any:
    if group is not None:
        raise ModelError("group goes with one fit: of a batch the coefficient `term` is drawn.")
    term = coefficient(fits, term)
    table = confint(fits, level=level, parm=[term]).reset_index(drop=True)
    own = tidy(fits).query("term == @term").reset_index(drop=True)
    table = table.assign(middle=own["estimate"]).set_index(own["member"].to_numpy())
    known = table.dropna()
    (axes,) = panels(ax, [term])
    _draw(axes, known)
    axes.set_xlabel(f"Estimate of {shortened(term)}, {percent(level)} interval")
    failed = len(table) - len(known)
    axes.set_ylabel("member" + (f" ({failed} that failed left out)" if failed else ""))
    return axes


def coefficient(fits: Fits, term: Any) -> str:
    """The name of a coefficient: `term`, or the only one beside the intercept."""
    names = list(names_of(fits.members.first))
    others = [name for name in names if name != "Intercept"] or names
    return choose("term", term, others if term is None else names)


def _draw(ax: "Axes", table: pd.DataFrame) -> None:
    """A row each of `middle, lower, upper`, named by the index."""
    table = table.iloc[np.argsort(table["middle"].to_numpy(), kind="stable")]
    middle, place = table["middle"].to_numpy(), np.arange(len(table))
    errors = np.stack([middle - table["lower"], table["upper"] - middle])
    size = point_size(len(table))
    ax.axvline(0.0, color=GREY, linewidth=0.8)
    ax.errorbar(
        middle, place, xerr=errors, fmt="o", color=BLUE, markersize=size, elinewidth=size / 4
    )
    ax.set_ylim(-0.7, max(len(table), 1) - 0.3)
    name_levels(ax, list(table.index))
    open_frame(ax)
