"""Studies by simulation: `simulation_study`, `power` and `power_curve`."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import inference
from .._errors import ModelError, check_share
from .._later import Later
from ..assembly import MixedModel, mixed_model
from ..families import AbstractFamily
from ..fit import as_finite_params
from ..methods import AbstractMethod
from ..model import Params
from ..prediction import simulate
from ._model import Batch, Fit, Model
from ._stoppable import stoppable

if TYPE_CHECKING:
    from .. import batch as many
    from .. import study
else:
    many, study = Later("glmmjax.batch"), Later("glmmjax.study")


def simulation_study(  # noqa: PLR0913 - keyword-only settings
    model: Model,
    params: Params,
    n: int = 1000,
    seed: int = 0,
    *,
    method: AbstractMethod | None = None,
    reml: bool = False,
    interval: str = "wald",
    ddf: str | None = None,
    level: float = 0.95,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> "study.SimulationStudy":
    """Simulate data sets, fit them all as a batch, and tell how the estimates perform.

    Args:
        model: whose rows are simulated; its formula may lack a response.
        params: where, such as `fit.params` or `model.params(fixef=..., sd=...)`.
        n, seed: number of data sets, and the seed that makes them repeatable.
        method, reml: as for `Model.fit`.
        interval, ddf, level: the intervals whose coverage is told, as `Fit.confint` has them:
            `wald` with degrees of freedom `ddf`, or `profile`.
        checkpoint, progress: as for `fit_many`.

    Returns:
        `table` with bias, empirical and model standard errors, mean squared error and coverage of
        each parameter, and their Monte Carlo standard errors; the estimates; and the failed fits by
        status, which are left out of the table.

    Raises:
        ModelError: one sentence that names the argument at fault.
        Interrupted: on Ctrl-C; its attribute `batch` holds the finished fits.
    """
    core = _core(model)
    check_share("level", level)
    if interval not in ("wald", "profile"):
        raise ModelError(f"interval must be 'wald' or 'profile', not {interval!r}.")
    params = as_finite_params(core, params, "params")
    refits = study.Refits(method, reml, many.Settings(checkpoint=checkpoint, progress=progress))
    with stoppable(Batch):
        found = study.fit_draws(core, simulate(core, params, n, seed=seed), refits)
    estimates = study.estimates(found)
    bounds = inference.confint(found, method=interval, level=level, parm="all", ddf=ddf)
    table = study.performance(
        study.truth(core, params), estimates, inference.std_errors(found), bounds
    )
    return study.SimulationStudy(table, estimates, inference.failures(found), Batch(found))


def compare(*fits: Fit | Batch, test: str = "lrt", n: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Compare fits of the same data: information criteria, and tests of each against the next
    smaller one.

    Args:
        fits: fits, or batches of the same responses, by one method.
        test: `lrt`, likelihood-ratio tests. Where the smaller model holds a variance at zero, or a
            family's parameter at its limit, the reference is a mixture of chi-squared
            distributions. `bootstrap`: by refits of draws from the smaller fit.
        n, seed: draws of the bootstrap, and the seed that makes them repeatable.

    Returns:
        A row a fit, from the smallest to the largest; the index `fit` is its number among those
        given (after `member` for batches). Columns `formula, family, df, loglik, aic, bic, chisq,
        chi_df, p_value`, and `reference`, the distribution in words or why there is no test.

    Raises:
        ModelError: fits of other data or by other methods, or restricted likelihoods of other fixed
            effects.
    """
    for own in fits:
        if not isinstance(own, Fit | Batch):
            raise ModelError(f"compare takes fits or batches, not {type(own).__name__}.")
    with stoppable(Batch):
        table = study.compare([own.fits for own in fits], test, study.Draws(n, seed))
    return inference.alone(table) if isinstance(fits[0], Fit) else inference.with_adjusted(table)


def overdispersion(fit: Fit, *, families: Sequence[str] | None = None) -> pd.DataFrame:
    """A fit of counts, or of proportions, beside models of more variance, all by its method.

    These are the family without a dispersion (poisson, truncated_poisson or binomial), the same
    with a random effect of every observation, `(1 | observation)`, and families of which it is a
    limit. Fixed and random effects, links and zeros are the same in all.

    Args:
        fit: of any of them.
        families: which families; by default `nbinom1`, `nbinom2` and `genpois` (counts), their
            truncated kind, or `betabinomial`. `compois`, which takes seconds, is fitted if it is
            named.

    Returns:
        A row a model, the best by AIC first. Columns `df, loglik, aic, bic`; `chisq, p_value,
        reference`, the likelihood-ratio test against the family without a dispersion, and its
        distribution in words, a mixture as the variance ends there; `dispersion`, Pearson's (one if
        the model holds); `max_change`, the largest difference of a fixed effect from that of `fit`
        in its standard errors, and `max_se_ratio`, the largest standard error over that of `fit`;
        `given`, whether it is `fit`; `converged`, `status`, a sentence.

    Raises:
        ModelError: a batch, an unknown family, a response whose variance follows from its mean
            (single trials) or that has a dispersion anyway (gaussian), or a model with dispformula.
    """
    if not isinstance(fit, Fit):
        raise ModelError(f"overdispersion takes a fit, not {type(fit).__name__}.")
    return study.with_more_variance(fit.fits, families)


