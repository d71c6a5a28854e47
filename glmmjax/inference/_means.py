"""Estimated marginal means: of the linear predictor over a balanced grid of the other variables
(Searle, Speed and Milliken 1980)."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from .._errors import ModelError, check_share
from .._later import Later
from .._noted import AbstractNoted, noted
from .._precision import own_settings
from .._types import Array
from ..assembly import MixedModel
from ..design import Predictor, reference_grid
from ..families import LINKS, AbstractFamily, AbstractLink, AbstractMeanFamily, innermost
from ..fit import Fits
from ._coefficients import block
from ._freedom import Freedom, denominator
from ._hypotheses import widened
from ._quantities import names_in
from ._tidy import with_adjusted

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = Later("scipy.stats")

KINDS = ("link", "response")
ADJUST = {
    "tukey": "P-values are adjusted for all pairs by Tukey's studentized range",
    "holm": "P-values are adjusted for all pairs by Holm's method",
    "none": "P-values are not adjusted for the number of pairs",
}
_RATIOS = ("log", "logit")


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What means are made of.

    Attributes:
        fits, freedom: the fits, and what tests of them use.
        keys: the combination of levels of each mean, first of `by`, then of the factors.
        names: of these variables, of which the first `by` split the means.
        rows: (k, p) weights of all coefficients; NaN where the data do not determine a mean.
        kind, link: the scale.
        is_of_mean: whether of the mean's linear predictor.
    """

    fits: Fits
    freedom: Freedom
    keys: list[tuple]
    names: list[str]
    by: int
    rows: Float[np.ndarray, "k p"]
    kind: str
    link: AbstractLink | None
    is_of_mean: bool


class Means(AbstractNoted):
    """A table of means: `estimate, std_error, df, lower, upper`. Made by `Fit.means`."""

    _metadata: ClassVar[list[str]] = ["_source"]

    @property
    def _constructor(self):
        return Means

    def pairs(self, adjust: str = "tukey") -> pd.DataFrame:
        """All differences of two means: `estimate, std_error, statistic, df, p_value`, within each
        combination of `by`.

        They are of linear predictors. On the response scale of a log or logit link they are
        exponentials of these: ratios of the inverse of the link, or of its odds.

        Args:
            adjust: for the number of pairs: `tukey` (the studentized range), `holm` or `none`.
        """
        return pairs(self._source, adjust)


def means(  # noqa: PLR0913 - keyword-only settings
    fits: Fits,
    specs: Any,
    by: Any = None,
    *,
    kind: str = "link",
    at: Mapping[str, Any] | None = None,
    part: str = "mean",
    level: Any = 0.95,
    ddf: str | None = None,
) -> Means:
    """Means of the levels of `specs`, within each level of `by`: a row a member and combination."""
    model = fits.members.first
    block(model, part)
    if kind not in KINDS:
        raise ModelError(f"kind must be 'link' or 'response', not {kind!r}.")
    check_share("level", level)
    splits = [] if by is None else names_in("by", by)
    names = [*splits, *names_in("specs", specs)]
    predictor = next(own for own in model.design.predictors if own.name == part)
    if predictor.fixed.smooths:
        raise ModelError("means does not know the curves of smooths: use predict on a grid.")
    keys, rows, offset = _averages(model, predictor, names, at or {})
    link = _link(model, part) if kind == "response" else None
    _refuse_what_has_no_mean(model, part, kind)
    source = Source(
        fits, denominator(fits, ddf), keys, names, len(splits), rows, kind, link, part == "mean"
    )
    table = Means(_table(source, offset, level))
    table.attrs["method"] = source.freedom.words
    object.__setattr__(table, "_source", source)
    return table


def _averages(
    model: MixedModel, part: Predictor, names: list[str], at: Mapping[str, Any]
) -> tuple[list[tuple], Float[np.ndarray, "k p"], Float[np.ndarray, " k"]]:
    """Combinations of the levels of `names` in order, with weights and offsets averaged over the
    grid."""
    if not names or len(set(names)) < len(names):
        raise ModelError("means needs the name of a variable, and each name once.")
    grid = reference_grid(model.design, part, at)
    for name in names:
        if name not in grid.frame:
            raise ModelError(
                f"There is no variable {name!r} among the fixed effects; they use"
                f" {', '.join(map(str, grid.frame.columns))}."
            )
    found = list(grid.frame[names].itertuples(index=False, name=None))
    # In the order of the levels, the first name slowest
    levels = [dict.fromkeys(own) for own in zip(*found, strict=True)]
    order = [{level: k for k, level in enumerate(own)} for own in levels]
    keys = sorted(set(found), key=lambda key: [own[v] for own, v in zip(order, key, strict=True)])
    wide = widened(model, np.where(grid.estimable[:, None], grid.x, np.nan), part.name)
    mine = np.array([[own == key for own in found] for key in keys])
    share = mine / mine.sum(1, keepdims=True)
    rows = np.array([wide[own].mean(0) for own in mine])
    return keys, rows, share @ grid.offset


def _refuse_what_has_no_mean(model: MixedModel, part: str, kind: str) -> None:
    family = innermost(model.family)
    if part == "mean" and family.response == "ordered":
        raise ModelError(
            "The linear predictor of ordered categories has no mean of its own, as its origin are"
            " the thresholds: compare levels by contrast, or use predict on a grid."
        )
    is_dispersed = any(own.name == "disp" for own in model.design.predictors)
    if part == "mean" and kind == "response" and is_dispersed and not _is_inverse(family):
        raise ModelError(
            f"Means of {family.name} depend on the dispersion, which is modelled: use predict on a"
            " grid, or kind='link'."
        )


def _is_inverse(family: AbstractFamily) -> bool:
    """Whether means are the inverse of the link, whatever the dispersion."""
    return isinstance(family, AbstractMeanFamily)


