"""The parametric bootstrap: refits of draws from a fit."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .._errors import ModelError, check_share
from .._noted import noted
from .._status import Status
from ..fit import Fits, Solution
from ..prediction import curves_of, simulate
from ._quantity import estimates
from ._refit import Draws, Refits, fit_draws


@dataclasses.dataclass(frozen=True, eq=False)
class Bootstrap:
    """What a parametric bootstrap found. Made by `Fit.bootstrap`.

    Quantities are the fixed effects by name, standard deviations `sd(x|g)` and correlations
    `cor(x,z|g)` of the random effects, and the family's own parameters on their natural scale.

    Attributes:
        original: (k,) estimates of the fit.
        estimates: (n, k) estimates of the refits, NaN where one failed (and for a correlation with
            an effect whose standard deviation is zero).
        failures: number of failed refits by status.
        batch: the refits, a `gj.Batch`.
    """

    original: pd.Series
    estimates: pd.DataFrame
    failures: pd.Series
    batch: Sequence

    @property
    def failed(self) -> int:
        """Number of refits that failed. They are left out of everything else, which then speaks of
        the draws that can be fitted: mostly draws with separation fail, whose estimates would be
        infinite."""
        return int(self.failures.sum())

    @property
    def bias(self) -> pd.Series:
        """(k,) mean of the refits less the original estimate."""
        return (self.estimates.mean() - self.original).rename("bias")

    @property
    def std_errors(self) -> pd.Series:
        """(k,) standard deviations of the refits."""
        return self.estimates.std(ddof=1).rename("std_error")

    def confint(self, method: str = "percentile", level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals `lower, upper` of every quantity.

        `percentile`: quantiles of the refits. `basic`: twice the original less these quantiles, in
        reverse order (Davison and Hinkley 1997, section 5.2), which for a standard deviation near
        zero may begin below zero. The number of refits that failed is in
        `confint(...).attrs["failed"]`, too.
        """
        return intervals(self, method, level)

    def __repr__(self) -> str:
        return f"<Bootstrap of {len(self.estimates)} refits, {self.failed} failed>"


def bootstrap(solution: Solution, draws: Draws, refits: Refits) -> Fits:
    """Draw responses from a fit, new random effects in each, and fit them by the method of the fit.

    `refits.method` and `refits.reml` are those of the fit. Refits start from its estimates, unless
    these are singular or at the limit of the family: a variance of zero is a stationary point of
    every likelihood. Raises `ModelError` for a fit that did not converge, and what
    `prediction.simulate` raises.
    """
    if not solution.status.ok:
        raise ModelError(
            f"There is nothing to draw from, because the fit did not converge: {solution.message}"
        )
    responses = simulate(
        solution.model, solution.params, draws.n, seed=draws.seed, curves=curves_of(solution)
    )
    refits = refits._replace(method=solution.method, reml=solution.method.is_restricted)
    start = solution.params if solution.status is Status.CONVERGED else None
    return fit_draws(solution.model, responses, refits, start)


def intervals(found: Bootstrap, method: str, level: float) -> pd.DataFrame:
    """`Bootstrap.confint`; raises `ModelError` for an unknown method or a level outside of (0,
    1)."""
    if method not in ("percentile", "basic"):
        raise ModelError(
            f"confint of a bootstrap has methods 'percentile' and 'basic', not {method!r}."
        )
    check_share("level", level)
    columns = [found.estimates[name].dropna().to_numpy() for name in found.estimates]
    low, high = np.array([_quantiles(column, level) for column in columns]).reshape(-1, 2).T
    if method == "basic":
        low, high = 2 * found.original.to_numpy() - high, 2 * found.original.to_numpy() - low
    table = pd.DataFrame({"lower": low, "upper": high}, index=found.estimates.columns)
    table.attrs["failed"] = found.failed
    return table


def bootstrap_intervals(fits: Fits, level: float, names: list[str], draws: Draws) -> pd.DataFrame:
    """Percentile intervals of quantities of every member, each by a bootstrap of its own: columns
    `lower, upper`, index `member, term`; NaN for members that failed."""
    check_share("level", level)
    tables = []
    for number in range(len(fits)):
        solution = Solution(fits.alone(number))
        if not fits.members.is_alone and not solution.status.ok:
            tables.append(pd.DataFrame(np.nan, names, ["lower", "upper"]))
            continue
        refits = estimates(bootstrap(solution, draws, Refits()))
        bounds = [_quantiles(refits[name].dropna().to_numpy(), level) for name in names]
        tables.append(pd.DataFrame(bounds, names, ["lower", "upper"]))
    table = pd.concat(tables, keys=fits.index, names=["member", "term"])
    return noted(
        table, f"Parametric bootstrap: quantiles of {draws.n} refits of draws from the fit."
    )


def _quantiles(values: np.ndarray, level: float) -> np.ndarray:
    """The two quantiles that enclose the share `level`, interpolated linearly; NaN of nothing.

    Values may be infinite (`phi` of nbinom2 at the Poisson limit): between two equal order
    statistics is no other.
    """
    if not len(values):
        return np.full(2, np.nan)
    at = [0.5 - level / 2, 0.5 + level / 2]
    with np.errstate(invalid="ignore"):
        between = np.quantile(values, at)
    below, above = np.quantile(values, at, method="lower"), np.quantile(values, at, method="higher")
    return np.where(below == above, below, between)
