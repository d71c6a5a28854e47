"""Power by simulation: how often a test finds an effect that is there."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import betaincinv, chdtrc

from .._errors import ModelError, check_share
from ..assembly import MixedModel, without_coefficients
from ..fit import Fits, as_finite_params
from ..inference import all_coefficients, names_of
from ..model import Params
from ..prediction import simulate
from ._refit import Draws, Refits, fit_draws

_TESTS = ("wald", "lrt")
_LEVEL = 0.95


@dataclasses.dataclass(frozen=True, eq=False)
class Power:
    """How often a test was significant. Made by `gj.power`.

    Attributes:
        power: share of the simulated data sets with a p-value below alpha.
        lower, upper: exact binomial 95 % interval of that share (Clopper and Pearson 1934).
        n: number of data sets.
        failed: those whose fit failed; they count as not significant.
        p_values: (n,) p-values, NaN where the fit failed.
    """

    power: float
    lower: float
    upper: float
    n: int
    failed: int
    p_values: np.ndarray

    def __repr__(self) -> str:
        interval = f"95 % interval {self.lower:.3f} to {self.upper:.3f}"
        return f"<Power {self.power:.3f}, {interval}, {self.n} data sets, {self.failed} failed>"


class Criterion(NamedTuple):
    """When an effect counts as found: its `test` (`wald`, with degrees of freedom `ddf`, or `lrt`)
    has a p-value below `alpha`."""

    test: str = "wald"
    alpha: float = 0.05
    ddf: str | None = None


def power(
    model: MixedModel, params: Params, term: Any, draws: Draws, criterion: Criterion, refits: Refits
) -> Power:
    """Power to find the coefficient(s) `term` at `params`.

    Raises `ModelError` for a term that is no coefficient, an unknown test, an alpha outside of (0,
    1), parameters of another model, or a likelihood-ratio test of restricted likelihoods.
    """
    params = as_finite_params(model, params, "params")
    names = _coefficients(model, term)
    _check(criterion, names, refits)
    responses = simulate(model, params, draws.n, seed=draws.seed)
    if criterion.test == "wald":
        p_values = _wald(model, responses, names[0], criterion.ddf, refits)
    else:
        p_values = _likelihood_ratio(model, responses, names, refits)
    significant = int((p_values < criterion.alpha).sum())
    low, high = clopper_pearson(significant, draws.n)
    return Power(significant / draws.n, low, high, draws.n, int(np.isnan(p_values).sum()), p_values)


def clopper_pearson(successes: int, n: int, level: float = _LEVEL) -> tuple[float, float]:
    """Exact interval of a probability (Clopper and Pearson 1934): quantiles of beta
    distributions."""
    tail = (1 - level) / 2
    low = betaincinv(successes, n - successes + 1, tail) if successes > 0 else 0.0
    high = betaincinv(successes + 1, n - successes, 1 - tail) if successes < n else 1.0
    return float(low), float(high)


def _coefficients(model: MixedModel, term: Any) -> list[str]:
    names, own = [term] if isinstance(term, str) else term, names_of(model)
    are_names = isinstance(names, Sequence) and all(isinstance(name, str) for name in names)
    if not are_names or not names or len(set(names)) < len(names):
        raise ModelError(
            f"term must be the name of a coefficient, or a list of such names, not {term!r}."
        )
    for name in names:
        if name not in own:
            raise ModelError(f"There is no coefficient {name!r}; the model has {', '.join(own)}.")
    return list(names)


def _check(criterion: Criterion, names: list[str], refits: Refits) -> None:
    if criterion.test not in _TESTS:
        raise ModelError(f"test must be 'wald' or 'lrt', not {criterion.test!r}.")
    check_share("alpha", criterion.alpha)
    if criterion.test == "wald" and len(names) > 1:
        raise ModelError(
            "The Wald test is of one coefficient; several are tested together by test='lrt'."
        )
    if criterion.test == "lrt" and criterion.ddf is not None:
        raise ModelError("A likelihood-ratio test has no degrees of freedom: ddf is for 'wald'.")
    if criterion.test == "lrt" and (
        refits.reml or (refits.method is not None and refits.method.is_restricted)
    ):
        raise ModelError(
            "Restricted likelihoods of different fixed effects cannot be compared: leave reml out."
        )


def _wald(
    model: MixedModel, responses: np.ndarray, name: str, ddf: str | None, refits: Refits
) -> Float[np.ndarray, " n"]:
    table = all_coefficients(fit_draws(model, responses, refits), ddf)
    return table.xs(name, level="term")["p_value"].to_numpy(np.float64)


def _likelihood_ratio(
    model: MixedModel, responses: np.ndarray, names: list[str], refits: Refits
) -> Float[np.ndarray, " n"]:
    """Twice the difference of the log-likelihoods, chi-squared with a degree of freedom a
    coefficient (Wilks 1938)."""
    left_out = pd.Index(names_of(model)).isin(names)
    if left_out.all():
        raise ModelError(
            "The model without these terms has no fixed effects to fit: test fewer of them."
        )
    full = _loglik(fit_draws(model, responses, refits.within("full")))
    null = _loglik(
        fit_draws(without_coefficients(model, left_out), responses, refits.within("null"))
    )
    return chdtrc(len(names), np.maximum(2 * (full - null), 0.0))


def _loglik(fits: Fits) -> Float[np.ndarray, " n"]:
    return np.where(fits.ok, fits.outcome.loglik, np.nan)
