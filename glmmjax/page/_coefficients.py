"""Coefficients, and tests of terms."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import inference
from .._errors import ModelError
from .._later import Later
from ..assembly import MixedModel
from ..design import Predictor
from ..families import innermost, is_hurdle
from ..fit import Solution
from ..report import RATIOS
from ._html import Html, join, paragraph, table, tag
from ._mathml import GREEK
from ._numbers import column, figures, intervals, p_value
from ._offered import not_shown, offered
from ._settings import Settings
from ._words import percent

if TYPE_CHECKING:
    from .. import interpretation
else:
    interpretation = Later("glmmjax.interpretation")

_LINKS = {"zi": "logit", "disp": "log"}
_SINGULAR = {
    "Odds ratios": "Odds ratio",
    "Ratios of means": "Ratio of means",
    "Hazard ratios": "Hazard ratio",
}
_ABOUT_OTHERS = "What a step of one in each column adds to it; tests and intervals as above."
_NORMAL_LAW = "assumes the normal law of the model"
_NORMAL_ESTIMATES = "takes estimates for normal: an approximation for many groups and rows"


def bounds(solution: Solution, settings: Settings, **wanted: Any) -> tuple[pd.DataFrame, Html]:
    """Intervals of parameters, and why they are not of profiles where these were asked for."""
    fits, said = solution.fits, Html("")
    if settings.profile:
        try:
            found = inference.confint(fits, method="profile", level=settings.level, **wanted)
            return inference.alone(found), said
        except ModelError as error:
            said = not_shown("Profiles", error)
    return inference.alone(inference.confint(fits, level=settings.level, **wanted)), said


def coefficients(solution: Solution, settings: Settings) -> Html:
    """A table for each linear predictor that has coefficients."""
    parts = [own for own in solution.model.design.predictors if own.fixed.names]
    return join(_of_predictor(solution, settings, own) for own in parts)


def _of_predictor(solution: Solution, settings: Settings, own: Predictor) -> Html:
    fits, model = solution.fits, solution.model
    is_t = solution.method.covariance_of_fixed is not None
    found = inference.alone(inference.coefficient_table(fits, own.name))
    ends, said = bounds(solution, settings, parm="fixed", part=own.name)
    columns: dict[str, list[Any]] = {
        "": list(found.index),
        "Estimate": column(found["estimate"]),
        f"{percent(settings.level)} interval": intervals(ends["lower"], ends["upper"]),
        "Std. error": column(found["std_error"]),
    }
    if is_t:
        columns["df"] = [figures(f"{df:.1f}") for df in found["df"]]
    columns["t" if is_t else "z"] = [figures(f"{value:.3f}") for value in found["statistic"]]
    columns["p"] = [p_value(value) for value in found["p_value"]]
    link = _LINKS.get(own.name, model.family.link.name)
    if link in RATIOS:
        columns |= _ratios(_SINGULAR[RATIOS[link]], found["estimate"], ends)
    title, is_profile = _title(model, own), settings.profile and not said
    text = _about(link, is_t=is_t, is_profile=is_profile) if own.name == "mean" else _ABOUT_OTHERS
    return join([tag("h3", title), paragraph(text), said, table(title, columns)])


def _ratios(name: str, estimate: Any, ends: pd.DataFrame) -> dict[str, list[Html]]:
    """Exponentials; an end of an interval that runs off is infinite."""
    with np.errstate(over="ignore"):
        ratio, lower, upper = (np.exp(own) for own in (estimate, ends["lower"], ends["upper"]))
    return {name: column(ratio), "its interval": intervals(lower, upper)}


def _about(link: str, *, is_t: bool, is_profile: bool) -> str:
    scale = "" if link == "identity" else f", on the scale of the {link} link"
    text = [f"What a step of one in each column adds to the linear predictor{scale}."]
    if is_t:
        text.append(
            "The t-test that a coefficient is zero has Satterthwaite's degrees of freedom, which"
            f" take in that the variances are estimated; it {_NORMAL_LAW}."
        )
    else:
        text.append(f"Wald's z-test that a coefficient is zero {_NORMAL_ESTIMATES}.")
    if is_profile:
        text.append(
            "Intervals are of the profile of the likelihood, maximised over all other parameters."
        )
    else:
        text.append("Intervals are Wald's, of the same test.")
    if link in RATIOS:
        text.append("The exponential of a coefficient is what a step of one multiplies by.")
    return " ".join(text)


def _title(model: MixedModel, own: Predictor) -> str:
    if own.name == "disp":
        name = innermost(model.family).dispersion_names[0]
        return f"Coefficients of the logarithm of {GREEK.get(name, name)}"
    if own.name == "zi":
        kind = "zeros" if is_hurdle(model.family) else "extra zeros"
        return f"Coefficients of the log odds of {kind}"
    return "Coefficients"


@offered("Tests of terms")
def terms(solution: Solution, settings: Settings) -> Html:
    """Tests of the terms of each linear predictor."""
    is_f = solution.method.covariance_of_fixed is not None
    found = [_tested(solution, settings, own) for own in solution.model.design.predictors]
    table_of_all = pd.concat(found)
    if not len(table_of_all):
        return Html("")
    given = "those that do not contain it" if settings.anova == 2 else "all others"
    name = (
        "The F-test with Satterthwaite's degrees of freedom" if is_f else "Wald's chi-squared test"
    )
    text = (
        f"Whether all coefficients of a term are zero, given {given} (type"
        f" {'I' * settings.anova}). {name} {_NORMAL_LAW if is_f else _NORMAL_ESTIMATES}."
    )
    caption = "Tests of terms"
    return join(
        [tag("h3", caption), paragraph(text), table(caption, _tests(table_of_all, is_f=is_f))]
    )


def _tested(solution: Solution, settings: Settings, own: Predictor) -> pd.DataFrame:
    """Tests of the terms of a linear predictor, by the names that they have among all."""
    is_f = solution.method.covariance_of_fixed is not None
    test = "satterthwaite" if is_f else "wald"
    found = inference.anova(solution.fits, type=settings.anova, test=test, part=own.name)
    return inference.alone(found).rename(index=lambda name: f"{own.prefix}{name}")


def _tests(found: pd.DataFrame, *, is_f: bool) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "": list(found.index),
        "F" if is_f else "χ²": [figures(f"{value:.3f}") for value in found["statistic"]],
        "df": [str(df) for df in found["df"]],
    }
    if is_f:
        columns["df of denominator"] = [figures(f"{df:.1f}") for df in found["df_denom"]]
    return columns | {"p": [p_value(value) for value in found["p_value"]]}


@offered("Population-averaged coefficients")
def averaged(solution: Solution, settings: Settings) -> Html:
    """Beside the subject-specific ones, where the link makes them different."""
    model = solution.model
    written = [own for own in model.design.random if own.predictor == 0 and not own.is_smooth]
    if model.family.link.name == "identity" or not written or not model.design.fixed.names:
        return Html("")
    own = inference.alone(inference.coefficient_table(solution.fits))
    other = inference.alone(interpretation.marginal_coefficients(solution.fits))
    title = "Population-averaged coefficients"
    columns = {
        "": list(own.index),
        "Subject-specific": column(own["estimate"]),
        "its std. error": column(own["std_error"]),
        "Population-averaged": column(other["estimate"]),
        "its std. error ": column(other["std_error"]),
    }
    text = (
        "The coefficients of the model compare rows of the same levels. Means averaged over the"
        " levels differ by others, as a rule smaller ones: coefficients of a model of the averages"
        " (Hedeker et al. 2018). They answer different questions, and both hold if the model does."
    )
    caption = "Coefficients given the random effects, and averaged over them"
    return join([tag("h3", title), paragraph(text), table(caption, columns)])
