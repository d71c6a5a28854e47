"""Draws from the posteriors of models, members first."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..fit import AbstractMembers, OneModel
from ..methods import AbstractIntegral
from ..model import Params
from ._draws import names_of


class Stats(NamedTuple):
    """What the sampler says of itself, with leading axes (members, chains, draws).

    Attributes:
        log_density: of the posterior, up to a constant.
        acceptance: mean probability to accept the points of a trajectory.
        leaps: evaluations of the gradient.
        diverged: whether the trajectory could not be followed.
        deep: whether it was as long as it may be, without a turn.
        step: (members, 1, 1) the step size.
    """

    log_density: Float[np.ndarray, "members chains draws"]
    acceptance: Float[np.ndarray, "members chains draws"]
    leaps: Int[np.ndarray, "members chains draws"]
    diverged: Bool[np.ndarray, "members chains draws"]
    deep: Bool[np.ndarray, "members chains draws"]
    step: Float[np.ndarray, "members 1 1"]


class Run(NamedTuple):
    """What was asked for."""

    chains: int = 4
    draws: int = 1000
    warmup: int = 1000
    seed: int = 0
    marginal: bool = False
    accept: float = 0.8


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Draws from the posteriors of members, in the coordinates of the user.

    Attributes:
        members: the models, with their priors.
        method: how random effects were integrated out where they were.
        run: what was asked for.
        params: (members, chains, draws, ...), one of the mirror images of each.
        natural: (members, chains, draws, k) what `names_of` names behind the coefficients.
        effects: of each member, for each grouping factor (chains, draws, levels, q) random effects;
            empty for members without draws.
        stats: of the sampler.
        faults: of each member why there are no draws, in a sentence; "" where there are.
    """

    members: AbstractMembers
    method: AbstractIntegral
    run: Run
    params: Params
    natural: Float[np.ndarray, "members chains draws k"]
    effects: Sequence[tuple[np.ndarray, ...]]
    stats: Stats
    faults: Sequence[str]

    def __len__(self) -> int:
        return len(self.members)

    @property
    def index(self) -> pd.Index:
        """Labels of the members."""
        return pd.Index(self.members.names, name="member", tupleize_cols=False)

    @property
    def names(self) -> list[str]:
        """Of the parameters, in the order of `values`."""
        return names_of(self.members.first)

    @property
    def values(self) -> Float[np.ndarray, "members chains draws k"]:
        """Coefficients, then all others on natural scales."""
        return np.concatenate([self.params.beta, self.natural], -1)

    def alone(self, number: int) -> "Samples":
        """One member by itself."""
        if self.members.is_alone:
            return self
        only = [number]
        params, natural, stats = jax.tree.map(
            lambda leaf: leaf[only], (self.params, self.natural, self.stats)
        )
        return dataclasses.replace(
            self,
            members=OneModel(self.members.model(number)),
            params=params,
            natural=natural,
            stats=stats,
            effects=[self.effects[number]],
            faults=[self.faults[number]],
        )
