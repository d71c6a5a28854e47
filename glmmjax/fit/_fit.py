"""Fit one model: run the compiled program, bring the numbers home."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .._precision import own_settings
from ..assembly import MixedModel
from ..methods import AbstractMethod, Start, choose_method, start_at, start_params
from ..model import GLMM, Params
from ._devices import share
from ._estimate import estimate
from ._fits import Fits, modes_of
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
    working = model.working
    (objective, _), *_ = method.objectives(working.glmm)
    with own_settings():
        glmm = working.glmm if devices is None else share(working.glmm, devices)

    def search(start: Start) -> Ended:
        with own_settings():
            found, effects = jax.tree.map(
                lambda leaf: np.asarray(leaf)[None], estimate(objective, glmm, start)
            )
        return diagnosed(working, found, effects, model.response_size)

    def again(_: np.ndarray, start: Start) -> Ended:
        return search(start._replace(params=jax.tree.map(lambda leaf: leaf[0], start.params)))

    first = search(usual_start(glmm) if start is None else start_at(working.forth(start)))
    best = best_maximum(working, first, again)
    effects = jax.tree.map(lambda leaf: leaf[0], best.effects)
    modes = modes_of(model.design.random, glmm.structure, working.effects_back, effects)
    return Fits(OneModel(model), method, outcome_of(method, working, best), modes)


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
        params = jax.tree.map(np.asarray, start_params(model.working.glmm))
    return model.working.back(params)
