"""Saved fits of earlier versions, as the present one would have written them."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from .._precision import own_settings
from .._status import End
from ..assembly import MixedModel
from ..covariances import Placed, median_distance
from ..design import RandomPart
from ..model import places


def updated(state: dict[str, Any], version: int, model: MixedModel) -> dict[str, Any]:
    """The state of a file of an earlier version."""
    if version < 2:
        state = _from_version_1(state, model)
    return _from_version_2(state, model) if version < 3 else state


def _from_version_1(state: dict[str, Any], model: MixedModel) -> dict[str, Any]:
    """Version 1 had one grouping factor at most and one matrix for all its terms."""
    if not model.design.random:
        return state | {"covariance": [], "mode": [], "mode_cov": []}
    whole, parts = np.array(state["covariance"]), [place.columns for place in places(model.glmm)]
    covariance = [whole[own, own].tolist() for own in parts]
    return state | {
        "covariance": covariance,
        "mode": [state["mode"]],
        "mode_cov": [state["mode_cov"]],
    }


def _from_version_2(state: dict[str, Any], model: MixedModel) -> dict[str, Any]:
    """In version 2 every level had the effects of all positions of a term, also where its own are
    separate; where parameters went was not kept."""
    lists = {name: list(state[name]) for name in ("theta", "covariance", "mode", "mode_cov")}
    for number, term in enumerate(model.design.random):
        covariance, place = model.glmm.covariances[number], places(model.glmm)[number]
        if not isinstance(covariance, Placed):
            continue
        theta = np.array(lists["theta"][number])
        theta[1:2] += _change_of_unit(covariance, term)
        with own_settings():
            factor = np.asarray(covariance.factor(jnp.asarray(theta)))
        variance = np.array(lists["covariance"][number])[0, 0] / factor[0, 0] ** 2
        lists["theta"][number] = theta.tolist()
        lists["covariance"][number] = (variance * factor @ factor.T).tolist()
        columns = model.glmm.structure.factors[place.factor]
        level, own = np.arange(len(term.levels))[:, None], term.separate.table.T
        room = [(0, 0), (0, columns.q - own.shape[1])]
        lists["mode"][place.factor] = np.pad(
            np.array(lists["mode"][place.factor])[level, own], room
        ).tolist()
        cov = np.array(lists["mode_cov"][place.factor])
        cov = (
            cov[level, own, own]
            if columns.linked
            else cov[level[..., None], own[:, :, None], own[:, None]]
        )
        lists["mode_cov"][place.factor] = np.pad(cov, room + room[1:] * (cov.ndim - 2)).tolist()
    p, theta, m = model.glmm.sizes
    return state | lists | {"ends": [End.INSIDE] * (p + len(theta) + m)}


def _change_of_unit(covariance: Placed, term: RandomPart) -> float:
    """Ranges were in units of the median distance between any two positions, and are in units of
    that in a level."""
    unit = getattr(covariance.pattern, "unit", None)
    return (
        0.0 if unit is None else float(np.log(median_distance(np.asarray(term.coordinates)) / unit))
    )
