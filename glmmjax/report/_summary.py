"""The summary of a fit, laid out as lme4's users expect to read it."""

import dataclasses
import html

import numpy as np

from ..design import RandomPart
from ..fit import SINGULAR, Solution
from ..inference import (
    aic,
    bic,
    coefficient_table,
    confint,
    covariance_of_terms,
    dispersion,
    fixef,
)
from ..marginal import Exact
from ._table import format_column, format_number, format_p_value, lay_out

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
    rows: list[tuple[str, str, float, float, str]] = []
    for term, cov in covariance_of_terms(solution):
        sd = np.where(_is_negligible(solution, term, cov), 0.0, np.sqrt(np.diag(cov)))
        shown = term.formula.covariance != "diag"
        for i, name in enumerate(term.names):
            corr = " ".join(_correlation(cov, sd, i, j) for j in range(i)) if shown else ""
            rows.append((term.formula.group if i == 0 else "", name, sd[i] ** 2, sd[i], corr))
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
    return "Random effects:\n" + lay_out(columns, left=("Groups", "Name", "Corr"))


def _is_negligible(solution: Solution, term: RandomPart, cov: np.ndarray) -> np.ndarray:
    """Whether each variance is zero but for rounding: a singular fit ends near zero, not on it."""
    scale = solution.dispersion[0] if solution.model.family.traits.has_residual else 1.0
    return np.sqrt(np.diag(cov) * (term.z**2).mean(0)) < SINGULAR * scale


def _correlation(cov: np.ndarray, sd: np.ndarray, i: int, j: int) -> str:
    return f"{cov[i, j] / (sd[i] * sd[j]):5.2f}" if sd[i] and sd[j] else "  NaN"


def _sizes(solution: Solution) -> str:
    model = solution.model
    line = f"Number of obs: {model.nobs}"
    if model.group is not None:
        line += f", groups: {model.group}, {len(model.levels)}"
    if model.design.dropped_rows:
        line += f" ({model.design.dropped_rows} rows with missing values dropped)"
    named = [f"{name} = {format_number(value)}" for name, value in dispersion(solution).items()]
    if named and not (model.family.traits.has_residual and model.design.random):
        line += f"\nDispersion: {', '.join(named)}"
    return line


def _fixed(solution: Solution) -> str:
    table = coefficient_table(solution)
    letter = "t" if isinstance(solution.method, Exact) else "z"
    columns = {
        "": list(table.index),
        "Estimate": format_column(table.estimate),
        "Std. Error": format_column(table.std_error),
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
    with np.errstate(over="ignore"):  # under separation an interval reaches infinity
        ratio, lower, upper = (np.exp(v) for v in (fixef(solution), interval["lower"], interval["upper"]))
    columns = {
        "": list(interval.index),
        "exp(Estimate)": format_column(ratio),
        "2.5 %": format_column(lower),
        "97.5 %": format_column(upper),
    }
    return f"{RATIOS[solution.model.family.link.name]}:\n" + lay_out(columns, left=("",))


def _status(solution: Solution) -> str:
    tail = f"Scaled gradient {solution.scaled_gradient:.1e} after {solution.evaluations} evaluations."
    return f"{solution.status.value}\n{tail}"
