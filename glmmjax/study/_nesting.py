"""How two models differ, and the distribution of twice the difference of their log-likelihoods."""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import chdtrc

from ..assembly import MixedModel
from ..design import Predictor
from ..families import innermost

_DRAWS = 20_000

LIMITS = {
    "nbinom1": "poisson",
    "nbinom2": "poisson",
    "genpois": "poisson",
    "betabinomial": "binomial",
    "truncated_nbinom1": "truncated_poisson",
    "truncated_nbinom2": "truncated_poisson",
}
"""Families with a parameter at whose limit they are another one."""

INSIDE = {"compois": "poisson"}
"""Families that are another one at a value of their parameter inside of its range."""


Column = tuple[str, str, str]


class Difference(NamedTuple):
    """What a larger model has beyond a smaller one.

    Attributes:
        free: parameters that the smaller model holds inside of their range.
        added: standard deviations, or other parameters with an end, that it holds there, by name.
        others: covariances that have no meaning without these.
        reason: why there is no test; else "".
    """

    free: int = 0
    added: tuple[str, ...] = ()
    others: int = 0
    reason: str = ""

    @property
    def df(self) -> int:
        """Of all parameters."""
        return self.free + len(self.added) + self.others

    @property
    def words(self) -> str:
        """The reference distribution, in words."""
        if self.reason or not self.added:
            return self.reason or f"chi-squared({self.df})"
        low = self.df - len(self.added)
        if len(self.added) == 1:
            return f"half chi-squared({low}), half chi-squared({self.df})"
        if self.others:
            return f"chi-squared({self.df}), conservative"
        return f"chi-squared({low}) to ({self.df}), weights by simulation"


def difference(smaller: MixedModel, larger: MixedModel) -> Difference:
    """Of two models of the same data."""
    reason = _not_nested(smaller, larger)
    if reason:
        return Difference(reason=reason)
    is_other = innermost(smaller.family).name != innermost(larger.family).name
    is_inside = is_other and innermost(larger.family).name in INSIDE
    at_limit = larger.family.dispersion_names[:1] if is_other and not is_inside else ()
    mine, theirs = _random(smaller), _random(larger)
    new = [column for column in theirs.columns if column not in mine.columns]
    added = [*at_limit, *(f"sd({name}|{group})" for _, group, name in new)]
    correlated = theirs.pairs - mine.pairs
    others = sum(not pair <= set(mine.columns) for pair in correlated)
    free = larger.glmm.p - smaller.glmm.p + is_inside + len(correlated) - others
    free -= len(_modelled(smaller, larger))  # the constant takes the place of the parameter
    if _count(larger) == _count(smaller):
        return Difference(reason="not nested (as many parameters): compare AIC")
    if free + others + len(added) != _count(larger) - _count(smaller):
        return Difference(reason="not known to be nested: compare AIC")
    return Difference(free, tuple(added), others)


def _not_nested(smaller: MixedModel, larger: MixedModel) -> str:
    names = innermost(smaller.family).name, innermost(larger.family).name
    limits = names[0] in (names[1], LIMITS.get(names[1]), INSIDE.get(names[1]))
    links = innermost(smaller.family).link.name, innermost(larger.family).link.name
    if not limits or links[0] != links[1]:
        return "not nested (other families or links): compare AIC"
    modelled, mine = _modelled(smaller, larger), smaller.design.predictors
    names = {own.name for own in modelled}
    theirs = [own for own in larger.design.predictors if own.name not in names]
    if [own.name for own in mine] != [own.name for own in theirs]:
        return "not nested (other linear predictors): compare AIC"
    for own in modelled:
        constant = np.ones((len(own.fixed.x), 1))
        if np.ptp(own.offset) > 0 or not _spans(own.fixed.x, constant):
            return "not nested (dispersion model without a constant): compare AIC"
    for own, other in zip(mine, theirs, strict=True):
        if not np.array_equal(own.offset, other.offset):
            return "not nested (other offsets): compare AIC"
        if not _spans(other.fixed.x, own.fixed.x):
            return "not nested (fixed effects): compare AIC"
    wider, narrower = _random(larger), _random(smaller)
    if (
        not set(narrower.columns) <= set(wider.columns)
        or not narrower.pairs <= wider.pairs
        or not narrower.structured <= wider.structured
    ):
        return "not known to be nested (random effects): compare AIC"
    return ""


