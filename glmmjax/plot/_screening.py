"""Tests of one coefficient in all members of a batch."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._errors import ModelError, check_share
from ..inference import tidy
from ._axes import only_batch, panels, picture
from ._caterpillar import coefficient
from ._style import BLUE, GREY, SMALL, VERMILLION, dot_size, open_frame, shortened, told_apart
from ._tables import rows_with

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
    tests = _tests(batch, term, "volcano")
    (axes,) = panels(ax, [tests.term])
    found, is_zero = tests.adjusted <= alpha, tests.p_value == 0
    with np.errstate(divide="ignore"):
        height = -np.log10(tests.p_value)
    top = 1.1 * max(1.0, height[~is_zero].max(initial=0.0))
    height = np.minimum(height, top)
    words = (f"others ({(~found).sum()})", f"adjusted p ≤ {alpha:g} ({found.sum()})")
    _points(axes, tests.estimate, height, ~found, {"color": GREY, "marker": "o"}, words[0])
    look = {"color": VERMILLION, "marker": "D"}
    _points(axes, tests.estimate, height, found & ~is_zero, look, words[1])
    _points(axes, tests.estimate, height, found & is_zero, look | {"marker": "^"}, None)
    axes.axvline(0.0, color=GREY, linewidth=0.6, zorder=0)
    axes.set_ylim(0, 1.05 * top)
    axes.set_xlabel(f"Estimate of {shortened(tests.term)}")
    axes.set_ylabel("-log10 of the Wald p-value")
    _legend(axes, _left_out(tests.failed))
    open_frame(axes)
    strongest = np.flatnonzero(found)[np.argsort(tests.p_value[found], kind="stable")][:_LABELS]
    _name(axes, tests, height, strongest)
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
    tests = _tests(batch, term, "p_values")
    (axes,) = panels(ax, [tests.term])
    axes.hist(tests.p_value, bins=_BINS, range=(0.0, 1.0), color=BLUE, alpha=0.6)
    level, share = len(tests.p_value) / _BINS, share_of_nulls(tests.p_value)
    axes.axhline(level, color=GREY, linewidth=1.0, linestyle="--", label="all null")
    words = f"estimated share of nulls {share:.2f} (Storey)"
    axes.axhline(share * level, color=VERMILLION, linewidth=1.2, label=words)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"Wald p-value of {shortened(tests.term)}")
    axes.set_ylabel("Members")
    _legend(axes, _left_out(tests.failed))
    open_frame(axes)
    return axes


def share_of_nulls(values: np.ndarray) -> float:
    """Storey's estimate from p-values."""
    return min(1.0, float((values > _LAMBDA).mean() / (1 - _LAMBDA)))


class Tests(NamedTuple):
    """The tests of a coefficient in the m members that have one.

    Attributes:
        term: the coefficient.
        member: labels.
        estimate, p_value, adjusted: (m,) numbers.
        failed: the number of members without a test.
    """

    term: str
    member: list[Any]
    estimate: np.ndarray
    p_value: np.ndarray
    adjusted: np.ndarray
    failed: int


def _tests(batch: Any, term: Any, picture: str) -> Tests:
    fits = only_batch(batch, picture)
    term = coefficient(fits, term)
    table = rows_with(tidy(fits), "term", [term])
    names = ("estimate", "p_value", "p_adjusted")
    estimate, p_value, adjusted = (table[name].to_numpy(np.float64) for name in names)
    known = np.isfinite(estimate) & ~np.isnan(p_value)
    if not known.any():
        raise ModelError(f"{picture} draws p-values, and no member has one of {term}.")
    member = table["member"].to_numpy()[known].tolist()
    failed = int((~known).sum())
    return Tests(term, member, estimate[known], p_value[known], adjusted[known], failed)


def _points(
    ax: "Axes",
    x: np.ndarray,
    y: np.ndarray,
    here: np.ndarray,
    look: dict[str, Any],
    label: str | None,
) -> None:
    settings = {"markersize": dot_size(len(x)), "markeredgewidth": 0, "alpha": 0.8}
    is_many = len(x) > 2000
    ax.plot(x[here], y[here], linestyle="", label=label, rasterized=is_many, **settings, **look)


def _legend(ax: "Axes", title: str | None) -> None:
    """Above, so that it covers nothing."""
    ax.legend(
        title=title,
        title_fontsize=SMALL,
        alignment="left",
        fontsize=SMALL,
        frameon=False,
        ncols=2,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
    )


def _left_out(failed: int) -> str | None:
    return f"{failed} that failed left out" if failed else None


def _name(ax: "Axes", tests: Tests, height: np.ndarray, strongest: np.ndarray) -> None:
    """Names beside points, from the highest down, each below the one before it on its side."""
    (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
    line = 1.2 * SMALL * ax.figure.dpi / 72 / ax.get_window_extent().height * (high - low)
    next_free, names = [high, high], told_apart(tests.member)
    for k in strongest[np.argsort(-height[strongest], kind="stable")]:
        side = int(tests.estimate[k] < (left + right) / 2)  # towards the middle
        place = min(float(height[k]), next_free[side])
        next_free[side] = place - line
        is_moved = place < height[k] - line / 2
        ax.annotate(
            f"  {names[k]}  ",
            (tests.estimate[k], height[k]),
            (tests.estimate[k], place),
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5} if is_moved else None,
            fontsize=SMALL - 1,
            ha="left" if side else "right",
            va="center",
        )
