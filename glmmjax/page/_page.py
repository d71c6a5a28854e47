"""The whole page."""

import os
from typing import Any

import numpy as np

from .._errors import ModelError, check_share
from .._files import write_whole
from ..assembly import MixedModel
from ..families import innermost
from ..fit import Solution
from ..inference import aic, bic, check_type
from ._coefficients import averaged, coefficients, terms
from ._equation import equation
from ._html import Html, join, paragraph, section, table, tag
from ._numbers import figures
from ._pictures import WITHOUT, has_pictures, of_fixed_effects, of_random_effects, of_residuals
from ._settings import Settings
from ._style import STYLE
from ._variances import components, measures, overdispersion
from ._words import in_words

Section = tuple[str, str, list[Html]]
_UNFINISHED = (
    "The search did not end at a maximum of the likelihood, so the numbers below are where it"
    " stopped, and no estimates. What is made of estimates is left out: tests of terms, shares of"
    " variance, checks and pictures."
)


def write_page(fit: Any, path: str | os.PathLike, settings: Settings) -> None:
    """Write the page of a fit to a file, whole or not at all.

    Raises `ModelError` for settings that there are not, and a file that cannot be written.
    """
    text = page_of(fit, settings).encode()
    write_whole(path, lambda file: file.write(text))


def page_of(fit: Any, settings: Settings) -> Html:
    """The page of a fit as one document, which needs nothing else."""
    check_type(settings.anova)
    check_share("level", settings.level)
    if not (settings.title is None or isinstance(settings.title, str)):
        raise ModelError(f"title must be text, not {settings.title!r}.")
    solution = Solution(fit.fits)
    title = settings.title or _title(solution.model)
    shown = [own for own in _sections(fit, solution, settings) if any(own[2])]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    body = tag(
        "body",
        _header(solution, title, shown),
        tag("main", *(section(name, words, *parts) for name, words, parts in shown)),
        tag("footer", "Made by glmmjax. The page holds all that it shows, and loads nothing."),
    )
    return join([Html("<!DOCTYPE html>\n"), tag("html", head, body, lang="en"), "\n"])


def _sections(fit: Any, solution: Solution, settings: Settings) -> list[Section]:
    is_ok = bool(solution.fits.ok[0])
    model = [equation(solution.model), in_words(solution)]
    fixed = [coefficients(solution, settings)]
    random = [components(solution, settings)]
    checks: list[Html] = []
    if is_ok:
        fixed += [terms(solution, settings), averaged(solution, settings)]
    if is_ok and solution.model.design.random:
        random.append(measures(solution))
    if is_ok:
        checks.append(overdispersion(solution))
    if is_ok and has_pictures():
        fixed.append(of_fixed_effects(fit, solution, settings.level))
        random.append(of_random_effects(fit, solution, settings.level))
        checks.append(of_residuals(fit))
    elif is_ok:
        checks.append(paragraph(WITHOUT, class_="none"))
    name = "Random effects" if solution.model.design.random else "Dispersion"
    return [
        ("model", "The model", model),
        ("fixed", "Fixed effects", fixed),
        ("random", name, random),
        ("checks", "Checks", checks),
        ("fit", "The fit", _criteria(solution)),
    ]


def _title(model: MixedModel) -> str:
    kind = "Linear" if model.is_linear else "Generalised linear"
    mixed = "mixed model" if model.design.random else "model"
    return f"{kind} {mixed} of {model.design.response_name}"


def _header(solution: Solution, title: str, shown: list[Section]) -> Html:
    design, is_ok = solution.model.design, bool(solution.fits.ok[0])
    labels = {"disp": "Dispersion: ", "zi": "Zeros: "}
    formulas = [
        tag("p", labels.get(own.name), tag("code", own.formula.text), class_="formula")
        for own in design.predictors
    ]
    family = innermost(solution.model.family)
    law = paragraph(f"Family {family.name}, {family.link.name} link.", class_="formula")
    words = [paragraph(tag("strong", "How it ended. "), solution.message)]
    words += [] if is_ok else [paragraph(_UNFINISHED)]
    status = tag("div", *words, class_="status" if is_ok else "status failed")
    links = [tag("li", tag("a", words, href=f"#{name}")) for name, words, _ in shown]
    contents = tag("nav", tag("ul", *links), aria_label="Contents")
    return tag("header", tag("h1", title), *formulas, law, status, contents)


def _criteria(solution: Solution) -> list[Html]:
    found = solution.fits.outcome
    search = paragraph(
        f"The search took {found.evaluations[0]} evaluations of the likelihood and its gradient,"
        " and ended ",
        figures(f"{found.scaled_gradient[0]:.2g}"),
        " standard errors from where the gradient is zero, by the exact Hessian.",
    )
    if solution.model.family.traits.is_quasi:
        return [search, paragraph("A quasi-likelihood has no log-likelihood, and so no AIC.")]
    if np.isnan(solution.loglik):
        return [search, paragraph("There is no log-likelihood to quote, and so no AIC.")]
    return [search, _information(solution)]


def _information(solution: Solution) -> Html:
    name = "Restricted log-likelihood" if solution.method.is_restricted else "Log-likelihood"
    values = {
        name: f"{solution.loglik:.2f}",
        "AIC (smaller is better)": f"{aic(solution.fits)[0]:.2f}",
        "BIC (smaller is better)": f"{bic(solution.fits)[0]:.2f}",
        "Estimated parameters": str(solution.df),
        "Rows": str(solution.model.nobs),
    }
    columns = {"": list(values), "Value": [figures(own) for own in values.values()]}
    return table("Likelihood and information criteria", columns)
