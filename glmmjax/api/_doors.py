"""What a fit and a batch both answer, each by the same function: a `Fit` shows the only row, a
`Batch` one row a member."""

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import pandas as pd

from .. import inference
from .._later import Later
from ..fit import Fits, dropped_columns
from ._profile import Profile, profile

if TYPE_CHECKING:
    from .. import diagnostics, interpretation, study
else:
    diagnostics, interpretation, study = (
        Later(f"glmmjax.{part}") for part in ("diagnostics", "interpretation", "study")
    )

Number = TypeVar("Number")
Flag = TypeVar("Flag")
Words = TypeVar("Words")
Count = TypeVar("Count")
Row = TypeVar("Row")


class AbstractDoors(abc.ABC, Generic[Number, Flag, Words, Count, Row]):
    """Numbers and tables of fits. A `Batch` has (B,) arrays where a `Fit` has one number, tables
    with a row a member where it has a series, and a first column or index level `member` in
    tables; members that failed are NaN there, or have no rows in tables whose rows are of data."""

    fits: Fits

    @abc.abstractmethod
    def _each(self, values: np.ndarray) -> Any:
        """A number a member."""

    @abc.abstractmethod
    def _row(self, table: pd.DataFrame, name: str) -> Any:
        """Numbers by the names of columns, a row a member."""

    @abc.abstractmethod
    def _table(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with several rows a member."""

    def _progress(self, wanted: bool | None) -> bool | None:
        """One fit is not waited for, unless somebody wants to see it."""
        return False if wanted is None and self.fits.members.is_alone else wanted

    @property
    def loglik(self) -> Number:
        """Fully normalised log-likelihood; the restricted one after REML. NaN for a
        quasi-likelihood, where it has no upper bound, and where the search broke off; under
        separation it is the one that is approached."""
        return self._each(self.fits.reported.loglik)

    @property
    def aic(self) -> Number:
        """Akaike's criterion."""
        return self._each(inference.aic(self.fits))

    @property
    def bic(self) -> Number:
        """Schwarz's criterion."""
        return self._each(inference.bic(self.fits))

    @property
    def df(self) -> int:
        """Number of estimated parameters (of each member)."""
        return self.fits.df

    @property
    def nobs(self) -> Count:
        """Number of observations with a positive weight."""
        return self._each(self.fits.members.nobs)

    @property
    def converged(self) -> Flag:
        """Whether the estimates are a certified maximum (a singular fit is one)."""
        return self._each(self.fits.ok)

    @property
    def status(self) -> Words:
        """How the fit ended, in sentences that say what to do: a `gj.Status`, all else that holds,
        and which parameters went where."""
        return self._each(self.fits.messages)

    @property
    def scaled_gradient(self) -> Number:
        """Distance to the maximum in standard errors, by the exact Hessian."""
        return self._each(self.fits.outcome.scaled_gradient)

    @property
    def gradient_norm(self) -> Number:
        """Euclidean norm of the gradient of the log-likelihood in the coordinates of the search."""
        return self._each(np.linalg.norm(self.fits.outcome.gradient, axis=1))

    @property
    def iterations(self) -> Count:
        """Outer iterations: evaluations of the log-likelihood and its gradient."""
        return self._each(self.fits.outcome.evaluations)

    @property
    def dropped(self) -> list[str]:
        """Columns of the fixed effects that were linear combinations of others, and have no
        coefficient. Those of `ziformula` and `dispformula` are called `zi_x` and `disp_x`."""
        return dropped_columns(self.fits.members.first)

    @property
    def fixef(self) -> Row:
        """Fixed effects by coefficient name."""
        return self._row(inference.fixef(self.fits), "estimate")

    @property
    def std_errors(self) -> Row:
        """Standard errors of the fixed effects by coefficient name; those of `zi` and `disp` are in
        `coefficients`."""
        return self._row(inference.std_errors(self.fits), "std_error")

    @property
    def zi(self) -> Row:
        """Coefficients of the model for extra zeros (`ziformula`), on the logit scale, by name;
        empty without one."""
        return self._row(inference.other_coefficients(self.fits, "zi"), "estimate")

    @property
    def disp(self) -> Row:
        """Coefficients of the dispersion model (`dispformula`), on the log scale, by name; empty
        without one."""
        return self._row(inference.other_coefficients(self.fits, "disp"), "estimate")

    def coefficients(self, part: str = "mean", *, ddf: str | None = None) -> pd.DataFrame:
        """Fixed effects of a linear predictor (`mean`, `zi` or `disp`) with standard errors, tests
        and degrees of freedom: `estimate, std_error, statistic, df, p_value`.

        Args:
            part: the linear predictor.
            ddf: degrees of freedom of the t-tests: `satterthwaite` (default for linear models),
                `kenward-roger` (linear models), `between-within`, or `normal`, infinite ones
                (default for all others).
        """
        return self._table(inference.coefficient_table(self.fits, part, ddf))

    def confint(  # noqa: PLR0913 - keyword-only settings
        self,
        method: str = "wald",
        level: float = 0.95,
        parm: str | Sequence[str] = "fixed",
        *,
        part: str = "mean",
        ddf: str | None = None,
        n: int = 1000,
        seed: int = 0,
        progress: bool | None = None,
    ) -> pd.DataFrame:
        """Confidence intervals `lower, upper` of parameters on their natural scales.

        Args:
            method: `wald` (standard errors, of a standard deviation on the scale of its logarithm,
                of a correlation of its inverse hyperbolic tangent), `profile` (where twice the
                log-likelihood, maximised over all other parameters, has fallen by the quantile of
                chi-squared) or `bootstrap` (quantiles of parametric refits). A profile that meets a
                bound ends there: a standard deviation at zero, `phi` of nbinom2 at infinity.
            level: of confidence.
            parm: `fixed` (the coefficients of `part`), `random` (all but coefficients), `all`, or
                names: coefficients, `sd(x|g)`, `cor(x,z|g)`, `sigma`, `phi`, `zi_x`, `disp_x`.
            part: `mean`, `zi` or `disp`.
            ddf: as for `coefficients`; Wald intervals of coefficients are of their t-tests.
            n, seed: draws of each member's bootstrap, and the seed that makes them repeatable.
            progress: show a bar of profiles; by default of a batch, on a terminal and in notebooks.

        Raises:
            ModelError: an unknown name, a level outside of (0, 1), or a profile of a restricted
                likelihood (REML) or quasi-likelihood, which have none.
        """
        if method == "bootstrap":
            names = [own.name for own in inference.chosen(self.fits.members.first, parm, part)]
            draws = study.Draws(n, seed)
            return self._table(study.bootstrap_intervals(self.fits, level, names, draws))
        settings = {"parm": parm, "part": part, "ddf": ddf, "progress": self._progress(progress)}
        return self._table(inference.confint(self.fits, method=method, level=level, **settings))

    def contrast(
        self, given: Any, rhs: Any = 0.0, *, part: str = "mean", ddf: str | None = None
    ) -> pd.DataFrame:
        """Tests of linear combinations of coefficients: `estimate, std_error, statistic, df,
        p_value`.

        Args:
            given: weights by name, `{"x": 1, "z": -1}`, several such by a name of their own, or a
                matrix with a column a coefficient.
            rhs: what they are tested against.
            part, ddf: as for `coefficients`.
        """
        return self._table(inference.contrast(self.fits, given, rhs, part=part, ddf=ddf))

    def anova(
        self,
        type: int = 2,
        test: str | None = None,
        *,
        part: str = "mean",
        progress: bool | None = None,
    ) -> pd.DataFrame:
        """A test of each term of the fixed effects: `statistic, df, df_denom, p_value`.

        Args:
            type: 2 (a term given those that do not contain it) or 3 (given all others; of terms
                with interactions it depends on the contrasts of the factors).
            test: `satterthwaite` (F; default for linear models), `wald` (chi-squared; default for
                all others), `lrt` (likelihood ratio, by a fit without the term), `kenward-roger`
                (F, for linear models by REML) or `between-within` (F).
            part: the linear predictor.
            progress: show a bar of refits; by default of a batch, on a terminal and in notebooks.
        """
        if test == "lrt":
            shown = self._progress(progress)
            found = study.anova_by_refits(self.fits, type=type, part=part, progress=shown)
            return self._table(found)
        return self._table(inference.anova(self.fits, type=type, test=test, part=part))

    def means(  # noqa: PLR0913 - keyword-only settings
        self,
        specs: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        kind: str = "link",
        *,
        at: Mapping[str, Any] | None = None,
        part: str = "mean",
        level: float = 0.95,
        ddf: str | None = None,
    ) -> inference.Means:
        """Estimated marginal means of the levels of factors, at random effects of zero: `estimate,
        std_error, df, lower, upper`. `.pairs(adjust="tukey" | "holm" | "none")` compares them.

        The linear predictor is averaged over a balanced grid: all combinations of the levels of the
        other factors, numeric variables (and offsets) at their means. What the data do not
        determine, because cells are empty, is NaN.

        Args:
            specs: variable or variables whose levels are compared.
            by: variables within whose levels they are compared.
            kind: `link`, or `response` for means of the response (without extra zeros), and their
                intervals, at the estimated dispersion.
            at: values of variables to take instead of their levels or means, `{"x": [0, 1]}`.
            part, ddf: as for `coefficients`.
            level: of the intervals.

        Raises:
            ModelError: a variable that the fixed effects do not use, or ordered categories.
        """
        settings = {"kind": kind, "at": at, "part": part, "level": level, "ddf": ddf}
        return inference.means(self.fits, specs, by, **settings)

    def profile(
        self, parm: str | Sequence[str] = "all", *, progress: bool | None = None
    ) -> Profile:
        """Profiles of the log-likelihood: for each parameter its maximum over all others where it
        is held, with the signed root `zeta` of twice the loss.

        Args:
            parm, progress: as for `confint`.

        Raises:
            ModelError: an unknown name, or a restricted likelihood or quasi-likelihood.
        """
        return profile(self.fits, parm, self._progress(progress))

    def varcorr(self) -> pd.DataFrame:
        """Variances and correlations of the random effects: `group, term1, term2, vcov, sdcor`, and
        `parameter` for a `range` and the like."""
        return self._table(inference.varcorr(self.fits))

    def ranef(self) -> pd.DataFrame:
        """Conditional modes of the random effects: `group, level, term, mode, std_error`."""
        return self._table(inference.ranef(self.fits))

    def residuals(self, kind: str = "pearson", *, effects: str = "new", seed: int = 0) -> pd.Series:
        """Residuals of the rows that were fitted; of a batch with a first index level `member`.

        Args:
            kind: `pearson` (over the standard deviation), `response` (`y - mu`) or `deviance`,
                given the conditional modes; or `quantile`, standard normal if the model holds, by
                the exact distribution functions where the family has them. `attrs["method"]` of
                such says how they were made.
            effects: for `quantile`: `new` (averaged over the random effects), `given` (the
                conditional modes) or `drawn` (from their distribution given the data, which makes
                residuals independent).
            seed: of what is drawn: within the jumps of a distribution function, and random effects.
        """
        found = diagnostics.residuals_each(self.fits, kind, effects=effects, seed=seed)
        return self._table(found).pop("residual")

    def residual_tests(self, by: str | None = None, *, seed: int = 0) -> pd.DataFrame:
        """Tests of the quantile residuals, given random effects drawn from their distribution given
        the data, for which they are independent: `test` (`uniformity`, `dispersion`, `outliers`),
        `statistic, p_value`.

        Args:
            by: a grouping factor, or a column of the data: a test of each `level`, whose
                `p_adjusted` are Benjamini and Hochberg's over the levels of a test.
            seed: of what is drawn.
        """
        return self._table(diagnostics.residual_tests(self.fits, by, seed=seed))

    def effective_df(self) -> Row:
        """Effective degrees of freedom: `fixed` (coefficients), `total` (the trace of the hat
        matrix of fixed and random effects, at the working weights), `bound` (coefficients plus
        random effects, what it would be without shrinkage), and the share of each random term."""
        return self._row(diagnostics.effective_df(self.fits), "effective_df")

    def leverage(self) -> pd.Series:
        """How much each fitted value follows its own response: the diagonal of the hat matrix of
        fixed and random effects, at the working weights; a number a row, NaN for rows of weight
        zero. Its sum is `effective_df()["total"]`."""
        return self._table(diagnostics.leverage(self.fits)).pop("leverage")

    def overdispersion(self, n: int = 1000, seed: int = 0) -> Row:
        """Pearson's dispersion given the conditional modes, `statistic` (one if the model holds),
        over `df` (observations less effective degrees of freedom), and `p_value`: how often `n`
        data sets simulated with the same random effects have a larger one. `attrs["method"]` says
        so. `gj.overdispersion(fit)` shows models with more variance."""
        return self._row(diagnostics.overdispersion(self.fits, n, seed), "overdispersion")

    def zero_inflation(self, n: int = 1000, seed: int = 0) -> Row:
        """Whether there are more zeros than the model has them: their number `observed`, the number
        `expected` given the conditional modes, their `ratio`, and `p_value`: how often `n` data
        sets simulated with the same random effects have as many or more. `attrs["method"]` says so.

        Raises:
            ModelError: a response that is zero with no probability of its own, or prior weights.
        """
        return self._row(diagnostics.zero_inflation(self.fits, n, seed), "zero_inflation")

    def diagnose(self) -> "diagnostics.Diagnosis":
        """What there is to look at, in sentences, the most serious first: how the search ended,
        variances at zero and correlations at one, flat directions, near separation,
        overdispersion, extra zeros, influential groups, few levels, few rows a level,
        collinearity, scales. Each names the parameter and says what to do; `.table` has columns
        `check, parameter, sentence`, and a batch a first column `member`. `.checked` names the
        checks that were made: one that is not offered for a model is left out."""
        return diagnostics.diagnose(self.fits)

    def caic(self) -> Row:
        """The conditional Akaike criterion, of predictions for the groups in the data: `loglik`
        given the random effects, `df` and `caic`. Degrees of freedom (how fast fitted means follow
        responses) take in that everything is estimated. For linear models, and binomial, Bernoulli
        and Poisson ones."""
        return self._row(diagnostics.caic(self.fits), "caic")

    def marginal_coefficients(self) -> pd.DataFrame:
        """Population-averaged coefficients, where those of the model are subject-specific:
        `estimate, std_error`."""
        return self._table(interpretation.marginal_coefficients(self.fits))

    def icc(self) -> Row:
        """Intraclass correlations on the scale of the link: `adjusted` (all random terms, given the
        fixed part), `unadjusted`, and each term's."""
        return self._row(interpretation.icc(self.fits), "icc")

    def r2(self) -> Row:
        """Nakagawa's R2 on the scale of the link: `marginal` (fixed part), `conditional` (fixed and
        random part)."""
        return self._row(interpretation.r2(self.fits), "r2")

    def median_odds_ratio(self) -> Row:
        """The median odds ratio (ratio of means with a log link) of two levels drawn at random, a
        random term."""
        return self._row(interpretation.median_odds_ratio(self.fits), "median_odds_ratio")

    def partial_pooling(self, group: str) -> pd.DataFrame:
        """What partial pooling does to the levels of a grouping factor: the coefficient of each
        level by its own rows alone (`none`), by the model (`partial`), and as if all levels were
        one (`complete`), with standard errors and the number of rows. A level whose rows have no
        maximum, such as events only, is infinite by itself."""
        return self._table(interpretation.partial_pooling(self.fits, group))

    def influence(
        self, by: str = "observation", *, exact: bool = False, progress: bool | None = None
    ) -> pd.DataFrame:
        """How much each parameter would change without each level of a grouping factor, or each
        observation, and `cook`, Cook's distance of the fixed effects.

        Args:
            by: a grouping factor, or `observation`.
            exact: by refits without these rows (a batch), instead of by the derivative of the
                estimates by the weights of the rows.
            progress: show a bar; by default of a batch, on a terminal and in notebooks.
        """
        shown = self._progress(progress)
        return self._table(study.influence(self.fits, by, exact=exact, progress=shown))
