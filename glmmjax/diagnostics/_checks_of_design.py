"""Checks of what a fit was given: columns, groups, and a method that suits them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..assembly import MixedModel
from ..design import FixedTerm, RandomPart, fixed_terms
from ..families import innermost
from ..fit import Solution, dropped_columns
from ._finding import Finding

_INFLATION = 10.0  # of the variance of a coefficient by other columns, as in most textbooks
_APART = 1e4  # ratio of the standard deviations of two columns
_FEW_LEVELS = 5  # as lme4's FAQ has it
_FEW_ROWS = 10  # zeros and ones a level, below which Laplace's approximation is rough


def dropped(solution: Solution) -> Iterator[Finding]:
    """Columns that are combinations of others."""
    for name in dropped_columns(solution.model):
        yield Finding(
            name,
            f"{name} was dropped, as it is a linear combination of other columns: it has no"
            " coefficient, and those of the others are read without it.",
        )


def collinear(solution: Solution) -> Iterator[Finding]:
    """Terms whose coefficients the other columns blur: generalised variance inflation (Fox and
    Monette 1992), terms with a factor in common left aside."""
    model = solution.model
    for own in model.design.predictors:
        terms = fixed_terms(own.fixed)
        x = own.fixed.x[model.design.weights > 0]
        x = x - x.mean(0)
        for term in terms:
            others = [one for one in terms if not one.factors & term.factors]
            inflation = _inflation(x, term, others)
            if inflation > _INFLATION:
                nearest = max(others, key=lambda one: _inflation(x, term, [one]))
                name, beside = f"{own.prefix}{term.name}", f"{own.prefix}{nearest.name}"
                yield Finding(
                    name,
                    f"{name} is nearly a combination of other columns, of {beside} most of all"
                    f" (variance inflation {inflation:.0f}): their coefficients are uncertain"
                    " together, so leave one out or combine them.",
                )


def _inflation(
    x: Float[np.ndarray, "n p"], term: FixedTerm, others: list[FixedTerm]
) -> Float[np.ndarray, ""] | float:
    """`GVIF^(1 / df)`, on the scale of the usual factor for one column; `x` is centred."""
    own, beside = x[:, term.columns], x[:, [k for one in others for k in one.columns]]
    found, *_ = np.linalg.lstsq(beside, own, rcond=None)
    left = own - beside @ found
    total, rest = (np.linalg.slogdet(part.T @ part)[1] for part in (own, left))
    with np.errstate(over="ignore"):
        return np.exp((total - rest) / len(term.columns))


def scales(solution: Solution) -> Iterator[Finding]:
    """Covariates in very different units."""
    model = solution.model
    for own in model.design.predictors:
        sizes = own.fixed.x[model.design.weights > 0].std(0)
        varying = np.flatnonzero(sizes > 0)
        if len(varying) < 2:
            continue
        small, large = varying[sizes[varying].argmin()], varying[sizes[varying].argmax()]
        if sizes[large] > _APART * sizes[small]:
            names = [f"{own.prefix}{own.fixed.names[k]}" for k in (small, large)]
            yield Finding(
                names[1],
                f"{names[0]} (standard deviation {sizes[small]:.2g}) and {names[1]}"
                f" ({sizes[large]:.2g}) are on very different scales: the fit does not mind, but"
                " starting values and coefficients are easier to read in units that make them"
                " alike.",
            )


class Group(NamedTuple):
    """A grouping factor of random effects in the usual sense: its name, number of levels, and the
    first of its terms."""

    name: str
    levels: int
    term: RandomPart


def groups(model: MixedModel) -> list[Group]:
    """All of them; not smooths, known matrices, or effects at places of their own."""
    found: dict[str, Group] = {}
    for term in model.design.random:
        if term.factor_levels and term.position is None:
            name = term.formula.group
            found.setdefault(name, Group(name, len(term.levels), term))
    return list(found.values())


def has_groups(solution: Solution) -> bool:
    """Whether there is one."""
    return bool(groups(solution.model))


def few_levels(solution: Solution) -> Iterator[Finding]:
    """Variances from a handful of levels."""
    for group in groups(solution.model):
        if group.levels >= _FEW_LEVELS:
            continue
        if not solution.model.is_linear:
            remedy = (
                "fit with reml=True, and test the coefficients with ddf='satterthwaite' (or"
                f" 'between-within' where the variance is zero), or make {group.name} fixed"
            )
        elif solution.method.is_restricted:
            remedy = "test with anova(test='kenward-roger') or ddf='satterthwaite'"
        else:
            remedy = "fit with reml=True, and test with anova(test='kenward-roger')"
        biased = "" if solution.method.is_restricted else " and estimated too low"
        yield Finding(
            group.name,
            f"{group.name} has {group.levels} levels, so its variance is hardly known{biased}, and"
            f" normal tests of what differs between levels find too much: {remedy}.",
        )


def is_rough(solution: Solution) -> bool:
    """Zeros and ones with random effects of one factor, approximated at the mode, where quadrature
    is offered."""
    model, family = solution.model, innermost(solution.model.family)
    one_factor = len(model.glmm.structure.factors) == 1 and has_groups(solution)
    is_binary = family.response in ("binary", "proportion")
    return one_factor and is_binary and solution.method.name == "laplace"


def few_rows(solution: Solution) -> Iterator[Finding]:
    """Levels with so few zeros and ones that their effects are far from normal given the data."""
    model = solution.model
    (group,) = groups(model)
    present, y = model.design.weights > 0, model.design.y
    trials = y[:, 1] if y.ndim == 2 else np.ones(len(y))
    counts = np.bincount(group.term.refs[present], trials[present], group.levels)
    median = np.median(counts[counts > 0])
    if median < _FEW_ROWS:
        yield Finding(
            group.name,
            f"Half of the levels of {group.name} have at most {median:.0f} zeros and ones, where"
            " the Laplace approximation takes variances too low: compare with"
            " model.fit(gj.AGHQ(25)).",
        )
