"""All coefficients of all members as one long table, and how many members ended how."""

import numpy as np
import pandas as pd

from .._noted import noted
from .._status import STATUSES
from ..fit import Fits
from ._coefficients import all_coefficients

TIDY = ["member", "term", "estimate", "std_error", "statistic", "p_value", "p_adjusted", "status"]


def tidy(fits: Fits) -> pd.DataFrame:
    """One row a member and fixed effect: `member, term, estimate, std_error, statistic, p_value,
    p_adjusted, status`.

    `p_value` as in the table of one fit. `p_adjusted` is Benjamini and Hochberg's (1995), over the
    members within each term. Names of coefficients of other linear predictors than the mean's begin
    with `disp_` and `zi_`.
    """
    table, (members, p) = all_coefficients(fits), fits.outcome.beta.shape
    p_value = np.asarray(table["p_value"]).reshape(members, p)
    adjusted = np.full((members, p), np.nan)
    for term in range(p):
        adjusted[:, term] = benjamini_hochberg(p_value[:, term])
    status = status_names(fits).repeat(p)
    table = table.assign(p_adjusted=adjusted.ravel(), status=status)
    return table.reset_index().loc[:, TIDY]


def counts(fits: Fits) -> pd.Series:
    """Number of members by status."""
    names = pd.Series(status_names(fits), dtype=object)
    return names.value_counts().rename("members").rename_axis("status")


def failures(fits: Fits) -> pd.Series:
    """Number of failed members by status; empty if none failed."""
    return counts(fits).drop(
        [status.name.lower() for status in STATUSES if status.ok], errors="ignore"
    )


def status_names(fits: Fits) -> np.ndarray:
    """(members,) how each fit ended, in a word."""
    return np.array([own.name.lower() for own in STATUSES], dtype=object)[fits.outcome.status]


def with_adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """A table of members with `p_adjusted` beside its `p_value`: Benjamini and Hochberg's, over the
    members within each test. Tables without p-values, or adjusted before, stay as they are."""
    if "p_value" not in table or "p_adjusted" in table:
        return table
    # A row within a member is the same test by what labels it.
    others = [k for k, name in enumerate(table.index.names) if name not in ("member", "row")]
    keys = [table.index.get_level_values(k) for k in others]
    keys += [table["test"]] if "test" in table else []
    adjusted, p_value = np.full(len(table), np.nan), table["p_value"].to_numpy(np.float64)
    tests = pd.MultiIndex.from_arrays(keys).factorize()[0] if keys else np.zeros(len(table), int)
    order = np.argsort(tests, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(tests[order])) + 1):
        adjusted[own] = benjamini_hochberg(p_value[own])
    place = list(table.columns).index("p_value") + 1
    wider = table.copy()
    wider.insert(place, "p_adjusted", adjusted)
    words = "p_adjusted: Benjamini and Hochberg's, over the members within each test."
    return noted(wider, f"{table.attrs.get('method', '')}\n{words}".strip())


def benjamini_hochberg(p_value: np.ndarray) -> np.ndarray:
    """P-values adjusted for the false discovery rate: `min over j >= i of m p_(j) / j`; NaN are no
    tests."""
    adjusted = np.full_like(p_value, np.nan)
    here = np.flatnonzero(~np.isnan(p_value))
    order = here[np.argsort(-p_value[here])]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(p_value[order] * len(order) / ranks), 1.0)
    return adjusted
