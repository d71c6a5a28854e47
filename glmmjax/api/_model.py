"""The objects a user holds: a `Model` and a `Fit`, each a set of one-line doors to the functions behind them."""

import dataclasses
import os
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._types import Array
from ..families import AbstractFamily
from ..fit import Solution, check_params, choose_method, fit_model, starting_values
from ..inference import (
    aic,
    bic,
    coefficient_table,
    confint,
    dispersion,
    fixef,
    ranef,
    std_errors,
    varcorr,
    vcov,
)
from ..marginal import Method, log_marginal
from ..mixed import MixedModel, check_response, mixed_model, plan
from ..params import Params
from ..prediction import predict, simulate
from ..report import Summary, load_solution, save_solution, summarise, to_dict


def glmm(  # noqa: PLR0913 - the arguments of lme4 and glmmTMB, keyword-only
    formula: str,
    data: Any,
    family: str | AbstractFamily = "gaussian",
    *,
    ziformula: str | None = None,
    dispformula: str | None = None,
    weights: Any = None,
    offset: Any = None,
) -> "Model":
    """Describe a generalised linear mixed model.

    Args:
        formula: as in lme4: `"y ~ x + (1 + x | g)"`, `(x || g)` for uncorrelated effects, `(1 | a:b)`, `offset(...)`.
            The fixed part is formulaic's (`C(...)`, `poly`, `bs`, `I(...)`). Binomial responses are
            `successes / trials` or `cbind(successes, failures)`. Without a random term it is a GLM. Without a
            left-hand side, `"~ x + (1 | g)"`, it is a model to simulate from or to give responses to.
        data: pandas or polars DataFrame, pyarrow Table, or dict of arrays. Rows with missing values are dropped and
            counted.
        family: a name (`gaussian`, `bernoulli`, `binomial`, `poisson`, `gamma`, `nbinom2`) or a family with
            its link, such as `gj.Poisson(link="sqrt")`.
        ziformula, dispformula: models for extra zeros and for the dispersion; not in this version.
        weights: prior weights, a column name or (n,) array. Gaussian: precisions (variance `sigma^2 / weight`); other
            families: multipliers of the log density.
        offset: known part of the linear predictor, a column name or (n,) array; adds to `offset(...)` terms.

    Raises:
        ModelError: one sentence that names the column or argument at fault.
    """
    for name, given in (("ziformula", ziformula), ("dispformula", dispformula)):
        if given is not None:
            raise ModelError(f"{name} is not supported in this version.")
    return Model(mixed_model(formula, data, family=family, weights=weights, offset=offset))


def load(path: str | os.PathLike) -> "Fit":
    """Read a fit that `Fit.save` wrote."""
    return Fit(load_solution(path))


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A model with its data, ready to be fitted or differentiated. Made by `glmm`."""

    core: MixedModel

    def fit(self, method: Method | None = None, *, reml: bool = False, start: Params | None = None) -> "Fit":
        """Maximise the likelihood.

        Args:
            method: `gj.Laplace()` (default), `gj.AGHQ(points)`, or `gj.Exact()` (default for gaussian, identity link).
            reml: maximise the restricted likelihood (gaussian with identity link).
            start: parameters to start from, such as `other_fit.params`.
        """
        check_response(self.core)
        return Fit(fit_model(self.core, method, reml=reml, start=start))

    def log_marginal(self, params: Params, method: Method | None = None) -> Float[Array, ""]:
        """Fully normalised log-likelihood: pure JAX, so `jit`, `grad`, `hessian` and `vmap` apply.

        It computes in the precision JAX is in; `with gj.float64():` around the call gives float64.
        """
        check_response(self.core)
        check_params(self.core, params, "params")
        return log_marginal(self.core.glmm, params, choose_method(self.core, method, reml=False))

    def start(self) -> Params:
        """Starting values: the model without random effects, and variances by moments."""
        check_response(self.core)
        return starting_values(self.core)

    def simulate(self, params: Params, n: int = 1, seed: int = 0) -> np.ndarray:
        """(n, nobs) responses drawn at `params` with new random effects; the model needs no response."""
        check_params(self.core, params, "params")
        return simulate(self.core, params, n, seed=seed)

    @property
    def plan(self) -> str:
        """The structure chosen for the random effects, in words."""
        return plan(self.core)

    def __repr__(self) -> str:
        family = self.core.family
        return f"<Model {self.core.design.formula.text!r}, {family.name} ({family.link.name}), {self.core.nobs} rows>"


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
        """Fully normalised log-likelihood; the restricted one after REML."""
        return self.solution.loglik

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return aic(self.solution)

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return bic(self.solution)

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
        """How the fit ended, in a sentence that says what to do."""
        return self.solution.status.value

    @property
    def scaled_gradient(self) -> float:
        """Distance to the maximum in standard errors, by the exact Hessian."""
        return self.solution.scaled_gradient

    @property
    def fixef(self) -> pd.Series:
        """Fixed effects by coefficient name."""
        return fixef(self.solution)

    @property
    def std_errors(self) -> pd.Series:
        """Standard errors of the fixed effects by coefficient name."""
        return std_errors(self.solution)

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the fixed effects, from the joint Hessian; for a linear model `sigma^2 (X'V^-1X)^-1`."""
        return vcov(self.solution)

    @property
    def dispersion(self) -> dict[str, float]:
        """The family's own parameters on their natural scale."""
        return dispersion(self.solution)

    def coefficients(self) -> pd.DataFrame:
        """Fixed effects with standard errors, tests and degrees of freedom."""
        return coefficient_table(self.solution)

    def varcorr(self) -> pd.DataFrame:
        """Variances and correlations of the random effects: `group, term1, term2, vcov, sdcor`."""
        return varcorr(self.solution)

    def ranef(self) -> pd.DataFrame:
        """Conditional modes of the random effects: `group, level, term, mode, std_error`."""
        return ranef(self.solution)

    def confint(self, method: str = "wald", level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals of the fixed effects: `lower, upper`."""
        return confint(self.solution, method=method, level=level)

    def predict(
        self, newdata: Any = None, level: str = "conditional", kind: str = "response", *, se: bool = False
    ) -> pd.Series | pd.DataFrame:
        """Predict the rows of `newdata` (default: those fitted), labelled as they are.

        Args:
            newdata: table with the columns of the formula; the response is not needed.
            level: `conditional` (given the conditional modes; zero for a level not seen), `population` (random effects
                of zero) or `marginal` (averaged over the random effects).
            kind: `response` (the mean) or `link` (the linear predictor).
            se: return a DataFrame `estimate, std_error` (delta method) instead of a Series.
        """
        return predict(self.solution, newdata, level=level, kind=kind, se=se)

    def simulate(self, n: int = 1, seed: int = 0) -> np.ndarray:
        """(n, nobs) responses drawn from the fitted model with new random effects."""
        return simulate(self.solution.model, self.solution.params, n, seed=seed)

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
        return f"<Fit {self.solution.model.design.formula.text!r}, loglik {self.loglik:.3f}: {self.status}>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
