"""Where everything begins: `glmm`, and `load` for what was kept."""

import os
from collections.abc import Mapping
from typing import Any

from .._programs import let_programs_go
from ..assembly import mixed_model
from ..families import AbstractFamily
from ..report import load_fit
from ._model import Fit, Model


def glmm(  # noqa: PLR0913 - the arguments of lme4 and glmmTMB, keyword-only
    formula: str,
    data: Any,
    family: str | AbstractFamily = "gaussian",
    *,
    link: str | None = None,
    ziformula: str | None = None,
    dispformula: str | None = None,
    weights: Any = None,
    offset: Any = None,
    matrices: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Model:
    """Describe a generalised linear mixed model.

    Args:
        formula: as in lme4: `"y ~ x + (1 + x | g)"`, any number of such terms, nested `(1 | a/b)`,
            `(1 | a:b)`, crossed `(1 | a) + (1 | b)`; `(x || g)` makes all columns independent,
            those of a categorical too; `offset(...)`. Covariance structures as in glmmTMB: `us diag
            homdiag cs homcs` and `rr(..., d=2)` of columns, `ar1(t | g)`, `hetar1`, `toep` of times
            that are whole steps apart, `ou(t | g)` of any times, `exp(x + y | g)`, `mat(x + y | g)`
            of points, `propto(1 | g, K)` for a known matrix. Smooths `s(x, k=10)`, `s(x, by=g)`.
            The fixed part is formulaic's (`C(...)`, `poly`, `bs`, `I(...)`). Binomial responses are
            `successes / trials` or `cbind(successes, failures)`; a binary one may be a categorical
            of two levels, of which the last is the success. Censored ones are `cens(y, status)`,
            the status none, right or left (0, 1, -1, or true for right), or `cens(y, status,
            upper)`, whose status may be interval (2), between y and upper, a column without gaps.
            Without a random term it is a GLM. Without a left-hand side, `"~ x + (1 | g)"`, it is a
            model to simulate from or to give responses to.
        data: pandas or polars DataFrame, pyarrow Table, or dict of arrays. Rows with missing values
            are dropped and counted. pandas Series, in a dict and as weights and offset, are paired
            by their row labels. Text is categories, unless it looks like numbers; dates can be
            grouping factors.
        family: a name, or a family with its link, such as `gj.Poisson(link="sqrt")`, or one of your
            own, `gj.CustomFamily(log_prob)`. The names are `gaussian`, `bernoulli`, `binomial`,
            `betabinomial`, `poisson`, `nbinom1`, `nbinom2`, `genpois`, `compois`,
            `truncated_poisson`, `truncated_nbinom1`, `truncated_nbinom2`, `gamma`,
            `inverse_gaussian`, `lognormal`, `tweedie`, `beta`, `ordbeta`, `student_t`,
            `skew_normal`; of ordered categories `cumulative`, `continuation_ratio` and
            `adjacent_category`; of responses that may be censored `censored_gaussian`,
            `censored_lognormal` and `weibull`; without a likelihood `quasipoisson` and
            `quasibinomial`.
        link: with the name of a family, its link if not the usual one: `family="poisson",
            link="sqrt"`.
        ziformula: a right-hand side such as `"~ x + (1 | g)"` for the log odds of a zero beside
            those of the family; of any zero where the family has none (truncated counts, positive
            numbers: a hurdle model).
        dispformula: a right-hand side for the logarithm of the family's first dispersion parameter,
            as `fit.dispersion` reports it (`sigma`, `phi`, ...).
        weights: prior weights, a column name or (n,) array. Gaussian: precisions (variance `sigma^2
            / weight`); other families: multipliers of the log density.
        offset: known part of the linear predictor, a column name or (n,) array; adds to
            `offset(...)` terms.
        matrices: for each term `propto(1 | g, K)` the matrix by its name, `{"K": ...}`: a DataFrame
            labelled by the levels of `g` (it may have more), or an array in their order.
        context: functions and constants of your own that the formulas use, by name: `{"dose":
            dose}` for `y ~ dose(x)`. A function takes columns and gives a number (or several
            columns) a row, each from that row alone, as it is called for the rows of `newdata` as
            well.

    Raises:
        ModelError: one sentence that names the column or argument at fault.
    """
    let_programs_go()
    described = {"family": family, "link": link, "ziformula": ziformula, "dispformula": dispformula}
    given = {"weights": weights, "offset": offset, "matrices": matrices, "context": context}
    return Model(mixed_model(formula, data, **described, **given))


def load(path: str | os.PathLike, *, context: Mapping[str, Any] | None = None) -> Fit:
    """Read a fit that `Fit.save` wrote.

    A file has no functions: `context` gives those that the formulas of the fit use, as it was given
    to `glmm`. Raises `ModelError` for a file that is no fit, and for functions that are missing or
    give other columns.
    """
    return Fit(load_fit(path, context))
