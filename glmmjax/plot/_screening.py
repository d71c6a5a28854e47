"""Tests of one coefficient in all members of a batch."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._errors import ModelError, check_share
from ..fit import Fits
from ..inference import tidy
from ._axes import only_batch, panels, picture
from ._caterpillar import coefficient
from ._style import BLUE, GREY, SMALL, VERMILLION, open_frame, point_size, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELS = 8
_BINS = 20
_LAMBDA = 0.5  # p-values above it are taken for those of nulls


@picture
def volcano(batch: Any, term: str | None = None, *, alpha: float = 0.05, ax: Any = None) -> "Axes":
    """The estimate of a coefficient in each member against `-log10` of its p-value (Wald).

    Members whose p-value, adjusted by Benjamini and Hochberg (1995) over the members, is at most
    `alpha` have another colour and marker; up to 8 of the smallest p-values are named. A p-value
    that is zero in double precision is drawn, as a triangle, at the upper edge. Failed members are
    left out and counted.

    Args:
        batch: a `gj.Batch`.
        term: a coefficient; by default the only one beside the intercept.
        alpha: level of the false discovery rate.
        ax: axes to draw on; by default of a new figure.

    Raises:
        ModelError: a fit, a term that is no coefficient, or an alpha outside of (0, 1).
    """
    check_share("alpha", alpha)
    table, term, failed = _tests(batch, term, "volcano")
    (axes,) = panels(ax, [term])
    found = table["p_adjusted"] <= alpha
    with np.errstate(divide="ignore"):
        height = -np.log10(table["p_value"])
    top = 1.05 * max(1.0, height[np.isfinite(height)].max())
    table = table.assign(height=np.minimum(height, top), beyond=np.isinf(height))
    size = point_size(len(table))
    for here, colour, shape, words in (
        (~found, GREY, "o", f"others ({int((~found).sum())})"),
        (found & ~table["beyond"], VERMILLION, "D", f"adjusted p ≤ {alpha:g} ({int(found.sum())})"),
        (table["beyond"], VERMILLION, "^", None),
    ):
        own = table[here]
        axes.plot(
            own["estimate"],
            own["height"],
            shape,
            color=colour,
            markersize=size,
            alpha=0.8,
            markeredgewidth=0,
            label=words,
        )
    axes.axvline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_ylim(0, 1.08 * top)
    axes.set_xlabel(f"Estimate of {shortened(term)}")
    axes.set_ylabel("-log10 of the Wald p-value")
    axes.legend(
        fontsize=SMALL,
        frameon=False,
        ncols=2,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        title=_left_out(failed),
        title_fontsize=SMALL,
    )
    open_frame(axes)
    _name(axes, table[found].nsmallest(_LABELS, "p_value"))
    return axes


@picture
def p_values(batch: Any, term: str | None = None, *, ax: Any = None) -> "Axes":
    """Histogram of the p-values (Wald) of a coefficient over the members, the line at which it
    would lie if all were null, and one at the estimated share of nulls, `#(p > 1/2) / (m / 2)` and
    at most 1 (Storey 2002, lambda of one half), which takes the p-values of nulls to be uniform.

    Args:
        batch: a `gj.Batch`.
        term: a coefficient; by default the only one beside the intercept.
        ax: axes to draw on; by default of a new figure.

    Raises:
        ModelError: a fit, or a term that is no coefficient.
    """
    table, term, failed = _tests(batch, term, "p_values")
    values = table["p_value"].to_numpy()
    (axes,) = panels(ax, [term])
    axes.hist(values, bins=_BINS, range=(0.0, 1.0), color=BLUE, alpha=0.6)
    level, share = len(values) / _BINS, share_of_nulls(values)
    axes.axhline(level, color=GREY, linewidth=1.0, linestyle="--", label="all null")
    words = f"estimated share of nulls {share:.2f} (Storey)"
    axes.axhline(share * level, color=VERMILLION, linewidth=1.2, label=words)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"Wald p-value of {shortened(term)}")
    axes.set_ylabel("Members" + _left_out(failed, " ({})"))
    axes.legend(fontsize=SMALL, frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    open_frame(axes)
    return axes


def share_of_nulls(values: np.ndarray) -> float:
    """Storey's estimate from p-values."""
    return min(1.0, float((values > _LAMBDA).mean() / (1 - _LAMBDA)))


def _tests(batch: Any, term: Any, picture: str) -> tuple[pd.DataFrame, str, int]:
    """The rows of `to_frame` of a coefficient that have a p-value, and how many have none."""
    fits: Fits = only_batch(batch, picture)
    term = coefficient(fits, term)
    table = tidy(fits)
    own = table[table["term"] == term]
    known = own.dropna(subset=["estimate", "p_value"])
    if not len(known):
        raise ModelError(f"{picture} draws p-values, and no member has one of {term}.")
    return known, term, len(own) - len(known)


def _left_out(failed: int, words: str = "{}") -> str:
    return words.format(f"{failed} that failed left out") if failed else ""


def _name(ax: "Axes", table: pd.DataFrame) -> None:
    """Names beside points, from the highest down, each below the one before it on its side."""
    box, (low, high) = ax.get_window_extent(), ax.get_ylim()
    line = 1.2 * SMALL * ax.figure.dpi / 72 / box.height * (high - low)
    middle, next_free = sum(ax.get_xlim()) / 2, {True: high, False: high}
    for row in table.sort_values("height", ascending=False).itertuples():
        is_left = row.estimate < middle
        height = min(row.height, next_free[is_left])
        next_free[is_left] = height - line
        ax.annotate(
            shortened(row.member),
            (row.estimate, row.height),
            (row.estimate, height),
            fontsize=SMALL - 1,
            ha="left" if is_left else "right",
            va="center",
        )
