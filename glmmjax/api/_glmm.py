"""Where everything begins: `glmm`, and `load` for what was kept."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._later import Later
from .._programs import let_programs_go
from ..assembly import mixed_model
from ..families import AbstractFamily
from ._model import Fit, Model

if TYPE_CHECKING:
    from .. import report
else:
    report = Later("glmmjax.report")


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
    """Describe a generalised linear mixed model, to be fitted, simulated from or differentiated.

    `gj.glmm("y ~ x + (1 | g)", data, "poisson").fit()` is a `gj.Fit`. The notation is in
    `help(glmmjax)`; the guides in `examples/` show each part of what follows.

    Args:
        formula: as in lme4: `"y ~ x + (1 + x | g)"`, any number of such terms, nested `(1 | a/b)`,
            `(1 | a:b)`, crossed `(1 | a) + (1 | b)`; `(x || g)` makes all columns independent,
            those of a categorical too; `offset(...)`. Covariance structures as in glmmTMB: `us diag
            homdiag cs homcs` and `rr(..., d=2)` of columns, `ar1(t | g)`, `hetar1`, `toep` of times
            that are whole steps apart, `ou(t | g)` of any times, `exp(x + y | g)`, `mat(x + y | g)`
            of points, `propto(1 | g, K)` for a known matrix. Smooths `s(x, k=10)`, `s(x, by=g)`.
            The fixed part is formulaic's (`C(...)`, `poly`, `bs`, `I(...)`, `scale`, NumPy as
            `np`), whose names the coefficients have. Powers are Python's, `I(age**2)`;
            categoricals, ordered ones too, have treatment contrasts. Binomial responses are
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
        ModelError: one sentence that names the column or argument at fault. It is a `ValueError`.

    Random effects:
        `model.plan` shows how they are taken. Factors that are nested in each other make a chain of
        small blocks, whose elimination fills nothing in; crossed factors, smooths and terms that
        couple all their levels are one dense matrix, reached through the pairs of levels that occur
        together. Where that matrix would have more than 10,000 rows, conjugate gradients and
        stochastic Lanczos quadrature take its place. The log-likelihood is then an estimate (off by
        0.3 of -3,752 with 300 x 200 levels and by 2 of -37,231 with 3,000 x 2,000, estimates by at
        most 1.3 % of a standard error, where both were computed), and standard errors come from
        differences of its gradients.

        Columns of a term that are zero in every row, as those of cells that do not occur, are
        dropped and named; so are columns of the fixed part that are linear combinations of others
        (`fit.dropped`). Terms that cannot be told apart are refused.

    Covariances:
        `ar1`, `hetar1`, `toep`: times that are numbers or a categorical. Times of `ou` and
        coordinates of `exp` and `mat` may differ from group to group; `ar1` and `ou` cost what
        their rows cost. `rr(0 + f | g, d=2)` has reduced rank. `fit.varcorr()` gives their
        parameters on natural scales: `rho`, and in a column `parameter` the `range` in units of the
        coordinates and the `smoothness`. Times and places that the model has not seen, in groups
        that it has, are predicted from the others (kriging) for `ar1`, `ou`, `exp`, `mat` and
        registered correlations. One of your own is a class `gj.AbstractCorrelation` under
        `gj.register_covariance`.

    Smooths:
        Natural cubic splines with `k` knots at quantiles, in the mixed-model form of
        Ruppert, Wand and Carroll (2003); with `by=g` a curve for each level of a factor, each with
        its own smoothing parameter. The curve belongs to the population: predictions of every level
        contain it, and simulated data keep it.

    Zeros and dispersion:
        Coefficients are `fit.fixef`, `fit.zi` and `fit.disp`; their tests and intervals
        `fit.coefficients("zi")` and `fit.confint(part="zi")`. Where all are in one table
        (`varcorr()`, `ranef()`, batches) names begin with `zi_` and `disp_`. `fit.predict` has
        kinds `conditional_mean` (without the extra zeros), `zero_probability` and `dispersion`. A
        part that the data do not need at all (no extra zeros, no extra variance) ends at infinity,
        which is a status of its own and leaves the other estimates valid.

    What is computed:
        Log-likelihoods keep all constants (lme4 drops some when `nAGQ > 1`). Standard errors of
        linear mixed models are lme4's, `sigma^2 (X'V^-1X)^-1`, and their t-tests have
        Satterthwaite's degrees of freedom; those of all other models come from the exact joint
        Hessian, as glmmTMB's. Fits compute in float64; `model.log_marginal` computes in the
        precision of whoever calls it, and `gj.float64()` is JAX's own context for that. Where a
        variance ends at zero, or is weakly determined, another search looks for a better maximum.

    Parts of data:
        `model.with_data(part)` is the same model of other rows, with the levels, knots, centres and
        scales of the first: `sum(model.with_data(part).log_marginal(p) for part in parts)` is
        `model.log_marginal(p)` for parts that split the groups.

    Machine:
        One huge model can have its groups shared among devices: `model.fit(devices=jax.devices())`.
        A large dense matrix is factored by LAPACK; on a machine that is busy with other things its
        threads and those of XLA wait for each other, at ten times the cost and more: start Python
        with `OPENBLAS_NUM_THREADS=1` there. Compiled programs take memory maps, of which Linux
        grants a process 65,530: this function clears JAX's caches before they run out.
    """
    let_programs_go()
    described = {"family": family, "link": link, "ziformula": ziformula, "dispformula": dispformula}
    given = {"weights": weights, "offset": offset, "matrices": matrices, "context": context}
    return Model(mixed_model(formula, data, **described, **given))


def load(path: str | os.PathLike, *, context: Mapping[str, Any] | None = None) -> Fit:
    """Read a fit that `Fit.save` wrote: a JSON file with the estimates, the data and what
    predictions need, of this version of the format or an older one.

    Args:
        path: of the file. Row labels and categories come back as they were.
        context: the functions and constants that the formulas of the fit use, as they were given to
            `glmm`; a file has no functions.

    Raises:
        ModelError: a file that is no fit, is damaged or was written by a newer version, and
            functions that are missing or give other columns.
    """
    return Fit(report.load_fit(path, context))
