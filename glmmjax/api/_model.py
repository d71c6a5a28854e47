"""The objects a user holds, `Model`, `Fit` and `Batch`: each a set of one-line doors to the
functions behind them."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pandas as pd
from jaxtyping import Float

from .. import batch as many
from .. import inference, study
from .._types import Array
from ..families import innermost
from ..fit import (
    Solution,
    as_finite_params,
    as_params,
    choose_method,
    dropped_columns,
    fit_model,
    starting_values,
)
from ..marginal import Method, log_marginal
from ..mixed import MixedModel, check_response, plan, with_data
from ..params import Params
from ..prediction import curves_of, predict, residuals, simulate
from ..report import Summary, save_solution, summarise, to_dict
from ._stoppable import stoppable
from ._tables import AbstractTables


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A model with its data, ready to be fitted or differentiated. Made by `gj.glmm`."""

    core: MixedModel

    def fit(
        self,
        method: Method | None = None,
        *,
        reml: bool = False,
        start: Params | None = None,
        devices: Sequence[Any] | None = None,
    ) -> "Fit":
        """Maximise the likelihood.

        Args:
            method: `gj.Laplace()` (default), `gj.AGHQ(points)`, or `gj.Exact()` (default for
                gaussian, identity link).
            reml: maximise the restricted likelihood (gaussian with identity link).
            start: parameters to start from, such as `other_fit.params`.
            devices: share the groups of one huge model among these, such as `jax.devices()`; by
                default one is used.
        """
        check_response(self.core)
        return Fit(fit_model(self.core, method, reml=reml, start=start, devices=devices))

    def log_marginal(self, params: Params, method: Method | None = None) -> Float[Array, ""]:
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
            f" {self.core.nobs} rows>"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model. Made by `Model.fit`."""

    solution: Solution

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        return Model(self.solution.model)

    @property
    def params(self) -> Params:
        """Estimates on unconstrained scales, as `log_marginal` takes them."""
        return self.solution.params

    @property
    def loglik(self) -> float:
        """Fully normalised log-likelihood; the restricted one after REML. NaN for a
        quasi-likelihood, where it has no upper bound, and where the search broke off."""
        return self.solution.loglik

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return inference.aic(self.solution)

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return inference.bic(self.solution)

    @property
    def df(self) -> int:
        """Number of estimated parameters."""
        return self.solution.df

    @property
    def nobs(self) -> int:
        """Number of observations with a positive weight."""
        return self.solution.model.nobs

    @property
    def converged(self) -> bool:
        """Whether the estimates are a certified maximum (a singular fit is one)."""
        return self.solution.status.ok

    @property
    def status(self) -> str:
        """How the fit ended, in sentences that say what to do: a `gj.Status`, all else that holds,
        and which parameters went where."""
        return self.solution.message

    @property
    def scaled_gradient(self) -> float:
        """Distance to the maximum in standard errors, by the exact Hessian."""
        return self.solution.scaled_gradient

    @property
    def fixef(self) -> pd.Series:
        """Fixed effects by coefficient name."""
        return inference.fixef(self.solution)

    @property
    def zi(self) -> pd.Series:
        """Coefficients of the model for extra zeros (`ziformula`), on the logit scale, by name;
        empty without one."""
        return inference.other_coefficients(self.solution, "zi")

    @property
    def disp(self) -> pd.Series:
        """Coefficients of the dispersion model (`dispformula`), on the log scale, by name; empty
        without one."""
        return inference.other_coefficients(self.solution, "disp")

    @property
    def dropped(self) -> list[str]:
        """Columns of the fixed effects that were linear combinations of others, and have no
        coefficient. Those of `ziformula` and `dispformula` are called `zi_x` and `disp_x`."""
        return dropped_columns(self.solution.model)

    @property
    def std_errors(self) -> pd.Series:
        """Standard errors of the fixed effects by coefficient name; those of `zi` and `disp` are in
        `coefficients`."""
        return inference.std_errors(self.solution)

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the fixed effects, from the joint Hessian; for a linear model `sigma^2
        (X'V^-1X)^-1`."""
        return inference.vcov(self.solution)

    @property
    def dispersion(self) -> dict[str, float]:
        """The family's own parameters on their natural scale; the `scale` of a quasi-likelihood."""
        return inference.dispersion(self.solution)

    def coefficients(self, part: str = "mean") -> pd.DataFrame:
        """Fixed effects of a linear predictor (`mean`, `zi` or `disp`) with standard errors, tests
        and degrees of freedom."""
        return inference.coefficient_table(self.solution, part)

    def varcorr(self) -> pd.DataFrame:
        """Variances and correlations of the random effects: `group, term1, term2, vcov, sdcor`, and
        `parameter` for a `range` and the like."""
        return inference.varcorr(self.solution)

    def ranef(self) -> pd.DataFrame:
        """Conditional modes of the random effects: `group, level, term, mode, std_error`."""
        return inference.ranef(self.solution)

    def confint(
        self, method: str = "wald", level: float = 0.95, part: str = "mean"
    ) -> pd.DataFrame:
        """Confidence intervals of the fixed effects of a linear predictor (`mean`, `zi` or `disp`):
        `lower, upper`."""
        return inference.confint(self.solution, method=method, level=level, part=part)

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

    def residuals(self, kind: str = "pearson") -> pd.Series:
        """Residuals given the conditional modes: `pearson` (over the standard deviation) or
        `response` (`y - mu`)."""
        return residuals(self.solution, kind)

    def simulate(self, n: int = 1, seed: int = 0) -> np.ndarray:
        """(n, nobs) responses drawn from the fitted model with new random effects; smooths `s(x)`
        keep their curve."""
        return simulate(
            self.solution.model, self.solution.params, n, seed=seed, curves=curves_of(self.solution)
        )

    def bootstrap(
        self,
        n: int = 1000,
        seed: int = 0,
        *,
        progress: bool | None = None,
        checkpoint: str | os.PathLike | None = None,
    ) -> study.Bootstrap:
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
        return study.Bootstrap(original, estimates, study.failures(refits), Batch(refits))

    def summary(self, *, ratios: bool = False) -> Summary:
        """The summary; `ratios=True` adds odds ratios (ratios of means for a log link)."""
        return summarise(self.solution, ratios=ratios)

    def to_dict(self) -> dict[str, Any]:
        """Results as plain Python values for `json.dumps`; None for what is not finite."""
        return to_dict(self.solution)

    def save(self, path: str | os.PathLike) -> None:
        """Write the fit with its data to a JSON file that `gj.load` reads."""
        save_solution(self.solution, path)

    def __repr__(self) -> str:
        return (
            f"<Fit {self.solution.model.design.formula.text!r}, {self._criterion}: {self.status}>"
        )

    @property
    def _criterion(self) -> str:
        if self.solution.model.family.traits.is_quasi:
            return "quasi-likelihood"
        return "no log-likelihood" if np.isnan(self.loglik) else f"loglik {self.loglik:.3f}"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


@dataclasses.dataclass(frozen=True, eq=False)
class Batch(AbstractTables):
    """Fits of many models. Made by `fit_many` and `fit_by`.

    Arrays and tables have one row a member, NaN for members that failed; `batch[i]` is member `i`
    as an ordinary `Fit`, and `batch["name"]` the one of that name.
    """

    solution: many.BatchSolution

    def __len__(self) -> int:
        return len(self.solution.members)

    @overload
    def __getitem__(self, index: int | str) -> Fit: ...

    @overload
    def __getitem__(self, index: slice) -> list[Fit]: ...

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if isinstance(index, str):
            numbers = dict(zip(self.solution.members.names, range(len(self)), strict=True))
            return self[numbers[index]]
        number = range(len(self))[index]
        return Fit(self.solution.solution(number))

    def __iter__(self) -> Iterator[Fit]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        ok = int(self.converged.sum())
        return (
            f"<Batch of {len(self)} {innermost(self.solution.members.first.family).name} models,"
            f" {ok} converged>"
        )
