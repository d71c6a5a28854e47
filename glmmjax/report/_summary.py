"""The summary of a fit, laid out as lme4's users expect to read it."""

import dataclasses
import html
from collections.abc import Callable

import numpy as np
import pandas as pd

from .._noted import in_lines
from ..assembly import MixedModel, components, prior_table
from ..design import Predictor, RandomPart, success_label
from ..families import innermost, is_hurdle
from ..fit import SINGULAR, Fits, Solution
from ..inference import aic, alone, bic, coefficient_table, confint, dispersion, fixef
from ._table import format_column, format_number, format_p_value, text_table

_LABELS = {"zi": "  Zeros", "disp": "   Disp"}
_PRIORS = 12  # lines of priors at most
RATIOS = {"logit": "Odds ratios", "log": "Ratios of means", "cloglog": "Hazard ratios"}


@dataclasses.dataclass(frozen=True)
class Summary:
    """A summary that prints as text, in a terminal and in a notebook."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text)}</pre>"


def summarise(fits: Fits, *, ratios: bool = False) -> Summary:
    """The summary; `ratios=True` adds the exponentiated coefficients with 95 % Wald intervals (log,
    logit, cloglog)."""
    solution = Solution(fits)
    parts = [part for section in SECTIONS for part in section(solution, ratios)]
    return Summary("\n\n".join(parts) + "\n")


def _head(solution: Solution) -> str:
    model = solution.model
    kind = "Linear" if model.is_linear else "Generalised linear"
    mixed = " mixed" if model.design.random else ""
    method = (
        solution.method.describe()
        if model.design.random or model.is_linear
        else f"{'' if model.priors is None else 'penalised '}maximum likelihood"
    )
    if model.family.traits.is_quasi:
        method = method.replace("likelihood", "quasi-likelihood")
    lines = [
        f"{kind}{mixed} model fit by {method}",
        f" Family: {innermost(model.family).name} ({model.family.link.name})",
        f"Formula: {model.design.formula.text}",
        *_response(model),
        *(f"{_LABELS[own.name]}: {own.formula.text}" for own in model.design.predictors[1:]),
    ]
    for label, name in (
        ("Weights", model.design.weights_name),
        ("Offset", model.design.offset_name),
    ):
        if name is not None:
            lines.append(f"{label:>7}: {'given as an array' if name.startswith('(') else name}")
    return "\n".join(lines)


def _response(model: MixedModel) -> list[str]:
    """What a success is, where the data say it in words."""
    design = model.design
    label = success_label(design.response_name, design.response_kind, design.frame)
    return [] if label is None else [f"Success: {design.response_name} is {label}"]


def _criteria(solution: Solution) -> str:
    if solution.model.family.traits.is_quasi:
        return (
            "Quasi-likelihood: standard errors times the square root of the dispersion"
            f" {format_number(solution.dispersion[0])} (Pearson);\nthere is no likelihood, so no"
            " AIC."
        )
    if np.isnan(solution.loglik):
        return "There is no log-likelihood to quote, and so no AIC: see below."
    criterion = "REML crit." if solution.method.is_restricted else "-2*log(L)"
    values = {
        "AIC": aic(solution.fits)[0],
        "BIC": bic(solution.fits)[0],
        "logLik": solution.loglik,
        criterion: -2 * solution.loglik,
    }
    cells = {name: [f"{value:.1f}"] for name, value in values.items()}
    return text_table(cells | {"df.resid": [str(solution.model.nobs - solution.df)]})


def _random(solution: Solution) -> str:
    rows: list[tuple[str, str, float, float, str]] = []
    for number, term in enumerate(solution.model.design.random):
        rows += _term_rows(solution, number, term)
    if solution.model.family.traits.has_residual:
        sigma = solution.dispersion[0]
        rows.append(("Residual", "", sigma**2, sigma, ""))
    groups, names, variances, deviations, correlations = zip(*rows, strict=True)
    columns = {
        "Groups": list(groups),
        "Name": list(names),
        "Variance": [format_number(v) for v in variances],
        "Std.Dev.": [format_number(v) for v in deviations],
        "Corr": list(correlations),
    }
    if not any(correlations):
        del columns["Corr"]
    lines = ["Random effects:", text_table(columns, left=("Groups", "Name", "Corr"))]
    for term in solution.model.design.random:
        if term.dropped:
            lines.append(
                f"Columns dropped from {term.formula.text} (zero in every row):"
                f" {', '.join(term.dropped)}"
            )
    return "\n".join(lines)


def _term_rows(
    solution: Solution, number: int, term: RandomPart
) -> list[tuple[str, str, float, float, str]]:
    """Group, name, variance, standard deviation, and in words the correlations with the effects
    above; parameters of a structured covariance stand beside its first effect."""
    sds: dict[str, float] = {}
    above: dict[str, list[str]] = {}
    own: list[str] = []
    for _, _, component in (found for found in components(solution.model) if found[0] == number):
        value = float(
            component.value(np.asarray(solution.params.theta[number]), solution.covariance[number])[
                1
            ]
        )
        if component.kind == "sd":
            sds[component.term1] = value
        elif component.kind == "cor" and component.term1 in sds and component.term2 in sds:
            above.setdefault(component.term2, []).append(
                f"{value:5.2f}" if np.isfinite(value) else "  NaN"
            )
        else:
            own.append(f"{component.term2} {value:.3g}")
    negligible = SINGULAR * (
        solution.dispersion[0] if solution.model.family.traits.has_residual else 1.0
    )
    # A singular fit ends near zero, not on it; z has the scale of the effect.
    size = (
        dict(zip(term.names, np.sqrt((term.z**2).mean(0)), strict=False))
        if term.position is None
        else {}
    )
    largest = max(size.values(), default=1.0)
    rows = []
    for i, (name, sd) in enumerate(sds.items()):
        sd = 0.0 if sd * size.get(name, largest) < negligible else sd
        words = [*above.get(name, []), *(own if i == 0 else [])]
        rows.append((term.formula.group if i == 0 else "", name, sd**2, sd, " ".join(words)))
    return rows


def group_sizes(model: MixedModel) -> dict[str, int]:
    """Number of levels of each grouping factor; those of `propto` are its effects, and a smooth has
    none."""
    written = (term for term in model.design.random if not term.is_smooth)
    return {t.formula.group: len(t.levels) if t.matrix is None else len(t.names) for t in written}


def _sizes(solution: Solution) -> str:
    model = solution.model
    line = f"Number of obs: {model.nobs}"
    groups = group_sizes(model)
    if groups:
        line += ", groups: " + "; ".join(f"{group}, {count}" for group, count in groups.items())
    if model.design.dropped_rows:
        line += f" ({model.design.dropped_rows} rows with missing values dropped)"
    named = [
        f"{name} = {format_number(value)}"
        for name, value in dispersion(solution.fits).iloc[0].items()
    ]
    if named and not (model.family.traits.has_residual and model.design.random):
        line += f"\nDispersion: {', '.join(named)}"
    return line


def _fixed(solution: Solution, own: Predictor, table: pd.DataFrame) -> str:
    letter = "z" if solution.method.covariance_of_fixed is None else "t"
    columns = {
        "": list(table.index),
        "Estimate": format_column(table.estimate),
        "Std. Error": format_column(table.std_error),
    }
    if letter == "t":
        columns["df"] = [f"{v:.1f}" for v in table.df]
    columns[f"{letter} value"] = [f"{v:.3f}" for v in table.statistic]
    columns[f"Pr(>|{letter}|)"] = [format_p_value(v) for v in table.p_value]
    text = f"{_title(solution.model, own)}:\n" + text_table(columns, left=("",))
    if own.fixed.dropped:
        text += f"\nColumns dropped (linear combinations of others): {', '.join(own.fixed.dropped)}"
    return text


def _title(model: MixedModel, own: Predictor) -> str:
    if own.name == "disp":
        return f"Dispersion model (log of {innermost(model.family).dispersion_names[0]})"
    if own.name == "zi":
        return (
            "Zero model (log odds)"
            if is_hurdle(model.family)
            else "Zero-inflation model (log odds)"
        )
    return "Fixed effects"


def _ratios(solution: Solution) -> str:
    interval = alone(confint(solution.fits))
    with np.errstate(over="ignore"):  # under separation an interval reaches infinity
        ratio, lower, upper = (
            np.exp(v) for v in (fixef(solution.fits).iloc[0], interval["lower"], interval["upper"])
        )
    columns = {
        "": list(interval.index),
        "exp(Estimate)": format_column(ratio),
        "2.5 %": format_column(lower),
        "97.5 %": format_column(upper),
    }
    return f"{RATIOS[solution.model.family.link.name]}:\n" + text_table(columns, left=("",))


def _status(solution: Solution) -> str:
    found = solution.fits.outcome
    tail = (
        f"Scaled gradient {found.scaled_gradient[0]:.1e} after {found.evaluations[0]} evaluations."
    )
    return f"{solution.message}\n{tail}"


def _tables(solution: Solution) -> list[str]:
    texts, words = [], ""
    for own in solution.model.design.predictors:
        if own.fixed.names:
            table = alone(coefficient_table(solution.fits, own.name))
            texts.append(_fixed(solution, own, table))
            words = f"\n{in_lines(table.attrs['method'])}"
    return [*texts[:-1], f"{texts[-1]}{words}"] if texts else []


def _priors(model: MixedModel) -> str:
    """What was taken, the defaults too; of many parameters the first."""
    found = prior_table(model)
    lines = text_table(
        {"": list(found.parameter)[:_PRIORS], " ": list(found.prior)[:_PRIORS]}, left=("", " ")
    ).splitlines()
    more = len(found) - _PRIORS
    rest = [f" and {more} more: fit.model.priors() has them"] if more > 0 else []
    return "\n".join(["Priors:", *lines[1:], *rest])


def _has_ratios(model: MixedModel) -> bool:
    return bool(model.design.fixed.names) and model.family.link.name in RATIOS


Section = Callable[[Solution, bool], list[str]]

SECTIONS: list[Section] = [
    lambda solution, _: [_head(solution), _criteria(solution)],
    lambda solution, _: [_random(solution)] if solution.model.design.random else [],
    lambda solution, _: [_sizes(solution)],
    lambda solution, _: [] if solution.model.priors is None else [_priors(solution.model)],
    lambda solution, _: _tables(solution),
    lambda solution, ratios: [_ratios(solution)] if ratios and _has_ratios(solution.model) else [],
    lambda solution, _: [_status(solution)],
]
"""The paragraphs of a summary, each a list of texts of a solution, with ratios or without: what a
new statistic has to say is a line here."""