def _modelled(smaller: MixedModel, larger: MixedModel) -> list[Predictor]:
    """The model of a dispersion that is a constant in the smaller model, if there is one."""
    known = {own.name for own in smaller.design.predictors}
    return [own for own in larger.design.predictors if own.name == "disp" and "disp" not in known]


def _spans(wide: np.ndarray, narrow: np.ndarray) -> bool:
    """Whether the columns of `narrow` are combinations of those of `wide`."""
    if not narrow.shape[1]:
        return True
    found, *_ = np.linalg.lstsq(wide, narrow, rcond=None)
    return bool(np.allclose(wide @ found, narrow, atol=1e-7 * np.abs(narrow).max()))


class _Random(NamedTuple):
    """A random part: a column is its linear predictor, grouping factor and name.

    Attributes:
        columns: those with a variance of their own, in order.
        pairs: of columns with a correlation of their own.
        structured: terms of other covariances, by name and columns.
    """

    columns: tuple[Column, ...]
    pairs: frozenset[frozenset[Column]]
    structured: frozenset[tuple[str, tuple[Column, ...]]]


def _random(model: MixedModel) -> _Random:
    columns: list[Column] = []
    pairs: set[frozenset[Column]] = set()
    structured: set[tuple[str, tuple[Column, ...]]] = set()
    for term, covariance in zip(model.design.random, model.glmm.covariances, strict=True):
        part = model.design.predictors[term.predictor]
        own = tuple((part.name, term.formula.group, f"{part.prefix}{name}") for name in term.names)
        if covariance.q > 1 and covariance.name not in ("us", "diag"):
            structured.add((covariance.name, own))
            continue
        columns += own
        if covariance.name == "us":
            pairs |= {frozenset(pair) for pair in itertools.combinations(own, 2)}
    return _Random(tuple(columns), frozenset(pairs), frozenset(structured))


def _count(model: MixedModel) -> int:
    p, sizes, m = model.glmm.sizes
    return p + sum(sizes) + m


def p_values(
    chisq: Float[np.ndarray, " members"],
    own: Difference,
    correlations: Float[np.ndarray, "members k k"],
) -> Float[np.ndarray, " members"]:
    """Of each statistic, chi-squared where no parameter is at its end, and the mixture of
    chi-squared distributions for one (Self and Liang 1987; Stram and Lee 1994) or several, whose
    weights are how often so many of the estimates, with these `correlations`, are positive."""
    if own.reason:
        return np.full(len(chisq), np.nan)
    if not own.added:
        return chdtrc(own.df, chisq)
    if len(own.added) > 1 and own.others:
        return chdtrc(own.df, chisq)
    low, p_value = own.df - len(own.added), np.zeros(len(chisq))
    weights = np.array([_weights(one) for one in correlations])
    for positive in range(len(own.added) + 1):
        df = low + positive
        tail = chdtrc(df, chisq) if df else np.where(chisq > 0, 0.0, 1.0)
        p_value += weights[:, positive] * tail
    return np.where(np.isnan(chisq), np.nan, p_value)


def _weights(correlation: Float[np.ndarray, "k k"]) -> Float[np.ndarray, " levels"]:
    """How often 0, 1, ..., k coordinates are positive of the point of the orthant that is nearest
    to a normal draw with this correlation, in its metric (Shapiro 1988); independent where it is
    not known."""
    count = len(correlation)
    if count == 1:
        return np.array([0.5, 0.5])
    known = correlation if np.isfinite(correlation).all() else np.eye(count)
    metric = np.linalg.inv(known)
    draws = np.random.default_rng(0).multivariate_normal(np.zeros(count), known, _DRAWS)
    positive = np.full(_DRAWS, -1)
    for face in itertools.product([False, True], repeat=count):
        inside = np.array(face)
        nearest, pulled = np.zeros_like(draws), draws @ metric
        if inside.any():
            own = metric[np.ix_(inside, inside)]
            nearest[:, inside] = np.linalg.solve(own, pulled[:, inside].T).T
        pressed = nearest @ metric - pulled
        here = (nearest[:, inside] >= 0).all(1) & (pressed[:, ~inside] >= 0).all(1)
        positive[here] = inside.sum()
    return np.bincount(positive[positive >= 0], minlength=count + 1) / (positive >= 0).sum()
