"""What tests need of each family: an entry of `CASES` for each of the registry."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.stats
from laws import (
    CUTS,
    INVERSE,
    TRIALS,
    ConwayMaxwellPoisson,
    GeneralisedPoisson,
    Law,
    ZeroTruncated,
    adjacent_category,
    betabinomial,
    censored,
    continuation_ratio,
    cumulative,
    nbinom1,
    nbinom2,
    ordered_beta,
    skew_normal,
    sum_over,
    tweedie,
    two_values,
    uncensored,
)
from scipy.special import expit


class Case(NamedTuple):
    """What tests need of a family beside itself.

    Attributes:
        law: of the inverse link, `phi`, the link and the predictor.
        left: the left side of a formula for `problems.table`.
        phi: unconstrained parameters to evaluate it at, as many as it has.
        natural: what they mean, written apart from the family.
        moderate: natural parameters at which fourth moments are moderate.
    """

    law: Callable[..., Any]
    left: str
    phi: tuple[float, ...] = (-0.4, 0.3)
    natural: Callable[[np.ndarray], Any] = np.exp
    moderate: tuple[float, ...] = (0.5,)


def _size(phi):
    return phi[0] ** -2


def _themselves(phi):
    return phi


def _increasing(phi):
    return np.cumsum([phi[0], *np.exp(phi[1:])])


_GRADES = (0.3, -0.8, 0.6)  # thresholds in no order
_CUTS = (-0.5, 0.4, 0.3)

CASES = {
    "gaussian": Case(lambda mu, phi, *_: scipy.stats.norm(mu, np.exp(phi[0])), "real"),
    "student_t": Case(
        lambda mu, phi, *_: scipy.stats.t(phi[1] ** -2, mu, np.exp(phi[0])),
        "real",
        natural=lambda phi: (np.exp(phi[0]), phi[1] ** -2),
        moderate=(0.7, 12.0),
    ),
    "skew_normal": Case(
        lambda mu, phi, *_: skew_normal(mu, phi),
        "real",
        natural=lambda phi: (np.exp(phi[0]), phi[1]),
        moderate=(0.7, 2.0),
    ),
    "gamma": Case(
        lambda mu, phi, *_: scipy.stats.gamma(np.exp(-2 * phi[0]), scale=mu * np.exp(2 * phi[0])),
        "amount",
    ),
    "inverse_gaussian": Case(
        lambda mu, phi, *_: scipy.stats.invgauss(
            mu * np.exp(2 * phi[0]), scale=np.exp(-2 * phi[0])
        ),
        "amount",
    ),
    "lognormal": Case(
        lambda mu, phi, *_: scipy.stats.lognorm(np.exp(phi[0]), scale=np.exp(mu)), "amount"
    ),
    "beta": Case(  # at shapes whose tails quadrature can reach
        lambda mu, phi, *_: scipy.stats.beta(mu * np.exp(phi[0]), (1 - mu) * np.exp(phi[0])),
        "share",
        phi=(4.0,),
        moderate=(5.0,),
    ),
    "ordbeta": Case(
        lambda mu, phi, link, eta: ordered_beta(mu, phi, eta),
        "part",
        phi=(1.5, -0.8, 0.9),
        natural=lambda phi: (np.exp(phi[0]), phi[1], phi[1] + np.exp(phi[2])),
        moderate=(5.0, -1.2, 1.1),
    ),
    "tweedie": Case(
        lambda mu, phi, *_: tweedie(mu, phi),
        "rain",
        natural=lambda phi: (np.exp(phi[0]), 1 + expit(phi[1])),
        moderate=(0.8, 1.4),
    ),
    "bernoulli": Case(lambda mu, *_: scipy.stats.bernoulli(mu), "won"),
    "binomial": Case(lambda mu, *_: scipy.stats.binom(int(TRIALS), mu), "hits / size"),
    "betabinomial": Case(
        lambda mu, phi, *_: betabinomial(mu, phi), "hits / size", natural=_size, moderate=(4.0,)
    ),
    "poisson": Case(lambda mu, *_: scipy.stats.poisson(mu), "count"),
    "genpois": Case(
        lambda mu, phi, *_: GeneralisedPoisson(mu, phi),
        "count",
        natural=lambda phi: 1 + phi**2,
        moderate=(1.5,),
    ),
    "compois": Case(lambda mu, phi, *_: ConwayMaxwellPoisson(mu, phi), "count"),
    "nbinom1": Case(lambda mu, phi, *_: nbinom1(mu, phi), "count", natural=np.square),
    "nbinom2": Case(lambda mu, phi, *_: nbinom2(mu, phi), "count", natural=_size, moderate=(3.0,)),
    "truncated_poisson": Case(lambda mu, *_: ZeroTruncated(scipy.stats.poisson(mu)), "seen"),
    "truncated_nbinom1": Case(
        lambda mu, phi, *_: ZeroTruncated(nbinom1(mu, phi)), "seen", natural=np.square
    ),
    "truncated_nbinom2": Case(
        lambda mu, phi, *_: ZeroTruncated(nbinom2(mu, phi)), "seen", natural=_size, moderate=(3.0,)
    ),
    "censored_gaussian": Case(
        lambda mu, phi, *_: scipy.stats.norm(mu, np.exp(phi[0])), "cens(real, known)"
    ),
    "censored_lognormal": Case(
        lambda mu, phi, *_: scipy.stats.lognorm(np.exp(phi[0]), scale=np.exp(mu)),
        "cens(amount, known)",
    ),
    "weibull": Case(
        lambda mu, phi, *_: scipy.stats.weibull_min(np.exp(phi[0]), scale=mu),
        "cens(amount, known)",
        moderate=(1.5,),
    ),
    "cumulative": Case(
        lambda mu, phi, link, eta: cumulative(phi, link, eta),
        "grade",
        phi=(-0.5, 0.3, -0.2),
        natural=_increasing,
        moderate=(-0.5, 0.4, 1.3),
    ),
    "continuation_ratio": Case(
        lambda mu, phi, link, eta: continuation_ratio(phi, link, eta),
        "grade",
        phi=_GRADES,
        natural=_themselves,
        moderate=_CUTS,
    ),
    "adjacent_category": Case(
        lambda mu, phi, link, eta: adjacent_category(phi, eta),
        "grade",
        phi=_GRADES,
        natural=_themselves,
        moderate=_CUTS,
    ),
    "quasipoisson": Case(lambda mu, *_: two_values(mu, mu), "count"),
    "quasibinomial": Case(
        lambda mu, *_: two_values(TRIALS * mu, TRIALS * mu * (1 - mu), TRIALS), "hits / size"
    ),
}


def law(family, eta: float, phi: np.ndarray, *, is_censored: bool = True) -> Law:
    """That of a family at one predictor; for one of censored responses those at `CUTS` or, if not
    `is_censored`, none."""
    of = CASES[family.name].law(INVERSE[family.link.name](eta), phi, family.link.name, eta)
    if family.response in ("censored", "censored_positive"):
        low, high = (-np.inf, np.inf) if family.response == "censored" else (0.0, np.inf)
        return (
            censored(of, np.exp(CUTS) if low == 0 else CUTS)
            if is_censored
            else uncensored(of, low, high)
        )
    return of if isinstance(of, Law) else sum_over(of, family.response)


def has_moments(draws, mean: float, variance: float, fourth: float) -> None:
    """Draws have this mean and variance, to four and a half of the standard errors that the fourth
    central moment gives."""
    draws, count = np.asarray(draws), len(draws)
    assert draws.mean() == pytest.approx(mean, abs=4.5 * np.sqrt(variance / count))
    of_variance = np.sqrt((fourth - variance**2) / count)
    assert draws.var() == pytest.approx(variance, abs=4.5 * of_variance + 1e-12)