def _mean_of(source: Source) -> Callable[[Array], Array]:
    """From the linear predictors of (members, k) means to the response."""
    family, link = innermost(source.fits.members.first.family), source.link
    assert link is not None
    if _is_inverse(family) or not source.is_of_mean:
        return link.inverse
    phi = jnp.asarray(source.fits.reported.phi)
    return lambda eta: jax.vmap(family.mean)(eta, phi)


def _link(model: MixedModel, part: str) -> AbstractLink:
    if part == "mean":
        return innermost(model.family).link
    return LINKS[{"zi": "logit", "disp": "log"}[part]]


def _table(source: Source, offset: np.ndarray, level: float) -> pd.DataFrame:
    fits, rows = source.fits, source.rows
    estimate = fits.reported.beta @ rows.T + offset
    error = np.sqrt(np.einsum("kp,npq,kq->nk", rows, source.freedom.covariance, rows))
    df = _known_df(source.freedom, rows)
    half = _quantile(df, 0.5 + level / 2) * error
    lower, upper = estimate - half, estimate + half
    if source.link is not None:
        of = _mean_of(source)
        with own_settings():
            mean, slope = jax.jvp(of, (jnp.asarray(estimate),), (jnp.ones(estimate.shape),))
            estimate, error = np.asarray(mean), error * np.abs(np.asarray(slope))
            lower, upper = (np.asarray(of(jnp.asarray(own))) for own in (lower, upper))
        lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    numbers = {"estimate": estimate, "std_error": error, "df": df, "lower": lower, "upper": upper}
    index = _index(source, source.keys, source.names)
    return pd.DataFrame({name: own.ravel() for name, own in numbers.items()}, index=index)


def _index(source: Source, keys: list[tuple], names: list[str]) -> pd.Index:
    labels = source.fits.index
    if source.fits.members.is_alone:
        if len(names) == 1:
            return pd.Index([key[0] for key in keys], name=names[0])
        return pd.MultiIndex.from_tuples(keys, names=names)
    rows = [(label, *key) for label in labels for key in keys]
    return pd.MultiIndex.from_tuples(rows, names=["member", *names])


def _known_df(freedom: Freedom, rows: np.ndarray) -> np.ndarray:
    """NaN of what the data do not determine."""
    known = np.isfinite(rows).all(1)
    df = np.full((len(freedom.covariance), len(rows)), np.nan)
    df[:, known] = freedom.of(rows[known])
    return df


def _quantile(df: np.ndarray, p: float) -> np.ndarray:
    return np.where(np.isinf(df), ndtri(p), stdtrit(np.where(np.isinf(df), 1.0, df), p))


def pairs(source: Source, adjust: str) -> pd.DataFrame:
    """`Means.pairs`; raises `ModelError` for an adjustment that there is not."""
    if adjust not in ADJUST:
        raise ModelError(f"adjust must be 'tukey', 'holm' or 'none', not {adjust!r}.")
    families: dict[tuple, list[int]] = {}
    for k, key in enumerate(source.keys):
        families.setdefault(key[: source.by], []).append(k)
    is_ratio = source.link is not None and source.link.name in _RATIOS
    tables, keys = [], []
    for split, members in families.items():
        both = list(itertools.combinations(members, 2))
        rows = np.array([source.rows[a] - source.rows[b] for a, b in both])
        rows = rows.reshape(-1, source.rows.shape[1])
        tables.append(_differences(source, rows, len(members), adjust, is_ratio=is_ratio))
        sign = "/" if is_ratio else "-"
        words = [" ".join(map(str, key[source.by :])) for key in source.keys]
        keys += [(*split, f"{words[a]} {sign} {words[b]}") for a, b in both]
    numbers = np.concatenate(tables, 1)
    index = _index(source, keys, [*source.names[: source.by], "contrast"])
    columns = ["estimate", "std_error", "statistic", "df", "p_value"]
    table = pd.DataFrame(numbers.reshape(-1, len(columns)), index=index, columns=columns)
    is_adjusted = adjust == "none" or max(len(own) for own in families.values()) > 2
    said = [source.freedom.words, *([f"{ADJUST[adjust]}."] if is_adjusted else [])]
    table = noted(table, "\n".join(said))
    return table if source.fits.members.is_alone else with_adjusted(table)


def _differences(
    source: Source, rows: np.ndarray, count: int, adjust: str, *, is_ratio: bool
) -> Float[np.ndarray, "members pairs 5"]:
    estimate = source.fits.reported.beta @ rows.T
    error = np.sqrt(np.einsum("kp,npq,kq->nk", rows, source.freedom.covariance, rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / error
    df = _known_df(source.freedom, rows)
    p_value = _p_values(statistic, df, count, adjust)
    if is_ratio:
        estimate = np.exp(estimate)
        error = error * estimate
    return np.stack([estimate, error, statistic, df, p_value], 2)


def _p_values(statistic: np.ndarray, df: np.ndarray, count: int, adjust: str) -> np.ndarray:
    size = np.abs(statistic)
    if adjust == "tukey" and count > 2:
        return np.asarray(stats.studentized_range.sf(np.sqrt(2) * size, count, df))
    usual = 2 * np.where(np.isinf(df), ndtr(-size), stdtr(np.where(np.isinf(df), 1.0, df), -size))
    return np.array([_holm(own) for own in usual]) if adjust == "holm" else usual


def _holm(p_value: np.ndarray) -> np.ndarray:
    """Holm's adjustment; NaN are no tests."""
    adjusted = np.full_like(p_value, np.nan)
    here = np.flatnonzero(~np.isnan(p_value))
    order = here[np.argsort(p_value[here])]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_value[order] * factors), 1.0)
    return adjusted
