"""A model of counts or proportions beside those that have more variance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from .._noted import noted
from ..assembly import MixedModel, checked_model
from ..design import Design, observation_effect, with_observation_effect, without_term
from ..diagnostics import DISPERSIBLE, pearson, why_not_linearised
from ..families import AbstractFamily, as_family, innermost, with_innermost
from ..fit import Fits, Solution, fit_model
from ..inference import aic, bic, fixef, names_in, std_errors
from ._nesting import INSIDE, LIMITS, difference, p_values

COLUMNS = [
    *("df", "loglik", "aic", "bic", "chisq", "p_value", "reference", "dispersion"),
    *("max_change", "max_se_ratio", "given", "converged", "status"),
]


def with_more_variance(fits: Fits, families: Any = None) -> pd.DataFrame:
    """A row a model, the best by AIC first: the simple family (poisson, truncated_poisson or
    binomial), that with a random effect of every observation, and `families`, by default those of
    which the simple one is a limit. Columns as `gj.overdispersion` has them.

    A model that cannot be fitted has NaN and a sentence in `status`. Raises `ModelError` for
    families of which overdispersion is no question.
    """
    model = fits.members.first
    simple, own = _simple(model), innermost(model.family).name
    number = observation_effect(model.design)
    plain = model.design if number is None else without_term(model.design, number)
    observed = model.design if number is not None else with_observation_effect(plain)
    effect = observed.random[observation_effect(observed) or 0].formula.text
    given = own if number is None else f"{own} + {effect}"
    models = {name: (name, plain) for name in (simple, *_wanted(simple, families))}
    models |= {f"{simple} + {effect}": (simple, observed), given: (own, model.design)}
    found = {
        label: fits if label == given else _fitted(fits, design, name)
        for label, (name, design) in models.items()
    }
    rows = {label: _row(one, found[simple], fits) for label, one in found.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).rename_axis("model")
    words = (
        f"Likelihood-ratio tests against {simple}; dispersion is Pearson's chi-squared given the"
        " conditional modes, over observations less effective degrees of freedom"
    )
    return noted(table.sort_values("aic", kind="stable"), words)


def _simple(model: MixedModel) -> str:
    """The name of the family without more variance."""
    own, y = innermost(model.family).name, model.design.y
    simple = (LIMITS | INSIDE).get(own, own)
    if simple not in DISPERSIBLE:
        raise ModelError(
            "gj.overdispersion is for counts and for proportions of several trials, whose variance"
            f" may be more than poisson's or binomial's; those of {own} have no such family."
        )
    if simple == "binomial" and (y[model.design.weights > 0, 1] <= 1).all():
        raise ModelError(
            "Single trials, zeros and ones, cannot be overdispersed: their variance follows from"
            " their mean."
        )
    if any(predictor.name == "disp" for predictor in model.design.predictors):
        raise ModelError(
            "gj.overdispersion is for models without dispformula: compare fits by gj.compare."
        )
    return simple


def _wanted(simple: str, families: Any) -> Sequence[str]:
    limits = [name for name, limit in LIMITS.items() if limit == simple]
    if families is None:
        return limits
    known = [*limits, *(name for name, value in INSIDE.items() if value == simple)]
    names = names_in("families", families)
    for name in names:
        if name not in known:
            raise ModelError(
                f"families must be of those that have {simple} as a limit or a member"
                f" ({', '.join(known)}), not {name!r}."
            )
    return names


def _fitted(fits: Fits, design: Design, name: str) -> Fits | str:
    """The fit of another design and family by the method of `fits`, or why there is none."""
    family, restricted = fits.members.first.family, fits.method.is_restricted
    try:
        model = checked_model(design, _other(family, name))
        return fit_model(model, fits.method, reml=restricted)
    except ModelError as error:
        return str(error)


def _other(family: AbstractFamily, name: str) -> AbstractFamily:
    """Another distribution with the same link and linear predictors."""
    return with_innermost(family, as_family(name, innermost(family).link.name))


def _row(own: Fits | str, simple: Fits | str, given: Fits) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {"reference": "", "given": own is given, "converged": False}
    if isinstance(own, str):
        return row | {"status": own}
    row |= {"df": own.df, "converged": bool(own.ok[0]), "status": own.messages[0]}
    if not own.ok[0]:
        return row
    row |= {"loglik": own.outcome.loglik[0], "aic": aic(own)[0], "bic": bic(own)[0]}
    if not why_not_linearised(own.members.first):
        chisq, df = pearson(Solution(own))
        row["dispersion"] = chisq / df
    if own is not simple and isinstance(simple, Fits) and simple.ok[0]:
        row |= _test(simple, own)
    return row | _changes(own, given)


def _test(smaller: Fits, larger: Fits) -> dict[str, Any]:
    step = difference(smaller.members.first, larger.members.first)
    if step.reason:
        return {"reference": step.reason}
    chisq = np.maximum(2 * (larger.outcome.loglik - smaller.outcome.loglik), 0.0)
    known = np.ones((1, len(step.added), len(step.added)))
    p_value = p_values(chisq, step, known)[0]
    return {"chisq": chisq[0], "p_value": p_value, "reference": step.words}


def _changes(own: Fits, given: Fits) -> dict[str, float]:
    """Of the fixed effects, against the given fit."""
    errors = std_errors(given).to_numpy()[0]
    if not given.ok[0] or not len(errors):
        return {}
    change = np.abs(fixef(own).to_numpy()[0] - fixef(given).to_numpy()[0]) / errors
    ratio = std_errors(own).to_numpy()[0] / errors
    return {"max_change": change.max(), "max_se_ratio": ratio.max()}
