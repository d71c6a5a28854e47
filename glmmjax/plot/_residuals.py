"""Residuals in four panels."""

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import kstest, kstwo

from .._errors import ModelError
from ..fit import Solution
from ..prediction import predict
from ..prediction import residuals as residuals_of
from ._axes import only_fit, panels, picture
from ._style import (
    BLUE,
    FAINT,
    GREY,
    SMALL,
    VERMILLION,
    dot_size,
    name_levels,
    open_frame,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVEL = 0.95  # of the band
_BOXES = 30  # levels that are shown
_BINS = 12
_LEAST = 10  # rows of a bin
_AS_PICTURE = 2000  # points, beyond which they are no vectors in a file
TITLES = ["normal quantiles", "against fitted", "by group", "observed and predicted"]


@picture
def residuals(fit: Any, *, seed: int = 0, axes: Any = None) -> np.ndarray:
    """Four panels of the quantile residuals, `fit.residuals("quantile", seed=seed)`, which are
    standard normal if the model holds.

    1. Against normal quantiles, with the band of the Kolmogorov-Smirnov statistic: with probability
       95 % all points are inside of it. The p-value is of that test of uniformity; both take the
       rows to be independent and the parameters to be known.
    2. Against the ranks of the predictions at random effects of zero (with those of the groups, of
       which the residuals know nothing, there would be a trend), with the quartiles in bins of
       equal counts; horizontal lines are where they should be.
    3. A box (median, quartiles) for each level of the first grouping factor in the order of the
       medians, of at most 30 of them, evenly; without one a histogram beside the normal density.
    4. Observed against predicted responses (given the conditional modes) with the means of bins; of
       binary responses the means alone.

    Args:
        fit: a `gj.Fit`.
        seed: of the residuals.
        axes: four axes to draw on; by default of a new figure.

    Returns:
        The four axes.

    Raises:
        ModelError: a batch, or a model without quantile residuals (prior weights).
    """
    solution = only_fit(fit, "residuals")
    values = residuals_of(solution, "quantile", seed=seed).to_numpy()
    known = np.isfinite(values)
    if not known.any():
        raise ModelError("residuals draws the rows with a residual, and there is none.")
    fitted = predict(solution).to_numpy()
    observed = fitted + residuals_of(solution, "response").to_numpy()
    found = panels(axes, TITLES, "axes")
    _quantiles(found[0], values[known])
    centre = predict(solution, level="population").to_numpy()
    _against_fitted(found[1], centre[known], values[known])
    _by_group(found[2], solution, values, known)
    _observed(found[3], observed, fitted, is_binary=solution.model.family.response == "binary")
    for own in found:
        open_frame(own)
    return np.array(found, dtype=object)


def _points(ax: "Axes", x: np.ndarray, y: np.ndarray, **settings: Any) -> None:
    size = dot_size(len(x))
    look = {"markersize": size, "alpha": float(np.clip(600 / len(x), 0.15, 0.7)), "color": BLUE}
    ax.plot(x, y, "o", rasterized=len(x) > _AS_PICTURE, markeredgewidth=0, **look | settings)


def band(n: int, level: float = _LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of n ordered normal variables that together hold with probability `level`: where the
    Kolmogorov-Smirnov test does not refuse them; infinite at the tails."""
    distance, rank = kstwo.ppf(level, n), np.arange(1, n + 1)
    return (
        ndtri(np.clip(rank / n - distance, 0.0, 1.0)),
        ndtri(np.clip((rank - 1) / n + distance, 0.0, 1.0)),
    )


def _quantiles(ax: "Axes", values: np.ndarray) -> None:
    ordered, n = np.sort(values), len(values)
    expected = ndtri((np.arange(n) + 0.5) / n)
    p_value = kstest(ndtr(ordered), "uniform").pvalue
    reach = 1.08 * max(abs(ordered).max(), abs(expected).max())
    low, high = (np.clip(own, -reach, reach) for own in band(n))
    ax.fill_between(expected, low, high, color=GREY, alpha=FAINT, linewidth=0)
    ax.plot(expected, expected, color=GREY, linewidth=0.8)
    _points(ax, expected, ordered, alpha=0.7)
    ax.set_ylim(-reach, reach)
    ax.set_xlabel("Normal quantile")
    ax.set_ylabel("Quantile residual")
    words = f"Kolmogorov-Smirnov p = {p_value:.2g}\n(rows taken as independent)"
    ax.set_title(words, fontsize=SMALL, loc="left")


def _against_fitted(ax: "Axes", fitted: np.ndarray, values: np.ndarray) -> None:
    order = ordered(fitted)
    rank = np.empty(len(order))
    rank[order] = (np.arange(len(order)) + 0.5) / len(order)
    _points(ax, rank, values)
    quartiles = np.array([0.25, 0.5, 0.75])
    for height in ndtri(quartiles):
        ax.axhline(height, color=GREY, linewidth=0.8, linestyle=":")
    parts = bins(rank)
    curves = np.array([np.quantile(values[own], quartiles) for own in parts]).T
    middles = [rank[own].mean() for own in parts]
    for own, line in zip(curves, ("--", "-", "--"), strict=True):
        ax.plot(middles, own, color=VERMILLION, linestyle=line)
    ax.set_xlabel("Rank of the prediction (population)")
    ax.set_ylabel("Quantile residual")
    ax.set_title("quartiles, and where they should be", fontsize=SMALL, loc="left")


def bins(x: np.ndarray) -> list[np.ndarray]:
    """Rows in bins of about equal counts, in the order of `x`."""
    count = int(np.clip(len(x) // _LEAST, 1, _BINS))
    return np.array_split(ordered(x), count)


def ordered(x: np.ndarray) -> np.ndarray:
    """Rows in the order of `x`, ties in a random one (always the same): in that of the data, which
    are often sorted, they would show trends that are none."""
    shuffled = np.random.default_rng(0).permutation(len(x))
    return shuffled[np.argsort(x[shuffled], kind="stable")]


def _by_group(ax: "Axes", solution: Solution, values: np.ndarray, known: np.ndarray) -> None:
    terms = [
        own for own in solution.model.design.random if not own.is_smooth and own.matrix is None
    ]
    if not terms:
        _histogram(ax, values[known])
        return
    parts = [values[known & (terms[0].refs == k)] for k in range(len(terms[0].levels))]
    filled = [k for k, own in enumerate(parts) if len(own)]
    order = sorted(filled, key=lambda k: float(np.median(parts[k])))
    shown = np.unique(np.linspace(0, len(order) - 1, _BOXES).round().astype(int))
    chosen = [order[k] for k in shown]
    found = ax.boxplot(
        [parts[k] for k in chosen],
        widths=0.6,
        positions=np.arange(len(chosen)),
        flierprops={"markersize": 2, "markeredgecolor": BLUE},
    )
    for name in ("boxes", "whiskers", "caps", "medians"):
        for line in found[name]:
            line.set_color(VERMILLION if name == "medians" else BLUE)
    for height in ndtri([0.25, 0.5, 0.75]):
        ax.axhline(height, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    name_levels(ax, [terms[0].levels[k] for k in chosen], axis="x")
    ax.set_xlabel(shortened(terms[0].formula.group))
    ax.set_ylabel("Quantile residual")
    if len(chosen) < len(order):
        ax.set_title(f"{len(chosen)} of {len(order)} levels", fontsize=SMALL, loc="left")


def _histogram(ax: "Axes", values: np.ndarray) -> None:
    ax.hist(values, bins="auto", density=True, color=BLUE, alpha=0.6)
    x = np.linspace(-3.5, 3.5, 141)
    ax.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color=VERMILLION)
    ax.set_xlabel("Quantile residual")
    ax.set_ylabel("Density, and the normal one")


def _observed(ax: "Axes", observed: np.ndarray, fitted: np.ndarray, *, is_binary: bool) -> None:
    known = np.isfinite(observed) & np.isfinite(fitted)
    observed, fitted = observed[known], fitted[known]
    if not is_binary:
        _points(ax, fitted, observed)
    ends = [fitted.min(), fitted.max()]
    ax.plot(ends, ends, color=GREY, linewidth=0.8)
    parts = bins(fitted)
    middles = [np.array([own[k].mean() for k in parts]) for own in (fitted, observed)]
    ax.plot(*middles, "s-", color=VERMILLION, markersize=4, linewidth=1.0)
    ax.set_xlabel("Predicted")
    ax.set_ylabel("Observed")
    ax.set_title("means of bins" + (" alone" if is_binary else ""), fontsize=SMALL, loc="left")
