"""Variance components, dispersion, and the random effects themselves."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..assembly import MixedModel, components
from ..covariances import Component, is_separate
from ..design import RandomPart
from ..families import reported_names
from ..fit import AbstractMembers, Fits, Modes
from ..model import places

VARCORR = ["group", "term1", "term2", "vcov", "sdcor"]
RANEF = ["group", "level", "term", "mode", "std_error"]


def numbers_of(
    component: Component, theta: np.ndarray, covariance: np.ndarray
) -> dict[str, np.ndarray]:
    """What a row of `varcorr` shows of a component, by column: a variance or covariance with a
    standard deviation or correlation, or another parameter. `theta` and `covariance` may have
    leading members."""
    vcov, number = map(np.asarray, component.value(theta, covariance))
    nothing = np.full_like(number, np.nan)
    if component.kind in ("sd", "cor"):
        return {"vcov": vcov, "sdcor": number, "parameter": nothing}
    return {"vcov": nothing, "sdcor": nothing, "parameter": number}


def varcorr_columns(model: MixedModel) -> list[str]:
    """The columns of `varcorr`, the last one only if some term has a parameter to show there."""
    is_needed = any(component.kind not in ("sd", "cor") for _, _, component in components(model))
    return [*VARCORR, "parameter"] if is_needed else VARCORR


def varcorr(fits: Fits) -> pd.DataFrame:
    """Variances, correlations and other parameters of the random effects, as lme4's
    `as.data.frame(VarCorr(fit))`, member by member.

    Columns `member, group, term1, term2, vcov, sdcor`: `sdcor` is a standard deviation where
    `term2` is empty, else a correlation. Where a term has a parameter that is neither (the `range`
    of a spatial covariance, in units of its coordinates), `term2` names it and a column `parameter`
    holds it. A gaussian model has a last row `Residual`.
    """
    found, model = fits.reported, fits.members.first
    rows = []
    for number, term, component in components(model):
        numbers = numbers_of(component, found.theta[number], found.covariance[number])
        rows.append((term.formula.group, component.term1, component.term2, numbers))
    if model.family.traits.has_residual:
        sigma = found.dispersion[:, 0]
        rows.append(("Residual", "", "", {"vcov": sigma**2, "sdcor": sigma}))
    wanted, members = varcorr_columns(model), len(fits)
    if not rows or not members:
        return pd.DataFrame(columns=["member", *wanted])
    table: dict[str, Any] = {"member": fits.index.repeat(len(rows))}
    for k, name in enumerate(wanted[:3]):
        table[name] = [row[k] for row in rows] * members
    for name in wanted[3:]:
        values = [row[3].get(name, np.full(members, np.nan)) for row in rows]
        table[name] = np.array(values).reshape(len(rows), members).T.ravel()
    return pd.DataFrame(table)


def dispersion(fits: Fits) -> pd.DataFrame:
    """(members, k) the family's own parameters on their natural scale (the `scale` of a
    quasi-likelihood), by name."""
    names = list(reported_names(fits.members.first.family))
    return pd.DataFrame(fits.reported.dispersion, index=fits.index, columns=names)


def ranef(fits: Fits) -> pd.DataFrame:
    """Conditional modes of the random effects: columns `member, group, level, term, mode,
    std_error`.

    `std_error` is the conditional standard deviation given the data and the estimated parameters
    (lme4's `condVar`). Names of effects of other linear predictors than the mean's begin with
    `disp_` and `zi_`. The effects of `propto(1 | g, K)` belong to the levels of `g`, as those of
    `(1 | g)` do. Members of a batch that failed have none.
    """
    found = [(k, _effects(fits, k, modes)) for k, modes in fits.each_modes()]
    effects = [own for _, some in found for own in some]
    if not effects:
        return pd.DataFrame(columns=["member", *RANEF])
    counts = [sum(len(own["mode"]) for own in some) for _, some in found]
    labels = fits.index[[k for k, _ in found]].repeat(counts)
    columns = {name: np.concatenate([own[name] for own in effects]) for name in RANEF}
    return pd.DataFrame({"member": labels} | columns).infer_objects()


class EffectsOfTerm(NamedTuple):
    """Where the effects of a term are, and what they are called.

    Attributes:
        factor: number of the grouping factor.
        columns: those of the term among the factor's.
        here: (levels, q) which of these each level has.
        labels: columns `group, level, term` of those that are, level by level.
    """

    factor: int
    columns: slice
    here: np.ndarray
    labels: dict[str, np.ndarray]


def effects_of_terms(members: AbstractMembers, number: int) -> Iterator[EffectsOfTerm]:
    """Of one member, term by term."""
    model = members.first
    for term, place in zip(members.random(number), places(model.glmm), strict=True):
        is_one = len(model.glmm.structure.terms[place.factor]) == 1  # of as many effects as it has
        own = slice(None) if is_one else place.columns
        level, names, counts = _effects_of(term)
        prefix = model.design.predictors[term.predictor].prefix
        width = model.glmm.structure.factors[place.factor].q
        here = np.arange(len(range(width)[own])) < counts[:, None]
        group = np.full(len(level), term.formula.group, object)
        labels = {"group": group, "level": level, "term": prefix + names}
        yield EffectsOfTerm(place.factor, own, here, labels)


def _effects(fits: Fits, number: int, modes: Modes) -> list[dict[str, np.ndarray]]:
    """The columns of the table of one member, term by term."""
    found = []
    for own in effects_of_terms(fits.members, number):
        mode, cov = (part[own.factor][:, own.columns] for part in modes)
        is_plain = cov.ndim == 2
        variance = cov if is_plain else np.diagonal(cov[:, :, own.columns], axis1=1, axis2=2)
        numbers = {"mode": mode[own.here], "std_error": np.sqrt(variance[own.here])}
        found.append(own.labels | numbers)
    return found


def _effects_of(term: RandomPart) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The level and the name of each effect of a term, level by level, and how many each level
    has."""
    levels, names = np.array(term.levels, object), np.array(term.names, object)
    if term.matrix is not None:
        return names, np.full(len(names), term.formula.columns, object), np.array([len(names)])
    if is_separate(term.formula.covariance):
        counts = np.diff(term.separate.starts)
        return np.repeat(levels, counts), names[term.separate.codes % term.separate.count], counts
    return (
        np.repeat(levels, len(names)),
        np.tile(names, len(levels)),
        np.full(len(levels), len(names)),
    )


def term_name(term: RandomPart) -> str:
    """`(x | g)`, `ar1(t | g)`, `s(x)`."""
    if term.is_smooth:
        return term.formula.text
    kind = "" if term.formula.covariance == "us" else term.formula.covariance
    return f"{kind}({term.formula.columns} | {term.formula.group})"
