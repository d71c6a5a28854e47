"""What a person says of priors."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .._errors import ModelError
from ._distributions import DISTRIBUTIONS, LKJ, AbstractDistribution, Firth

_EXAMPLES = {"corr": "gj.LKJ(2)", "sd": "gj.HalfNormal(1)", "other": "gj.HalfNormal(1)"}

Given = AbstractDistribution | Mapping[str, AbstractDistribution] | None


@dataclasses.dataclass(frozen=True)
class Priors:
    """Prior distributions of the parameters of a model, on their natural scales.

    What is left out has a weakly informative default, scaled by the data; `model.priors(...)` shows
    what all of them are. A mapping gives some by name, as `fit.confint(parm="all")` has them; the
    others have the default.

    Attributes:
        intercept: of each linear predictor's intercept where all covariates are at their means.
        coefficients: of all others: a distribution of any number, or, for binary data, `Firth()`.
            Default `Normal(0, 2.5)` in units of the response over the standard deviation of the
            column; these are one for a link that takes the unit away (log, logit).
        sd: of the standard deviations of random effects: a distribution of positive numbers.
            Default `Gamma(2, 1)` in units of the response, which keeps estimates away from zero.
        corr: `LKJ(eta)` of their correlations, for all or by name of the grouping factor. Default
            `LKJ(2)`.
        dispersion: of the family's own parameters (what they exceed their lower bound by).
        other: of other parameters of random terms, such as a range.
    """

    intercept: Given = None
    coefficients: Given | Firth = None
    sd: Given = None
    corr: LKJ | Mapping[str, LKJ] | None = None
    dispersion: Given = None
    other: Given = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            kind = LKJ if field.name == "corr" else AbstractDistribution
            if isinstance(given, Mapping):
                wrong = next((own for own in given.values() if not isinstance(own, kind)), None)
            else:
                is_right = given is None or isinstance(given, kind)
                is_right |= field.name == "coefficients" and isinstance(given, Firth)
                wrong = None if is_right else given
            if wrong is not None:
                example = _EXAMPLES.get(field.name, "gj.Normal(0, 2.5)")
                raise ModelError(
                    f"{field.name} of Priors must be a prior such as {example}, or a mapping from"
                    f" names to such, not {wrong!r}."
                )


def priors_to_dict(priors: Priors) -> dict[str, Any]:
    """Priors as plain values; what is left out is left out."""
    found = {}
    for field in dataclasses.fields(priors):
        given = getattr(priors, field.name)
        if isinstance(given, Mapping):
            found[field.name] = {str(name): _to_list(own) for name, own in given.items()}
        elif given is not None:
            found[field.name] = _to_list(given)
    return found


def priors_from_dict(kept: Mapping[str, Any]) -> Priors:
    """The inverse of `priors_to_dict`."""
    return Priors(
        **{
            name: {key: _from_list(one) for key, one in own.items()}
            if isinstance(own, Mapping)
            else _from_list(own)
            for name, own in kept.items()
        }
    )


def _to_list(own: Any) -> list:
    return [type(own).__name__, *dataclasses.astuple(own)]


def _from_list(kept: list) -> Any:
    name, *numbers = kept
    return (DISTRIBUTIONS | {"LKJ": LKJ, "Firth": Firth})[name](*numbers)
