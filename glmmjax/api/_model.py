"""The objects a user holds, `Model`, `Fit` and `Batch`: each a set of one-line doors to the
functions behind them."""

import dataclasses
import functools
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd
from jaxtyping import Float

from .. import inference
from .._later import Later
from .._types import Array
from ..assembly import MixedModel, check_response, plan, prior_table, with_data, with_priors
from ..families import innermost
from ..fit import Fits, Solution, as_finite_params, as_params, fit_model, starting_values
from ..methods import AbstractMethod, choose_method, log_marginal
from ..model import Params
from ..prediction import curves_of, predict, simulate
from ..priors import Priors
from ._doors import AbstractDoors
from ._sampling import AbstractSampled
from ._stoppable import stoppable

if TYPE_CHECKING:
    from .. import batch as many
    from .. import page, report, study
else:
    many, page, report, study = (
        Later(f"glmmjax.{part}") for part in ("batch", "page", "report", "study")
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Model(AbstractSampled):
    """A model with its data, ready to be fitted or differentiated. Made by `gj.glmm`."""

    core: MixedModel

    def fit(
        self,
        method: AbstractMethod | None = None,
        *,
        reml: bool = False,
        priors: Priors | None = None,
        start: Params | None = None,
        devices: Sequence[Any] | None = None,
    ) -> "Fit":
        """Maximise the likelihood.

        Args:
            method: `gj.Laplace()` (default), `gj.AGHQ(points)`, or `gj.Exact()` (default for
                gaussian, identity link).
            reml: maximise the restricted likelihood, with the fixed effects integrated out:
                exactly for gaussian with identity link, else `gj.RestrictedLaplace()`, as
                glmmTMB's `REML = TRUE`. It takes away most of the bias of the variances where
                groups are few.
            priors: maximise the likelihood times these priors, `gj.Priors(...)`, of the parameters
                on their natural scales. Separation and variances at zero then end at finite
                estimates. Standard errors are those of a normal approximation of the posterior,
                `loglik` is the log-likelihood there, without the priors.
            start: parameters to start from, such as `other_fit.params`.
            devices: share the groups of one huge model among these, such as `jax.devices()`; by
                default one is used.
        """
        check_response(self.core)
        model = with_priors(self.core, priors)
        return Fit(fit_model(model, method, reml=reml, start=start, devices=devices))

    def priors(self, priors: Priors | None = None) -> pd.DataFrame:
        """The prior of each parameter on its natural scale, the weakly informative defaults where
        `priors` leaves them out: columns `parameter, prior`. Of `fit.model` they are those of the
        fit."""
        return prior_table(self.core, priors)

    def log_marginal(
        self, params: Params, method: AbstractMethod | None = None
    ) -> Float[Array, ""]:
        """Fully normalised log-likelihood: pure JAX, so `jit`, `grad`, `hessian` and `vmap` apply.

        It computes in the precision JAX is in; `with gj.float64():` around the call gives float64.
        """
        check_response(self.core)
        params = as_params(self.core, params, "params")
        return log_marginal(self.core.glmm, params, choose_method(self.core, method, reml=False))

    def start(self) -> Params:
        """Starting values: the model without random effects, and variances by moments."""
        check_response(self.core)
        return starting_values(self.core)

    def simulate(self, params: Params, n: int = 1, seed: int = 0) -> np.ndarray:
        """(n, nobs) responses drawn at `params` with new random effects; the model needs no
        response."""
        return simulate(self.core, as_finite_params(self.core, params, "params"), n, seed=seed)

    def params(
        self,
        *,
        fixef: Any,
        sd: Any = None,
        corr: Any = None,
        dispersion: Any = None,
        zi: Any = None,
        disp: Any = None,
    ) -> Params:
        """`gj.Params` of this model from numbers on natural scales, to simulate at or to start
        from.

        Args:
            fixef: every coefficient by name, on the scale of the linear predictor.
            sd: standard deviations of the random effects, also on that scale: a number for a single
                random column, else by name of the column.
            corr: their correlations by pair of names, `{("Intercept", "x"): 0.3}`, or a number for
                one pair; else zero.
            dispersion: the family's own parameters (`sigma`, `phi`): a number for a single one,
                else by name.
            zi, disp: every coefficient of the models for zeros and dispersion by name.

        Raises:
            ModelError: a name that is missing or unknown, or a number out of its range.
        """
        return study.natural_params(
            self.core, fixef=fixef, sd=sd, corr=corr, dispersion=dispersion, zi=zi, disp=disp
        )

    def with_data(self, newdata: Any) -> "Model":
        """The same model of the rows of `newdata`, which holds all columns, response and weights
        too: for parts of the data, or groups held out. Means, knots, contrasts, levels of fixed
        factors, positions are this model's."""
        return Model(with_data(self.core, newdata))

    @property
    def plan(self) -> str:
        """The structure chosen for the random effects, in words."""
        return plan(self.core)

    def __repr__(self) -> str:
        family = innermost(self.core.family)
        return (
            f"<Model {self.core.design.formula.text!r}, {family.name} ({family.link.name}),"
            f" {self.core.nobs} rows{'' if self.core.priors is None else ', with priors'}>"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Fit(AbstractDoors[float, bool, str, int, pd.Series]):
    """A fitted model. Made by `Model.fit`."""

    fits: Fits

    def _each(self, values):
        return values.tolist()[0]

    def _row(self, table, name):
        return inference.only_row(table, name)

    def _table(self, table):
        return inference.alone(table)

    @functools.cached_property
    def solution(self) -> Solution:
        """The numbers behind the tables, as arrays."""
        return Solution(self.fits)

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        return Model(self.fits.members.first)

    @property
    def params(self) -> Params:
        """Estimates on unconstrained scales, as `log_marginal` takes them."""
        return self.solution.params

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the fixed effects, from the joint Hessian; for a linear model `sigma^2
        (X'V^-1X)^-1`."""
        names = inference.part_names(self.fits.members.first, "mean")
        return pd.DataFrame(inference.vcov(self.fits)[0], index=names, columns=names)

    def sandwich(self, kind: str = "CR0") -> pd.DataFrame:
        """Covariance of the fixed effects from the scores of independent groups, which holds where
        the variances are not as the model has them: `CR0`, or `CR1` (times `G / (G - 1)`). A
        `ModelError` for crossed factors, which leave no independent groups."""
        names = inference.part_names(self.fits.members.first, "mean")
        first = inference.block(self.fits.members.first, "mean")
        found = inference.sandwich(self.fits, kind)[0, first, first]
        return pd.DataFrame(found, index=names, columns=names)

    @property
    def dispersion(self) -> dict[str, float]:
        """The family's own parameters on their natural scale; the `scale` of a quasi-likelihood."""
        return inference.dispersion(self.fits).iloc[0].to_dict()

    def predict(
        self,
        newdata: Any = None,
        level: str = "conditional",
        kind: str = "response",
        *,
        se=False,
        missing="nan",
    ) -> pd.Series | pd.DataFrame:
        """Predict the rows of `newdata` (default: those fitted), labelled as they are.

        Args:
            newdata: table with the columns of the formula; the response is not needed.
            level: `conditional` (given the conditional modes; zero for a level not seen; effects at
                new times or places of a known level from those that it has, by kriging),
                `population` (random effects of zero) or `marginal` (averaged over the random
                effects).
            kind: `response` (the mean), `link` (the linear predictor), `conditional_mean` (the mean
                without the extra zeros of `ziformula`), `zero_probability` (that of an extra zero)
                or `dispersion` (of `dispformula`).
            se: return a DataFrame `estimate, std_error` (delta method) instead of a Series.
            missing: `nan` (rows that miss a value are NaN, a missing level is one not seen) or
                `raise` to refuse both.
        """
        return predict(self.solution, newdata, level=level, kind=kind, se=se, missing=missing)

    def simulate(self, n: int = 1, seed: int = 0) -> np.ndarray:
        """(n, nobs) responses drawn from the fitted model with new random effects; smooths `s(x)`
        keep their curve."""
        return simulate(
            self.fits.members.first, self.params, n, seed=seed, curves=curves_of(self.solution)
        )

    def bootstrap(
        self,
        n: int = 1000,
        seed: int = 0,
        *,
        progress: bool | None = None,
        checkpoint: str | os.PathLike | None = None,
    ) -> "study.Bootstrap":
        """Parametric bootstrap: `n` draws from the fit, refitted by its method as a batch.

        Args:
            n, seed: number of draws, and the seed that makes them repeatable.
            progress, checkpoint: as for `gj.fit_many`.

        Raises:
            ModelError: the fit did not converge, or has prior weights from which nothing can be
                drawn.
            Interrupted: on Ctrl-C; its attribute `batch` holds the finished refits.
        """
        settings = many.Settings(progress=progress, checkpoint=checkpoint)
        with stoppable(Batch):
            refits = study.bootstrap(
                self.solution, study.Draws(n, seed), study.Refits(settings=settings)
            )
        original, estimates = study.truth(self.model.core, self.params), study.estimates(refits)
        return study.Bootstrap(original, estimates, inference.failures(refits), Batch(refits))

    def summary(self, *, ratios: bool = False) -> "report.Summary":
        """The summary; `ratios=True` adds odds ratios (ratios of means for a log link)."""
        return report.summarise(self.fits, ratios=ratios)

    def report(
        self,
        path: str | os.PathLike,
        *,
        title: str | None = None,
        anova: int = 2,
        profile: bool = False,
        level: float = 0.95,
    ) -> None:
        """Write one HTML page about the fit that needs nothing else: the model as an equation and
        in words, tables with what each test assumes, and pictures if matplotlib is there.

        Args:
            path: of the file.
            title: of the page.
            anova: type of the tests of terms, 2 or 3.
            profile: intervals by profiles of the likelihood instead of Wald's.
            level: of the intervals.

        Raises:
            ModelError: an argument that is none of these, or a file that cannot be written. What
                the model does not have, the page says.
        """
        page.write_page(self, path, page.Settings(title, anova, profile, level))

    def to_dict(self) -> dict[str, Any]:
        """Results as plain Python values for `json.dumps`; None for what is not finite."""
        return report.to_dict(self.fits)

    def save(self, path: str | os.PathLike) -> None:
        """Write the fit with its data to a JSON file that `gj.load` reads."""
        report.save_fit(self.fits, path)

    def __repr__(self) -> str:
        model = self.fits.members.first
        penalised = "" if model.priors is None else " with priors"
        return f"<Fit {model.design.formula.text!r}, {self._criterion}{penalised}: {self.status}>"

    @property
    def _criterion(self) -> str:
        if self.fits.members.first.family.traits.is_quasi:
            return "quasi-likelihood"
        return "no log-likelihood" if np.isnan(self.loglik) else f"loglik {self.loglik:.3f}"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


@dataclasses.dataclass(frozen=True, eq=False)
class Batch(AbstractDoors[np.ndarray, np.ndarray, np.ndarray, np.ndarray, pd.DataFrame], Sequence):
    """Fits of many models. Made by `fit_many` and `fit_by`.

    Arrays and tables have one row a member, NaN for members that failed; `batch[i]` is member `i`
    as an ordinary `Fit`, and `batch["name"]` the one of that name.
    """

    fits: Fits

    def _each(self, values):
        return values

    def _row(self, table, name):
        return inference.with_adjusted(table)

    def _table(self, table):
        return inference.with_adjusted(table)

    @property
    def names(self) -> pd.Index:
        """Labels of the members: numbers, columns of a table of responses, or levels of `by`."""
        return self.fits.index

    @property
    def vcov(self) -> np.ndarray:
        """(B, p, p) covariances of the fixed effects."""
        return inference.vcov(self.fits)

    def sandwich(self, kind: str = "CR0") -> np.ndarray:
        """(B, p, p) covariances of the fixed effects from the scores of independent groups, as of a
        `Fit`."""
        own = inference.block(self.fits.members.first, "mean")
        return inference.sandwich(self.fits, kind)[:, own, own]

    @property
    def dispersion(self) -> pd.DataFrame:
        """(B, k) the family's own parameters on their natural scale."""
        return inference.dispersion(self.fits)

    def to_frame(self) -> pd.DataFrame:
        """One row a member and coefficient.

        Columns `member, term, estimate, std_error, statistic, p_value, p_adjusted, status`;
        `p_adjusted` is Benjamini and Hochberg's, over the members within each term. Terms of
        `ziformula` and `dispformula` are called `zi_x` and `disp_x`.
        """
        return inference.tidy(self.fits)

    def to_parquet(self, path: str | os.PathLike) -> None:
        """Write `to_frame()` to a Parquet file; `ModelError` without pyarrow (the extra
        `parquet`)."""
        report.write_parquet(self.fits, path)

    def counts(self) -> pd.Series:
        """Number of members by status."""
        return inference.counts(self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    @overload
    def __getitem__(self, index: int | str) -> Fit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Fit]: ...

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if isinstance(index, str):
            return self[dict(zip(self.fits.members.names, range(len(self)), strict=True))[index]]
        return Fit(self.fits.alone(range(len(self))[index]))

    def __iter__(self) -> Iterator[Fit]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        ok, family = int(self.converged.sum()), innermost(self.fits.members.first.family)
        return f"<Batch of {len(self)} {family.name} models, {ok} converged>"
