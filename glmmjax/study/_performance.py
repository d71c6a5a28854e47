"""How an estimator performs over simulated data sets, each figure with its Monte Carlo standard
error."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

Column = Float[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True, eq=False)
class SimulationStudy:
    """What a simulation study found. Made by `gj.simulation_study`.

    Attributes:
        table: one row a quantity (fixed effects, standard deviations and correlations of the random
            effects, the family's own parameters), with `truth`, `n` (estimates that are there) and
            `mean`. The measures are `bias`, `empirical_sd` of the estimates, `mse` (mean squared
            error) and `rmse` (its root); for fixed effects also `model_se` (root of the mean
            squared standard error). `coverage` is how often the interval of `Fit.confint`
            contains the truth. Each has its Monte Carlo standard error in `..._mcse`.
        estimates: (n, k) estimates of each fit, NaN where it failed.
        failures: number of failed fits by status; they are left out of the table.
        batch: the fits, a `gj.Batch`.
    """

    table: pd.DataFrame
    estimates: pd.DataFrame
    failures: pd.Series
    batch: Sequence

    @property
    def failed(self) -> int:
        """Number of fits that failed."""
        return int(self.failures.sum())

    def __repr__(self) -> str:
        return (
            f"<SimulationStudy of {len(self.estimates)} data sets, {self.failed}"
            f" failed>\n{self.table}"
        )

    def _repr_html_(self) -> str:
        return self.table.to_html()


def performance(
    truth: pd.Series, estimates: pd.DataFrame, std_errors: pd.DataFrame, intervals: pd.DataFrame
) -> pd.DataFrame:
    """The table of a `SimulationStudy`.

    - `truth`: (k,), by the names of the columns of `estimates` (n, k).
    - `std_errors`: (n, p) of those quantities that have them.
    - `intervals`: `lower, upper` by member and quantity.

    Formulas of Morris, White and Crowther (2019), Statistics in Medicine 38:2074, table 6.
    """
    lower, upper = (intervals[name].unstack() for name in ("lower", "upper"))
    rows, known = [], truth.to_dict()
    for name in estimates:
        there = estimates[name].notna().to_numpy()
        values, own = estimates[name].to_numpy()[there], float(known[name])
        row: dict[str, float] = {"truth": own, "n": len(values)}
        if len(values) > 1:
            row = _of_estimates(values, own)
            if name in std_errors:
                row |= _of_errors(std_errors[name].to_numpy()[there])
            if name in lower:
                row |= _of_intervals(np.asarray(lower[name]), np.asarray(upper[name]), own)
        rows.append(row)
    return pd.DataFrame(rows, index=estimates.columns)


def _of_estimates(values: Column, truth: float) -> dict[str, float]:
    """Bias, empirical standard deviation and mean squared error of at least two estimates."""
    n = len(values)
    with np.errstate(invalid="ignore"):  # a parameter at infinity has no deviation
        sd = values.std(ddof=1)
        squares = (values - truth) ** 2
        mse = squares.mean()
        mse_mcse = squares.std(ddof=1) / np.sqrt(n)
    return {
        "truth": truth,
        "n": n,
        "mean": values.mean(),
        "bias": values.mean() - truth,
        "bias_mcse": sd / np.sqrt(n),
        "empirical_sd": sd,
        "empirical_sd_mcse": sd / np.sqrt(2 * (n - 1)),
        "mse": mse,
        "mse_mcse": mse_mcse,
        "rmse": np.sqrt(mse),
        "rmse_mcse": mse_mcse / (2 * np.sqrt(mse)) if mse > 0 else 0.0,
    }


def _of_errors(std_errors: Column) -> dict[str, float]:
    """The model's own standard errors, where they are there."""
    variances = std_errors[~np.isnan(std_errors)] ** 2
    model_se = np.sqrt(variances.mean())
    return {
        "model_se": model_se,
        "model_se_mcse": np.sqrt(variances.var(ddof=1) / (4 * len(variances) * model_se**2)),
    }


def _of_intervals(lower: Column, upper: Column, truth: float) -> dict[str, float]:
    """How often intervals contain the truth, where both ends are there."""
    there = ~(np.isnan(lower) | np.isnan(upper))
    coverage = ((lower <= truth) & (truth <= upper))[there].mean()
    return {"coverage": coverage, "coverage_mcse": np.sqrt(coverage * (1 - coverage) / there.sum())}
