"""Variance components, dispersion, and the random effects themselves."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..design import RandomPart
from ..fit import Solution


def covariance_of_terms(solution: Solution) -> Iterator[tuple[RandomPart, np.ndarray]]:
    """Each random term with the (q, q) covariance of its random effects."""
    for term, own in _slices(solution):
        yield term, solution.covariance[own, own]


def varcorr(solution: Solution) -> pd.DataFrame:
    """Variances and covariances of the random effects, as lme4's `as.data.frame(VarCorr(fit))`.

    Columns `group, term1, term2, vcov, sdcor`: `sdcor` is a standard deviation where `term2` is empty, else a
    correlation. A gaussian model has a last row `Residual`.
    """
    rows: list[tuple] = []
    for term, cov in covariance_of_terms(solution):
        group, names, sd = term.formula.group, term.names, np.sqrt(np.diag(cov))
        rows += [(group, name, "", cov[i, i], sd[i]) for i, name in enumerate(names)]
        if term.formula.covariance == "diag":
            continue
        for i in range(len(names)):
            for j in range(i + 1, len(names)):
                product = sd[i] * sd[j]
                rows.append((group, names[i], names[j], cov[i, j], cov[i, j] / product if product else np.nan))
    if solution.model.family.traits.has_residual:
        sigma = solution.dispersion[0]
        rows.append(("Residual", "", "", sigma**2, sigma))
    return pd.DataFrame(rows, columns=["group", "term1", "term2", "vcov", "sdcor"])


def dispersion(solution: Solution) -> dict[str, float]:
    """The family's own parameters on their natural scale, by name; empty if it has none."""
    return dict(zip(solution.model.family.dispersion_names, solution.dispersion, strict=True))


def ranef(solution: Solution) -> pd.DataFrame:
    """Conditional modes of the random effects: columns `group, level, term, mode, std_error`.

    `std_error` is the conditional standard deviation given the data and the estimated parameters (lme4's `condVar`).
    """
    frames = []
    for term, own in _slices(solution):
        sd = np.sqrt(np.diagonal(solution.mode_cov, axis1=1, axis2=2))
        q, levels = len(term.names), list(solution.model.levels)
        frames.append(
            pd.DataFrame(
                {
                    "group": term.formula.group,
                    "level": np.repeat(levels, q),
                    "term": np.tile(term.names, len(levels)),
                    "mode": solution.mode[:, own].ravel(),
                    "std_error": sd[:, own].ravel(),
                }
            )
        )
    empty = pd.DataFrame(columns=["group", "level", "term", "mode", "std_error"])
    return pd.concat(frames, ignore_index=True) if frames else empty


def _slices(solution: Solution) -> Iterator[tuple[RandomPart, slice]]:
    first = 0
    for term in solution.model.design.random:
        q = len(term.names)
        yield term, slice(first, first + q)
        first += q
