"""Power over the sizes of a design."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from ..assembly import MixedModel
from ..model import Params
from ._power import Criterion, power
from ._refit import Draws, Refits

MakeModel = Callable[[int, int], tuple[MixedModel, Params]]
"""The model of a number of groups and of rows a group, and the parameters at which it is
simulated."""


def power_curve(
    recipe: MakeModel,
    term: Any,
    sizes: tuple[Any, Any],
    draws: Draws,
    criterion: Criterion,
    refits: Refits,
) -> pd.DataFrame:
    """Power at each pair of sizes (numbers of groups, numbers of rows a group).

    Columns `groups, per_group, power, lower, upper, failed`. Raises `ModelError` for sizes that are
    no whole numbers, and what `power` raises.
    """
    groups, per_group = as_sizes("groups", sizes[0]), as_sizes("per_group", sizes[1])
    rows = []
    for m in per_group:
        for g in groups:
            model, params = recipe(g, m)
            found = power(model, params, term, draws, criterion, refits.within(f"{g}-{m}"))
            rows.append((g, m, found.power, found.lower, found.upper, found.failed))
    return pd.DataFrame(rows, columns=["groups", "per_group", "power", "lower", "upper", "failed"])


def as_sizes(argument: str, given: Any) -> list[int]:
    """Whole numbers of at least 1 from a number or several."""
    values = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    if not values or not all(_is_whole(value, least=1) for value in values):
        raise ModelError(f"{argument} must be whole numbers of at least 1, not {given!r}.")
    return [int(value) for value in values]


def generator(seed: Any, groups: int, per_group: int) -> np.random.Generator:
    """The generator for the covariates of one size."""
    if not _is_whole(seed, least=0):
        raise ModelError(f"seed must be a whole number of at least 0, not {seed!r}.")
    return np.random.default_rng([seed, groups, per_group])


def _is_whole(value: Any, *, least: int) -> bool:
    return (
        isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)
    )
