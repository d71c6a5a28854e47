"""Fit one model: run the compiled program, bring the numbers home."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .._precision import own_settings
from .._programs import Program
from ..assembly import MixedModel
from ..methods import AbstractMethod, Estimate, Start, choose_method, start_at, start_params
from ..model import GLMM, Params, Roomy
from ._alone import search_alone
from ._devices import share
from ._fits import Fits
from ._maxima import Ended, best_maximum
from ._members import OneModel
from ._outcome import diagnosed, outcome_of
from ._parameters import as_finite_params


def fit_model(
    model: MixedModel,
    method: AbstractMethod | None,
    *,
    reml: bool = False,
    start: Params | None = None,
    devices: Sequence[Any] | None = None,
) -> Fits:
    """Maximise the likelihood of `model` in float64, its groups shared among `devices` if these are
    given.

    Raises `ModelError` if the method (by default as `choose_method` has it) cannot serve the model;
    a fit that does not end well has a `Status` instead.
    """
    method = choose_method(model, method, reml=reml)
    if start is not None:
        start = as_finite_params(model, start, "start")
    roomy = model.roomy
    working, glmm = roomy.working, roomy.glmm
    (objective, _), *_ = method.objectives(glmm)
    if devices is not None:
        with own_settings():
            glmm = share(glmm, devices)

    def search(start: Start) -> Ended:
        with own_settings():
            found = jax.tree.map(
                lambda leaf: np.asarray(leaf)[None], search_alone(objective, glmm, start)
            )
        return diagnosed(working, _kept(roomy, found), model.response_size)

    def again(_: np.ndarray, start: Start) -> Ended:
        params = roomy.widened(jax.tree.map(lambda leaf: leaf[0], start.params))
        return search(start._replace(params=params))

    given = None if start is None else start_at(roomy.widened(working.forth(start)))
    first = search(given or usual_start(glmm))
    best = best_maximum(working, first, again)
    return Fits(OneModel(model), method, outcome_of(method, working, best))


def _kept(roomy: Roomy, found: Estimate) -> Estimate:
    """The estimate without parameters that only pad."""
    if roomy.is_full:
        return found
    keep, gradient = roomy.kept_of_all, found.gradient
    # Coefficients that were not searched over come first
    left_out = found.information.shape[1] - gradient.shape[1]
    return found._replace(
        params=roomy.own(found.params),
        gradient=gradient[:, keep[keep >= left_out] - left_out],
        information=found.information[:, keep[:, None], keep],
    )


def usual_start(glmm: GLMM) -> Start:
    """No parameters are given."""
    return _nowhere(*glmm.sizes)


@functools.cache
def _nowhere(p: int, sizes: tuple[int, ...], m: int) -> Start:
    nowhere = Params(np.zeros(p), tuple(np.zeros(size) for size in sizes), np.zeros(m))
    return start_at(nowhere)._replace(given=np.array(False))


def starting_values(model: MixedModel) -> Params:
    """Where a fit of `model` begins: pooled estimates, and variances by moments."""
    with own_settings():
        params = jax.tree.map(np.asarray, _started(model.roomy.glmm))
    return model.roomy.working.back(model.roomy.own(params))


_started = Program(start_params)
