"""Tests of quantile residuals: whether they are uniform, as large as they should be, and how many
lie far out."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import ndtri
from scipy.stats import binomtest, chi2, kstest

from .._errors import ModelError
from .._noted import noted
from ..fit import Fits, Solution
from ..inference import benjamini_hochberg, table_each
from ..prediction import residuals

_FAR = 0.01  # two-sided tail probability of what is called an outlier
_METHODS = {
    "uniformity": "Kolmogorov-Smirnov test of independent standard normal residuals",
    "dispersion": "mean square of these against chi-squared over its degrees of freedom, two-sided",
    "outliers": f"number of |residuals| above {ndtri(1 - _FAR / 2):.3f} (probability {_FAR:g} each)"
    " against its binomial distribution, two-sided",
}
_ASSUMED = (
    "Random effects are drawn once from their normal approximation given the data, parameters taken"
    " as known."
)
_OVER_LEVELS = "p_adjusted: Benjamini and Hochberg's, over the levels of a test."
_WORDS = "\n".join([*(f"{test}: {words}." for test, words in _METHODS.items()), _ASSUMED])


def residual_tests(fits: Fits, by: str | None, *, seed: int) -> pd.DataFrame:
    """Rows by member: `test`, `statistic` and `p_value`; with `by`, a grouping factor or
    a column that the model uses, three for each `level`, and `p_adjusted` (Benjamini and Hochberg,
    over the levels of a test).

    - `uniformity`: Kolmogorov and Smirnov's distance.
    - `dispersion`: the mean of the squared residuals, one if the model holds.
    - `outliers`: how many lie beyond the two-sided tail probability of 0.01.

    They are of quantile residuals given random effects that are drawn once from their distribution
    given the data (Waagepetersen 2006). Responses and such effects together are distributed as the
    model has it, so that these residuals are independent and standard normal, within a group and
    over all. Those of the distribution averaged over the effects share these within a group, and
    those given the modes are too small by as much as the modes follow the responses: for neither do
    the reference distributions hold. That parameters are estimated makes residuals a little too
    small and the tests of all rows conservative, the more so for families with a dispersion of
    their own, which the estimate follows.

    Rows of weight zero are left out. Raises `ModelError` for another `by`, and where there are no
    quantile residuals.
    """
    words = _WORDS if by is None else f"{_WORDS}\n{_OVER_LEVELS}"
    return noted(table_each(fits, lambda solution: _of_one(solution, by, seed)), words)


def _of_one(solution: Solution, by: str | None, seed: int) -> pd.DataFrame:
    design = solution.model.design
    levels, refs = _levels(solution, by)
    left = residuals(solution, "quantile", effects="drawn", seed=seed).to_numpy()
    present = np.asarray(design.weights) > 0
    rows = [
        {"level": level, "test": test, "statistic": statistic, "p_value": p_value}
        for number, level in enumerate(levels)
        for test, statistic, p_value in _tests(left[present & (refs == number)])
    ]
    table = pd.DataFrame(rows)
    if by is None:
        table = table.drop(columns="level")
    else:
        adjusted = table.groupby("test")["p_value"].transform(
            lambda own: benjamini_hochberg(own.to_numpy(np.float64))
        )
        table = table.assign(p_adjusted=adjusted)
    return table


def _levels(solution: Solution, by: str | None) -> tuple[pd.Index, Int[np.ndarray, " n"]]:
    """Labels, and to which of them each row belongs."""
    design = solution.model.design
    if by is None:
        return pd.Index([0]), np.zeros(len(design.y), int)
    for term in design.random:
        if term.formula.group == by:
            return pd.Index(term.levels), np.asarray(term.refs)
    if by in design.frame.columns:
        refs, levels = pd.factorize(design.frame[by], sort=True)
        return pd.Index(levels), refs
    groups = dict.fromkeys(own.formula.group for own in design.random)
    known = ", ".join(dict.fromkeys([*groups, *map(str, design.frame.columns)]))
    raise ModelError(
        f"by must be a grouping factor or a column that the model uses ({known}), not {by!r}."
    )


def _tests(left: Float[np.ndarray, " m"]) -> Iterator[tuple[str, float, float]]:
    """Name, statistic and p-value of each test; NaN where there is nothing to test."""
    count = len(left)
    if not count or np.isnan(left).any():
        yield from ((test, np.nan, np.nan) for test in _METHODS)
        return
    distance = kstest(left, "norm")
    yield "uniformity", float(distance.statistic), float(distance.pvalue)
    square = float(np.square(left).sum())
    p_value = 2 * min(chi2.cdf(square, count), chi2.sf(square, count))
    yield "dispersion", square / count, min(float(p_value), 1.0)
    far = int((np.abs(left) > ndtri(1 - _FAR / 2)).sum())
    yield "outliers", float(far), float(binomtest(far, count, _FAR).pvalue)
