"""Priors with which the mode of a posterior is found."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from ..priors import LKJ, MOST, AbstractDistribution, Flat, Priors, Uniform

_NEAR = 1e-9
_LOW = 1e-3


def for_start(priors: Priors) -> Priors:
    """The same, with the default where a mode may lie at the border: of standard deviations whose
    density does not vanish at zero, of correlations whose density does not at one, and of what has
    a flat density or a corner. Chains begin around this mode; what they sample has the priors that
    were given."""
    changed = {}
    for field in dataclasses.fields(priors):
        given = getattr(priors, field.name)
        is_sd = field.name == "sd"
        if isinstance(given, Mapping):
            kept = {name: own for name, own in given.items() if not _reaches(own, is_sd=is_sd)}
            changed[field.name] = kept or None
        else:
            changed[field.name] = None if _reaches(given, is_sd=is_sd) else given
    return dataclasses.replace(priors, **changed)


def _reaches(own: Any, *, is_sd: bool) -> bool:
    """Whether the mode may be at the border."""
    if isinstance(own, LKJ):
        return own.eta <= 1
    if not isinstance(own, AbstractDistribution):
        return False
    numbers = dataclasses.astuple(own)
    first = numbers[0] if numbers else 0.0
    if isinstance(own, Flat | Uniform) or first <= type(own).corner:
        return True
    return is_sd and math.exp(own.log_prob(_NEAR, *numbers, *(1.0,) * (MOST - len(numbers)))) > _LOW
