"""Fit one model: choose the method, run the compiled program, bring the numbers home."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .._errors import ModelError
from .._precision import own_settings
from ..marginal import AGHQ, MAX_NODES, Exact, Laplace, Method
from ..mixed import MixedModel
from ..model import GLMM
from ..params import Params
from ._devices import share
from ._estimate import estimate
from ._exact import ExactProblem
from ._integral import IntegralProblem, bounds_on_counts
from ._maxima import Ended, best_maximum
from ._outcome import diagnosed, outcome_of
from ._parameters import as_finite_params
from ._problem import AbstractProblem, Start, start_at
from ._solution import Solution, solution_of
from ._start import start_params


def fit_model(
    model: MixedModel,
    method: Method | None,
    *,
    reml: bool = False,
    start: Params | None = None,
    devices: Sequence[Any] | None = None,
) -> Solution:
    """Maximise the likelihood of `model` in float64, its groups shared among `devices` if these are
    given.

    `method` defaults to `Exact` for a linear model and `Laplace` for every other. Raises
    `ModelError` if the method cannot serve the model; a fit that does not end well has a `Status`
    instead.
    """
    method = choose_method(model, method, reml=reml)
    if start is not None:
        start = as_finite_params(model, start, "start")
    working = model.working
    problem = problem_of(method, int(bounds_on_counts(working.glmm)))
    with own_settings():
        glmm = working.glmm if devices is None else share(working.glmm, devices)

    def search(start: Start) -> Ended:
        with own_settings():
            found, effects = jax.tree.map(
                lambda leaf: np.asarray(leaf)[None], estimate(problem, glmm, start)
            )
        return diagnosed(working, found, effects, model.response_size)

    def again(_: np.ndarray, start: Start) -> Ended:
        return search(start._replace(params=jax.tree.map(lambda leaf: leaf[0], start.params)))

    first = search(usual_start(glmm) if start is None else start_at(working.forth(start)))
    best = best_maximum(working.glmm, first, again)
    effects = jax.tree.map(lambda leaf: leaf[0], best.effects)
    return solution_of(
        model, method, outcome_of(method, working, best), 0, effects, working.effects_back
    )


def usual_start(glmm: GLMM) -> Start:
    """No parameters are given."""
    return _nowhere(*glmm.sizes)


@functools.cache
def _nowhere(p: int, sizes: tuple[int, ...], m: int) -> Start:
    nowhere = Params(np.zeros(p), tuple(np.zeros(size) for size in sizes), np.zeros(m))
    return start_at(nowhere)._replace(given=np.array(False))


@functools.lru_cache(64)
def problem_of(method: Method, counts: int = 0) -> AbstractProblem:
    """The objective that belongs to a method; `counts` as in `IntegralProblem`."""
    return (
        ExactProblem(method.reml) if isinstance(method, Exact) else IntegralProblem(method, counts)
    )


def choose_method(model: MixedModel, method: Method | None, *, reml: bool) -> Method:
    """The method to use, after checking that it can serve the model."""
    if method is None:
        method = Exact(reml=reml) if model.is_linear else Laplace()
    elif not isinstance(method, Method):
        raise ModelError(
            f"method must be gj.Laplace(), gj.AGHQ(points) or gj.Exact(), not {method!r}."
        )
    if reml and not model.is_linear:
        raise ModelError(
            "REML is for the gaussian family with identity link; leave reml out for this model."
        )
    if reml and method != Exact(reml=True):
        raise ModelError("REML is exact: leave method out, or give gj.Exact(reml=True).")
    if isinstance(method, Exact) and not model.is_linear:
        raise ModelError(
            "The exact likelihood needs the gaussian family with identity link; use gj.Laplace()."
        )
    if (
        isinstance(method, Laplace)
        and method.curvature == "expected"
        and not model.family.traits.has_expectation
    ):
        raise ModelError(
            f"The expected curvature of the family {model.family.name} is not known: use"
            " gj.Laplace()."
        )
    if isinstance(method, AGHQ):
        _check_quadrature(model, method)
    return method


def _check_quadrature(model: MixedModel, method: AGHQ) -> None:
    factors, family = model.glmm.structure.factors, model.family
    if len(factors) > 1:
        groups = ", ".join(dict.fromkeys(term.formula.group for term in model.design.random))
        raise ModelError(
            f"AGHQ integrates over one grouping factor, and the model has several ({groups}): use"
            " gj.Laplace()."
        )
    q = sum(f.rank for f in factors)
    if q and not family.traits.covers_line:
        raise ModelError(
            f"AGHQ needs a mean for every linear predictor, which {family.name} with the"
            f" {family.link.name} link lacks: use gj.Laplace()."
        )
    if method.points**q > MAX_NODES:
        terms = " + ".join(term.formula.text for term in model.design.random)
        raise ModelError(
            f"AGHQ({method.points}) needs {method.points}^{q} nodes a level for {terms}, above"
            f" {MAX_NODES}: use fewer points or gj.Laplace()."
        )


def starting_values(model: MixedModel) -> Params:
    """Where a fit of `model` begins: pooled estimates, and variances by moments."""
    with own_settings():
        params = jax.tree.map(np.asarray, start_params(model.working.glmm))
    return model.working.back(params)
