"""Profiles of the log-likelihood."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtri

from .._errors import ModelError
from ..inference import profile as profiles
from ._axes import fits_of, panels, picture, returned
from ._style import BLUE, FAINT, GREY, SMALL, legend, look, open_frame, percent, shortened
from ._tables import parts, rows_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVELS = (0.5, 0.8, 0.95, 0.99)
_MARKED = 0.95
_NAMED = 5  # members, beyond which they have no names
_POINTS = 60  # of a curve between those of the table


@picture
def profile(fit_or_profile: Any, parm: Any = None, *, ax: Any = None) -> Any:
    """The signed root `zeta` of twice the loss in log-likelihood against the parameter that is
    held, a panel a parameter; a straight line where the likelihood is quadratic.

    Horizontal lines are at the normal quantiles of 50, 80, 95 and 99 %; the shaded stretch is the
    95 % interval, open at the side where `zeta` does not come so far (a bound). Points are those of
    the table; between them runs a monotone cubic (Fritsch and Carlson 1980). Of a batch the curves
    of all members lie over each other, without intervals.

    Args:
        fit_or_profile: a `gj.Fit`, a `gj.Batch`, or what their method `profile` gave.
        parm: parameters as for `confint`, by default all.
        ax: axes to draw on, as many as there are parameters; by default of a new figure.

    Returns:
        The axes, an array of them where there are several.

    Raises:
        ModelError: an unknown parameter, or a likelihood without profiles.
    """
    table = _table(fit_or_profile, parm)
    found = parts(table, "parameter")
    axes = panels(ax, list(found))
    for own, (name, points) in zip(axes, found.items(), strict=True):
        _draw(own, points)
        own.set_xlabel(shortened(name, 36))
        own.set_ylabel("zeta")
    return returned(axes)


def _table(given: Any, parm: Any) -> pd.DataFrame:
    """Points `member, parameter, value, zeta`."""
    table = getattr(given, "table", None)
    if not isinstance(table, pd.DataFrame) or "zeta" not in table:
        fits = fits_of(given, "profile")
        table, _ = profiles(fits, "all" if parm is None else parm)
    elif parm is not None:
        known, wanted = list(parts(table, "parameter")), np.atleast_1d(parm).tolist()
        for name in wanted:
            if name not in known:
                raise ModelError(f"parm {name!r} is not in the profile: {', '.join(known)} are.")
        table = rows_with(table, "parameter", wanted)
    if not len(table):
        raise ModelError("profile draws parameters, and no member has one.")
    return table if "member" in table else table.assign(member=0)


def _draw(ax: "Axes", points: pd.DataFrame) -> None:
    members = parts(points, "member")
    for number, (member, own) in enumerate(members.items()):
        value, zeta = own["value"].to_numpy(), own["zeta"].to_numpy()
        between = curve(value, zeta)
        if len(members) == 1:
            _mark(ax, value, zeta)
            ax.plot(*between, color=BLUE)
            ax.plot(value, zeta, "o", color=BLUE, markersize=3)
        elif len(members) <= _NAMED:
            ax.plot(*between, **look(number), label=shortened(member))
        else:
            ax.plot(
                *between,
                color=BLUE,
                linewidth=0.8,
                alpha=float(np.clip(10 / len(members), 0.15, 0.8)),
            )
    if 1 < len(members) <= _NAMED:
        legend(ax, "member")
    for level in LEVELS:
        quantile = float(ndtri(0.5 + level / 2))
        for height in (-quantile, quantile):
            ax.axhline(height, color=GREY, linewidth=0.6, linestyle=":", zorder=0)
        _beside(ax, quantile, percent(level))
    ax.set_ylim(-2.9, 2.9)
    open_frame(ax)


def _beside(ax: "Axes", height: float, words: str) -> None:
    """Words inside of the right edge, above a height."""
    place = ax.get_yaxis_transform()
    ax.text(
        1.0, height, words, transform=place, fontsize=SMALL - 1, color=GREY, ha="right", va="bottom"
    )


def _mark(ax: "Axes", value: np.ndarray, zeta: np.ndarray) -> None:
    """The interval, where `zeta` is between the quantiles."""
    ends = interval(value, zeta, _MARKED)
    shown = [
        end if np.isfinite(end) else edge for end, edge in zip(ends, value[[0, -1]], strict=True)
    ]
    ax.axvspan(*shown, color=BLUE, alpha=FAINT, linewidth=0)


def curve(value: np.ndarray, zeta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and `zeta` of a line through points, of which there may be too few for one."""
    inverse = _inverse(value, zeta)
    if inverse is None:
        return value, zeta
    between = np.union1d(zeta, np.linspace(zeta[0], zeta[-1], _POINTS))
    return inverse(between), between


def interval(value: np.ndarray, zeta: np.ndarray, level: float) -> tuple[float, float]:
    """Where the curve has the normal quantiles of a level; NaN where it does not come so far."""
    inverse, target = _inverse(value, zeta), float(ndtri(0.5 + level / 2))
    if inverse is None:
        return np.nan, np.nan
    return float(inverse(-target)), float(inverse(target))


def _inverse(value: np.ndarray, zeta: np.ndarray) -> PchipInterpolator | None:
    if len(zeta) < 3 or (np.diff(zeta) <= 0).any():
        return None
    return PchipInterpolator(zeta, value, extrapolate=False)
