"""The covariance of the fixed effects that tests use, and the degrees of freedom of these: of any
linear combination of coefficients, and of several together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from ..assembly import MixedModel
from ..fit import Fits
from ._kenward_roger import Adjusted, kenward_roger, scaled
from ._satterthwaite import Uncertain, uncertain

Combinations = Float[np.ndarray, "k p"]
PerMember = Float[np.ndarray, "members k"]


_WORDS = {
    "normal": "Wald: estimates over their standard errors are taken as normal, which needs many"
    " groups or observations.",
    "satterthwaite": "t and F with Satterthwaite's degrees of freedom: estimates are taken as"
    " normal, their estimated variances as multiples of chi-squared.",
    "kenward-roger": "t and F with Kenward and Roger's covariance and degrees of freedom: estimates"
    " are taken as normal, and the bias of their covariance is removed.",
    "between-within": "t and F with between-within degrees of freedom, counted from where columns"
    " vary: estimates are taken as normal, groups as about equal in size.",
}


_ENDLESS = 1e10  # degrees of freedom


class Tested(NamedTuple):
    """A joint test: F with `df` and `df_denom` degrees of freedom; where these are infinite, `df`
    times the statistic is chi-squared."""

    statistic: Float[np.ndarray, " members"]
    df: int
    df_denom: Float[np.ndarray, " members"]


def denominator(fits: Fits, ddf: str | None) -> "Freedom":
    """What tests of coefficients use: by default `satterthwaite` for a linear model, as lmerTest
    has it, else `normal`; raises `ModelError` for another word."""
    if ddf is None:
        ddf = "normal" if fits.method.covariance_of_fixed is None else "satterthwaite"
    p = fits.reported.beta.shape[1]
    covariance = fits.reported.vcov[:, :p, :p]
    if ddf == "normal":
        return Freedom(covariance, ddf)
    if ddf == "between-within":
        own = between_within(fits.members.first)
        return Freedom(covariance, ddf, of_coefficients=own)
    if ddf == "satterthwaite":
        return Freedom(covariance, ddf, uncertain=uncertain(fits))
    if ddf == "kenward-roger":
        adjusted = kenward_roger(fits)
        own = [np.full((p, p), np.nan) if one is None else one.covariance for one in adjusted]
        return Freedom(np.array(own).reshape(-1, p, p), ddf, adjusted=adjusted)
    known = "'satterthwaite', 'kenward-roger', 'between-within' or 'normal'"
    raise ModelError(f"ddf must be {known}, not {ddf!r}.")


class Freedom(NamedTuple):
    """Attributes:
    covariance: (members, p, p) of the coefficients of all linear predictors.
    kind: `normal`, `satterthwaite`, `kenward-roger`, `between-within`.
    uncertain: how it depends on the variances.
    of_coefficients: (p,) degrees of freedom of each.
    """

    covariance: Float[np.ndarray, "members p p"]
    kind: str
    uncertain: Uncertain | None = None
    adjusted: list[Adjusted | None] | None = None
    of_coefficients: Float[np.ndarray, " p"] | None = None

    @property
    def words(self) -> str:
        """What tests and intervals by it are, and assume."""
        return _WORDS[self.kind]

    def of(self, rows: Combinations) -> PerMember:
        """(members, k) degrees of freedom of `rows @ beta`."""
        if self.of_coefficients is not None:
            touched = np.where(rows != 0, self.of_coefficients, np.inf).min(1)
            return np.broadcast_to(touched, (len(self.covariance), len(rows)))
        if self.adjusted is not None:
            each = [
                [np.nan if own is None else scaled(own, row[None]).df_denom for row in rows]
                for own in self.adjusted
            ]
            return np.array(each, np.float64).reshape(len(self.adjusted), len(rows))
        if self.uncertain is None:
            return np.full((len(self.covariance), len(rows)), np.inf)
        return _satterthwaite(
            self.uncertain, np.broadcast_to(rows, (len(self.covariance), *rows.shape))
        )

    def alone(self, number: int) -> "Freedom":
        """That of one member."""
        return Freedom(
            self.covariance[[number]],
            self.kind,
            self.uncertain and Uncertain(*(own[[number]] for own in self.uncertain)),
            self.adjusted and [self.adjusted[number]],
            self.of_coefficients,
        )

    def joint(self, rows: Combinations, values: PerMember) -> Tested:
        """The test that `rows @ beta`, estimated as `values`, are zero."""
        covariance = rows @ self.covariance @ rows.T
        return _joint(self, rows, values, covariance)


def _satterthwaite(known: Uncertain, rows: Float[np.ndarray, "members k p"]) -> PerMember:
    """`2 v^2 / var(v)` of each combination's variance `v`."""
    variance = np.einsum("nkp,npq,nkq->nk", rows, known.covariance, rows)
    slope = np.einsum("nkp,nmpq,nkq->nkm", rows, known.slopes, rows)
    spread = np.einsum("nka,nab,nkb->nk", slope, known.of_variances, slope)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = 2 * variance**2 / spread
    # A variance at zero does not move the covariance but by rounding.
    return np.where(np.abs(df) > _ENDLESS, np.inf, np.where(spread > 0, df, np.nan))


