"""Shares of the variance on the scale of the link: intraclass correlation, R2, median odds
ratio."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtri

from .._errors import ModelError
from .._precision import own_settings
from ..families import innermost
from ..fit import Fits, Solution
from ..inference import row_each, term_name

_LATENT = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": np.pi**2 / 6}


class Shares(NamedTuple):
    """Variances on the scale of the link.

    Attributes:
        fixed: of the fixed part among the rows.
        random: of the random part, a term, averaged over the rows.
        observation: of a single observation.
    """

    fixed: float
    random: dict[str, float]
    observation: float


def shares(solution: Solution) -> Shares:
    """Of a fit (Nakagawa, Johnson and Schielzeth 2017; with random slopes Johnson 2014). With a log
    link the variance of an observation is that of a logarithm, at the mean of all rows, their
    random effects averaged over.

    Raises `ModelError` for families and links of which that variance is not known.
    """
    model = solution.model
    if len(model.design.predictors) > 1:
        raise ModelError("This is offered for models without ziformula and dispformula.")
    present = np.asarray(model.design.weights) > 0
    fixed = model.design.fixed.x[present] @ np.asarray(solution.params.beta)
    random, of_rows = _random(solution)
    eta = fixed + model.design.offset[present] + of_rows / 2
    observation = _of_an_observation(solution, eta)
    return Shares(float(fixed.var(ddof=1)) if len(fixed) > 1 else 0.0, random, observation)


def _random(solution: Solution) -> tuple[dict[str, float], Float[np.ndarray, " present"]]:
    """The mean variance of each random term of the mean over the rows, and of all in each row."""
    model = solution.model
    present = np.asarray(model.design.weights) > 0
    random: dict[str, float] = {}
    of_rows = np.zeros(int(present.sum()))
    for number, term in enumerate(model.design.random):
        if term.predictor:
            continue
        covariance = solution.covariance[number]
        z = term.z[present]
        if term.position is not None:
            sizes = np.full(len(of_rows), covariance[0, 0])
        else:
            sizes = np.einsum("nq,qr,nr->n", z, covariance, z)
        name, of_rows = term_name(term), of_rows + sizes
        random[name] = random.get(name, 0.0) + float(sizes.mean())
    return random, of_rows


def _of_an_observation(solution: Solution, log_means: np.ndarray) -> float:
    family = innermost(solution.model.family)
    link = family.link.name
    if family.traits.has_residual and link == "identity":
        return float(solution.dispersion[0]) ** 2
    if family.response in ("binary", "proportion") and link in _LATENT:
        return _LATENT[link]
    if family.traits.is_latent and link == "logit":
        return _LATENT["logit"]
    if link == "log" and family.response in ("count", "positive"):
        with own_settings():
            at = jnp.log(jnp.exp(jnp.asarray(log_means)).mean())
            variance = family.variance(jnp.asarray(1.0), at, jnp.asarray(solution.params.phi))
            mean = family.mean(at, jnp.asarray(solution.params.phi))
            return float(jnp.log1p(variance / mean**2))
    raise ModelError(
        f"The variance of an observation of {family.name} with the {link} link is not known on the"
        " scale of the link."
    )


def shares_of_variance(fits: Fits) -> pd.DataFrame:
    """A row a member: the variance of the fixed part, of each random term, and of an observation,
    over their sum, of which `icc` and `r2` are parts."""
    return row_each(fits, _shares_of_one)


def _shares_of_one(solution: Solution) -> pd.Series:
    found = shares(solution)
    parts = {"fixed": found.fixed} | found.random | {"observation": found.observation}
    return pd.Series(parts) / sum(parts.values())


def icc(fits: Fits) -> pd.DataFrame:
    """A row a member: the share of each random term, and of all (`adjusted`), in the variance of
    the random part and an observation; `unadjusted` in that of the fixed part as well."""
    return row_each(fits, _icc_of_one)


def _icc_of_one(solution: Solution) -> pd.Series:
    found = shares(solution)
    total = sum(found.random.values())
    without = total + found.observation
    whole = {"adjusted": total / without, "unadjusted": total / (without + found.fixed)}
    return pd.Series(whole | {name: own / without for name, own in found.random.items()})


def r2(fits: Fits) -> pd.DataFrame:
    """A row a member: Nakagawa's `marginal` (of the fixed part) and `conditional` (of fixed and
    random part) share of the variance."""
    return row_each(fits, _r2_of_one)


def _r2_of_one(solution: Solution) -> pd.Series:
    found = shares(solution)
    random = sum(found.random.values())
    whole = found.fixed + random + found.observation
    return pd.Series(
        {"marginal": found.fixed / whole, "conditional": (found.fixed + random) / whole}
    )


def median_odds_ratio(fits: Fits) -> pd.DataFrame:
    """A row a member, a column a random term: the median of the ratio of the odds in two levels
    drawn at random, the larger over the smaller, `exp(sqrt(2 v) q)` with `q` the upper quartile of
    a normal variable (Merlo et al. 2006); with a log link of the means."""
    return row_each(fits, _median_ratio)


def _median_ratio(solution: Solution) -> pd.Series:
    link = innermost(solution.model.family).link.name
    if link not in ("logit", "log"):
        raise ModelError(f"A median odds ratio needs a logit or log link, not {link}.")
    found, _ = _random(solution)
    return pd.Series({name: np.exp(np.sqrt(2 * own) * ndtri(0.75)) for name, own in found.items()})