def power(  # noqa: PLR0913 - keyword-only settings
    model: Model,
    params: Params,
    term: str | Sequence[str],
    *,
    n: int = 1000,
    seed: int = 0,
    test: str = "wald",
    ddf: str | None = None,
    alpha: float = 0.05,
    method: AbstractMethod | None = None,
    reml: bool = False,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> "study.Power":
    """Power to find a coefficient: the share of simulated data sets in which it is significant.

    Args:
        model: the design, whose formula may lack a response.
        params: the effects supposed, such as `model.params(fixef={"Intercept": 0, "x": 0.5},
            sd=1.0)`.
        term: name of the coefficient; for the likelihood-ratio test several, which are tested
            together.
        n, seed: number of data sets, and the seed that makes them repeatable.
        test: `wald`, the test of `Fit.coefficients` with degrees of freedom `ddf`, or `lrt`, the
            likelihood-ratio test against the model without the term.
        ddf: as for `Fit.coefficients`.
        alpha: level of the test.
        method, reml: as for `Model.fit`.
        checkpoint, progress: as for `fit_many`.

    Returns:
        The share `power` with Clopper and Pearson's interval `lower, upper`. Data sets whose fit
        fails count as not significant; their number is `failed`.

    Raises:
        ModelError: one sentence that names the argument at fault.
        Interrupted: on Ctrl-C; its attribute `batch` holds the finished fits.
    """
    refits = study.Refits(method, reml, many.Settings(checkpoint=checkpoint, progress=progress))
    with stoppable(Batch):
        return study.power(
            _core(model),
            params,
            term,
            study.Draws(n, seed),
            study.Criterion(test, alpha, ddf),
            refits,
        )


def power_curve(  # noqa: PLR0913 - keyword-only settings
    formula: str,
    make_data: Callable[[int, int, np.random.Generator], Any],
    term: str | Sequence[str],
    *,
    groups: int | Sequence[int],
    per_group: int | Sequence[int],
    fixef: Any,
    sd: Any = None,
    corr: Any = None,
    dispersion: Any = None,
    family: str | AbstractFamily = "gaussian",
    link: str | None = None,
    weights: str | None = None,
    offset: str | None = None,
    context: Mapping[str, Any] | None = None,
    n: int = 500,
    seed: int = 0,
    test: str = "wald",
    ddf: str | None = None,
    alpha: float = 0.05,
    method: AbstractMethod | None = None,
    reml: bool = False,
    checkpoint: str | os.PathLike | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Power over numbers of groups and of observations a group.

    Args:
        formula: of the model; a left-hand side is not needed: `"~ x + (1 | g)"`.
        make_data: `make_data(groups, per_group, rng)` gives the table of a design of that size. It
            is called once a size: covariates that it draws from `rng` (seeded by `seed` and the
            size) are the same in all data sets.
        term: coefficient(s) to find, as for `power`.
        groups, per_group: sizes; every pair of them is simulated, and is a program of its own to
            compile.
        fixef, sd, corr, dispersion: the effects supposed, as for `Model.params`.
        family, link, weights, offset, context: as for `glmm`, weights and offset by name of their
            column.
        n, seed, test, ddf, alpha, method, reml, checkpoint, progress: as for `power`, at each size.

    Returns:
        One row a size: `groups, per_group, power, lower, upper, failed`. `gj.plot.power` draws it.

    Raises:
        ModelError: one sentence that names the argument at fault.
        Interrupted: on Ctrl-C.
    """
    if not callable(make_data):
        raise ModelError(
            f"make_data must be a function of groups, per_group and a generator, not {make_data!r}."
        )

    described = {
        "family": family,
        "link": link,
        "weights": weights,
        "offset": offset,
        "context": context,
    }

    def recipe(g: int, m: int) -> tuple[MixedModel, Params]:
        table = make_data(g, m, study.generator(seed, g, m))
        model = mixed_model(formula, table, **described)
        return model, study.natural_params(
            model, fixef=fixef, sd=sd, corr=corr, dispersion=dispersion
        )

    refits = study.Refits(method, reml, many.Settings(checkpoint=checkpoint, progress=progress))
    draws, criterion = study.Draws(n, seed), study.Criterion(test, alpha, ddf)
    with stoppable(Batch):
        return study.power_curve(recipe, term, (groups, per_group), draws, criterion, refits)


def _core(model: Any) -> MixedModel:
    if not isinstance(model, Model):
        raise ModelError(f"model must be one made by gj.glmm, not {type(model).__name__}.")
    return model.core