def _joint(freedom: Freedom, rows: Combinations, values: PerMember, covariance) -> Tested:
    """Of several combinations together the denominator is that of an F whose mean is that of the
    sum of the squares of their principal components (Fai and Cornelius 1996; lmerTest)."""
    members, count = values.shape
    statistic, df = np.full(members, np.nan), np.full(members, np.nan)
    rank = int(np.linalg.matrix_rank(rows))
    good = np.flatnonzero(np.isfinite(covariance).all((1, 2)) & np.isfinite(values).all(1))
    if not len(good):
        return Tested(statistic, rank, df)
    spread, vectors = np.linalg.eigh(covariance[good])
    spread, vectors = spread[:, count - rank :], vectors[:, :, count - rank :]
    scores = np.einsum("nk,nkr->nr", values[good], vectors) ** 2 / spread
    statistic[good] = scores.sum(1) / rank
    principal = np.einsum("nkr,kp->nrp", vectors, rows)
    if freedom.adjusted is not None:
        for member, number in enumerate(good.tolist()):
            own = freedom.adjusted[number]
            assert own is not None
            found = scaled(own, principal[member])
            statistic[number] *= found.scale
            df[number] = found.df_denom
        return Tested(statistic, rank, df)
    if freedom.uncertain is None:
        df[good] = freedom.of(rows)[good].min(1)
        return Tested(statistic, rank, df)
    known = Uncertain(*(own[good] for own in freedom.uncertain))
    each = _satterthwaite(known, principal)
    df[good] = each[:, 0] if rank == 1 else _pooled(each)
    return Tested(statistic, rank, df)


def _pooled(each: Float[np.ndarray, "members r"]) -> Float[np.ndarray, " members"]:
    """`2 E / (E - r)` with `E` the sum of `nu / (nu - 2)` over those above two."""
    rank = each.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(np.isinf(each), 1.0, each / (each - 2))
        total = np.where(each > 2, ratio, 0.0).sum(1)
        equal = np.ptp(each, axis=1) < 1e-8 * each.max(1)
        pooled = np.where(total > rank, 2 * total / (total - rank), np.inf)
    pooled = np.where(np.isinf(each).all(1), np.inf, pooled)
    return np.where(equal, each[:, 0], np.where((each > 2).any(1), pooled, 2.0))


def between_within(model: MixedModel) -> Float[np.ndarray, " p"]:
    """Degrees of freedom of each coefficient of all linear predictors by where its column varies.

    A column that is, in every level of a grouping factor, a multiple of a random column there (of
    the constant, if it is the same in all rows of a level) is estimated from as many effects as the
    factor has levels: `levels - columns that are so`. Where this holds for several factors, the one
    with the fewest levels counts. All others have what is left: `observations - levels of the
    factor with most - columns`.
    """
    design, present = model.design, np.asarray(model.design.weights) > 0
    columns = np.concatenate([own.fixed.x for own in design.predictors], 1)[present]
    terms = [own for own in design.random if len(own.levels) and own.position is None]
    place: list[tuple[int, str]] = [(0, "")] * columns.shape[1]
    for term in sorted(terms, key=lambda own: -len(own.levels)):  # the last wins
        for z, name in zip(term.z[present].T, term.names, strict=False):
            for number, column in enumerate(columns.T):
                if _is_multiple(column, z, term.refs[present]):
                    place[number] = (len(term.levels), f"{term.formula.group}: {name}")
    most = max((len(own.levels) for own in terms), default=0)
    left = int(present.sum()) - most
    df = [(levels or left) - place.count((levels, name)) for levels, name in place]
    return np.maximum(np.array(df, np.float64), 1.0)


def _is_multiple(column: np.ndarray, z: np.ndarray, refs: np.ndarray) -> bool:
    """Whether `column` is a multiple of `z` in every level."""
    over, under = np.bincount(refs, column * z), np.bincount(refs, z * z)
    multiple = over / np.where(under > 0, under, 1.0)
    return bool(np.allclose(multiple[refs] * z, column, atol=1e-8 * np.abs(column).max()))
