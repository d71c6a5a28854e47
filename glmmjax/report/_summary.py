"""The summary of a fit, laid out as lme4's users expect to read it."""

import dataclasses
import html

import numpy as np

from ..fit import Solution
from ..inference import (
    aic,
    bic,
    coefficient_table,
    confint,
    covariance_of_terms,
    dispersion,
    fixef,
    varcorr,
)
from ..marginal import Exact
from ._table import format_number, format_p_value, lay_out

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


def summarise(solution: Solution, *, ratios: bool = False) -> Summary:
    """The summary; `ratios=True` adds the exponentiated coefficients with 95 % Wald intervals (log, logit, cloglog)."""
    parts = [_head(solution), _criteria(solution)]
    if solution.model.design.random:
        parts.append(_random(solution))
    parts.append(_sizes(solution))
    if solution.p:
        parts.append(_fixed(solution))
    if ratios and solution.p and solution.model.family.link.name in RATIOS:
        parts.append(_ratios(solution))
    parts.append(_status(solution))
    return Summary("\n\n".join(parts) + "\n")


def _head(solution: Solution) -> str:
    model = solution.model
    kind = "Linear" if model.is_linear else "Generalised linear"
    mixed = " mixed" if model.design.random else ""
    method = solution.method.describe() if model.design.random or model.is_linear else "maximum likelihood"
    lines = [
        f"{kind}{mixed} model fit by {method}",
        f" Family: {model.family.name} ({model.family.link.name})",
        f"Formula: {model.design.formula.text}",
    ]
    for label, name in (("Weights", model.design.weights_name), ("Offset", model.design.offset_name)):
        if name is not None:
            lines.append(f"{label:>7}: {'given as an array' if name.startswith('(') else name}")
    return "\n".join(lines)


def _criteria(solution: Solution) -> str:
    criterion = "REML crit." if solution.reml else "-2*log(L)"
    values = {
        "AIC": aic(solution),
        "BIC": bic(solution),
        "logLik": solution.loglik,
        criterion: -2 * solution.loglik,
    }
    cells = {name: [f"{value:.1f}"] for name, value in values.items()}
    return lay_out(cells | {"df.resid": [str(solution.model.nobs - solution.df)]})


def _random(solution: Solution) -> str:
    columns: dict[str, list[str]] = {"Groups": [], "Name": [], "Variance": [], "Std.Dev.": [], "Corr": []}
    for term, cov in covariance_of_terms(solution):
        sd = np.sqrt(np.diag(cov))
        for i, name in enumerate(term.names):
            columns["Groups"].append(term.formula.group if i == 0 else "")
            columns["Name"].append(name)
            columns["Variance"].append(format_number(cov[i, i]))
            columns["Std.Dev."].append(format_number(sd[i]))
            shown = term.formula.covariance != "diag"
            columns["Corr"].append(" ".join(_correlation(cov, i, j) for j in range(i)) if shown else "")
    for _, row in varcorr(solution).query("group == 'Residual'").iterrows():
        for name, cell in zip(columns, ("Residual", "", row.vcov, row.sdcor, ""), strict=True):
            columns[name].append(cell if isinstance(cell, str) else format_number(cell))
    if not any(columns["Corr"]):
        del columns["Corr"]
    return "Random effects:\n" + lay_out(columns, left=("Groups", "Name", "Corr"))


def _correlation(cov: np.ndarray, i: int, j: int) -> str:
    product = np.sqrt(cov[i, i] * cov[j, j])
    return f"{cov[i, j] / product:5.2f}" if product else "  NaN"


def _sizes(solution: Solution) -> str:
    model = solution.model
    line = f"Number of obs: {model.nobs}"
    if model.group is not None:
        line += f", groups: {model.group}, {len(model.levels)}"
    if model.design.dropped_rows:
        line += f" ({model.design.dropped_rows} rows with missing values dropped)"
    named = [f"{name} = {format_number(value)}" for name, value in dispersion(solution).items()]
    if named and not (model.family.name == "gaussian" and model.design.random):
        line += f"\nDispersion: {', '.join(named)}"
    return line


def _fixed(solution: Solution) -> str:
    table = coefficient_table(solution)
    letter = "t" if isinstance(solution.method, Exact) else "z"
    columns = {
        "": list(table.index),
        "Estimate": [format_number(v) for v in table.estimate],
        "Std. Error": [format_number(v) for v in table.std_error],
    }
    if letter == "t":
        columns["df"] = [f"{v:.1f}" for v in table.df]
    columns[f"{letter} value"] = [f"{v:.3f}" for v in table.statistic]
    columns[f"Pr(>|{letter}|)"] = [format_p_value(v) for v in table.p_value]
    text = "Fixed effects:\n" + lay_out(columns, left=("",))
    if solution.model.design.fixed.dropped:
        text += f"\nColumns dropped (linear combinations of others): {', '.join(solution.model.design.fixed.dropped)}"
    return text


def _ratios(solution: Solution) -> str:
    interval = confint(solution)
    columns = {
        "": list(interval.index),
        "exp(Estimate)": [format_number(v) for v in np.exp(fixef(solution))],
        "2.5 %": [format_number(v) for v in np.exp(interval["lower"])],
        "97.5 %": [format_number(v) for v in np.exp(interval["upper"])],
    }
    return f"{RATIOS[solution.model.family.link.name]}:\n" + lay_out(columns, left=("",))


def _status(solution: Solution) -> str:
    tail = f"Scaled gradient {solution.scaled_gradient:.1e} after {solution.evaluations} evaluations."
    return f"{solution.status.value}\n{tail}"
