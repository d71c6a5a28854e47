"""What a report needs of a fit, as plain values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..assembly import MixedModel, prior_table
from ..design import success_label
from ..families import innermost
from ..fit import Fits, dropped_columns
from ..inference import aic, alone, bic, coefficient_table, dispersion, varcorr, vcov
from ._summary import group_sizes

OfModel = Callable[[MixedModel], Any]
OfFits = Callable[[Fits], Any]


def formula_of(model: MixedModel, part: str) -> str | None:
    """The formula of a linear predictor; None if the model has none of that name."""
    formulas = {own.name: own.formula.text for own in model.design.predictors}
    return formulas.get(part)


def _success(model: MixedModel) -> str | None:
    design = model.design
    return success_label(design.response_name, design.response_kind, design.frame)


def _dropped_random(model: MixedModel) -> dict[str, list[str]]:
    return {term.formula.text: list(term.dropped) for term in model.design.random if term.dropped}


def _priors(model: MixedModel) -> dict[str, str] | None:
    """In words, by the name of the parameter."""
    return None if model.priors is None else dict(prior_table(model).to_numpy().tolist())


def _coefficients(part: str) -> OfFits:
    """The table of a linear predictor, empty if the model has none of that name."""

    def rows(fits: Fits) -> list[dict[str, Any]]:
        if formula_of(fits.members.first, part) is None:
            return []
        table = alone(coefficient_table(fits, part))
        return [{"term": name, **row} for name, row in table.to_dict("index").items()]

    return rows


DESCRIPTION: dict[str, OfModel] = {
    "formula": lambda model: model.design.formula.text,
    "ziformula": lambda model: formula_of(model, "zi"),
    "dispformula": lambda model: formula_of(model, "disp"),
    "family": lambda model: innermost(model.family).name,
    "link": lambda model: model.family.link.name,
    "success": _success,
    "nobs": lambda model: model.nobs,
    "dropped_rows": lambda model: model.design.dropped_rows,
    "dropped_columns": dropped_columns,
    "dropped_random_columns": _dropped_random,
    "groups": group_sizes,
    "priors": _priors,
}
"""What is said of the model."""

RESULTS: dict[str, OfFits] = {
    "method": lambda fits: fits.method.describe(),
    "status": lambda fits: fits.messages[0],
    "converged": lambda fits: bool(fits.ok[0]),
    "scaled_gradient": lambda fits: float(fits.outcome.scaled_gradient[0]),
    "loglik": lambda fits: float(fits.outcome.loglik[0]),
    "aic": lambda fits: float(aic(fits)[0]),
    "bic": lambda fits: float(bic(fits)[0]),
    "df": lambda fits: fits.df,
    "coefficients": _coefficients("mean"),
    "zi": _coefficients("zi"),
    "disp": _coefficients("disp"),
    "vcov": lambda fits: vcov(fits)[0].tolist(),
    "varcorr": lambda fits: alone(varcorr(fits)).to_dict("records"),
    "dispersion": lambda fits: dispersion(fits).iloc[0].to_dict(),
}
"""What is said of the fit: a new statistic is a line here."""


def to_dict(fits: Fits) -> dict[str, Any]:
    """Everything a report needs of one fit, as plain values that `json.dumps` takes; None for what
    is not finite (the degrees of freedom of a z test)."""
    described = {name: of(fits.members.first) for name, of in DESCRIPTION.items()}
    return _nulled(described | {name: of(fits) for name, of in RESULTS.items()})


def _nulled(value: Any) -> Any:
    """`value` with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _nulled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nulled(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
