"""Fit one model: choose the method, run the compiled program, bring the numbers home."""

import jax
import numpy as np

from .._errors import ModelError
from .._precision import float64
from ..marginal import AGHQ, MAX_NODES, Exact, Laplace, Method
from ..mixed import MixedModel
from ..params import Params
from ..working import Working
from ._diagnose import covariance_of_estimates, diagnose
from ._estimate import Estimate, estimate_exact, estimate_integral
from ._solution import Solution
from ._start import start_params


def fit_model(model: MixedModel, method: Method | None, *, reml: bool = False, start: Params | None = None) -> Solution:
    """Maximise the likelihood of `model` in float64.

    `method` defaults to `Exact` for a linear model and `Laplace` for every other. Raises `ModelError` if the method
    cannot serve the model; a fit that does not end well has a `Status` instead.
    """
    method = choose_method(model, method, reml=reml)
    if start is not None:
        check_params(model, start, "start")
    working = model.centred if isinstance(method, Exact) else model.working
    with float64():
        begin = None if start is None else working.forth(start)
        if isinstance(method, Exact):
            estimate = estimate_exact(working.glmm, begin, reml=method.reml)
        else:
            estimate = estimate_integral(working.glmm, method, begin)
        estimate = jax.tree.map(np.asarray, estimate)
    return _to_solution(model, method, working, estimate)


def choose_method(model: MixedModel, method: Method | None, *, reml: bool) -> Method:
    """The method to use, after checking that it can serve the model."""
    if method is None:
        method = Exact(reml=reml) if model.is_linear else Laplace()
    elif not isinstance(method, Method):
        raise ModelError(f"method must be gj.Laplace(), gj.AGHQ(points) or gj.Exact(), not {method!r}.")
    if reml and not model.is_linear:
        raise ModelError("REML is for the gaussian family with identity link; leave reml out for this model.")
    if reml and method != Exact(reml=True):
        raise ModelError("REML is exact: leave method out, or give gj.Exact(reml=True).")
    if isinstance(method, Exact) and not model.is_linear:
        raise ModelError("The exact likelihood needs the gaussian family with identity link; use gj.Laplace().")
    if isinstance(method, AGHQ):
        _check_quadrature(model, method)
    return method


def _check_quadrature(model: MixedModel, method: AGHQ) -> None:
    q, family = model.glmm.structure.q, model.family
    if q and not family.traits.covers_line:
        raise ModelError(
            f"AGHQ needs a mean for every linear predictor, which {family.name} with the {family.link.name} link "
            "lacks: use gj.Laplace()."
        )
    if method.points**q > MAX_NODES:
        terms = " + ".join(term.formula.text for term in model.design.random)
        raise ModelError(
            f"AGHQ({method.points}) needs {method.points}^{q} nodes a level for {terms}, above {MAX_NODES}: use fewer "
            "points or gj.Laplace()."
        )


def check_params(model: MixedModel, params: Params, argument: str) -> None:
    """Raise a `ModelError` if `params` are not parameters of `model`."""
    if not isinstance(params, Params):
        raise ModelError(f"{argument} must be gj.Params, such as a fit's params, not {type(params).__name__}.")
    given = (np.shape(params.beta), tuple(np.shape(t) for t in params.theta), np.shape(params.phi))
    p, theta, m = model.glmm.sizes
    needed = ((p,), tuple((size,) for size in theta), (m,))
    if given != needed:
        raise ModelError(f"{argument} has parameters (beta, theta, phi) of shapes {given}, the model needs {needed}.")


def _to_solution(model: MixedModel, method: Method, working: Working, estimate: Estimate) -> Solution:
    levels, back = len(model.levels), working.effects_back
    restricted = isinstance(method, Exact) and method.reml
    lam = float(estimate.scale) * back @ np.asarray(estimate.lam)
    mode = back @ np.asarray(estimate.mode)[:, :levels]
    mode_cov = np.moveaxis(np.asarray(estimate.mode_cov)[:, :, :levels], -1, 0)
    return Solution(
        model=model,
        method=method,
        params=working.back(estimate.params),
        loglik=float(estimate.value) + (working.log_volume if restricted else 0.0),
        vcov=covariance_of_estimates(np.asarray(estimate.information), working.jacobian, model.glmm.p),
        covariance=lam @ lam.T,
        dispersion=tuple(float(value) for value in estimate.dispersion),
        mode=mode.T,
        mode_cov=back @ mode_cov @ back.T,
        gradient=np.asarray(estimate.gradient),
        scaled_gradient=float(estimate.scaled_gradient),
        evaluations=int(estimate.evaluations),
        status=diagnose(working.glmm, estimate),
    )


def starting_values(model: MixedModel) -> Params:
    """Where a fit of `model` begins: pooled estimates, and variances by moments."""
    with float64():
        params = jax.tree.map(np.asarray, start_params(model.working.glmm))
    return model.working.back(params)
