"""Fitted models: numbers in the user's coordinates, with a leading axis of members. What statistics
are made of them is elsewhere."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from .._precision import own_settings
from .._programs import Program
from .._status import OK, STATUSES, Status
from ..assembly import MixedModel
from ..design import RandomPart
from ..methods import AbstractMethod, AbstractObjective, RandomEffects, objective_data
from ..model import GLMM, Params
from ..structure import Structure, round_up
from ._alone import effects_at
from ._members import AbstractMembers, OneModel
from ._message import messages
from ._outcome import Outcome


class Modes(NamedTuple):
    """Random effects of one model given the data, for each grouping factor in the order of
    `glmm.structure`.

    Attributes:
        mode: (levels, q) conditional modes of the random effects `u` of its terms, where places
            differ from level to level in the order of the level's own.
        mode_cov: (levels, q, q) their covariances given the data and the parameters; of effects of
            which each depends on the one before it only, their variances (levels, q).
    """

    mode: tuple[np.ndarray, ...]
    mode_cov: tuple[np.ndarray, ...]


_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Fits:
    """The maxima of likelihoods: of one model, or of the members of a batch.

    Attributes:
        members: the models.
        method: how they were fitted.
        outcome: numbers as the searches left them, also of members that failed.
        known: random effects that need not be computed: those of a file.
    """

    members: AbstractMembers
    method: AbstractMethod
    outcome: Outcome
    known: Modes | None = None

    def __len__(self) -> int:
        return len(self.members)

    @property
    def ok(self) -> np.ndarray:
        """(members,) whether the estimates of a member are a maximum of its likelihood."""
        return OK[self.outcome.status]

    @property
    def index(self) -> pd.Index:
        """Labels of the members."""
        return pd.Index(self.members.names, name="member", tupleize_cols=False)

    @property
    def df(self) -> int:
        """Number of estimated parameters of each member."""
        return self.outcome.vcov.shape[-1]

    @functools.cached_property
    def reported(self) -> Outcome:
        """The numbers, NaN for members of a batch that failed (but the log-likelihood wherever
        there is one); those of a model by itself as they are."""
        if self.members.is_alone or self.ok.all():
            return self.outcome

        def masked(leaf: np.ndarray) -> np.ndarray:
            if leaf.dtype.kind != "f":
                return leaf
            return np.where(self.ok.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, np.nan)

        # Under separation the log-likelihood is the one that is approached.
        return jax.tree.map(masked, self.outcome)._replace(loglik=self.outcome.loglik)

    @functools.cached_property
    def messages(self) -> np.ndarray:
        """(members,) how each fit ended, in sentences: the status, and which parameters went
        where."""
        return messages(self.members.first, self.outcome.status, self.outcome.ends)

    @functools.cached_property
    def modes(self) -> Modes:
        """The random effects of a model by itself, computed when they are first asked for."""
        return self.known or _modes_at(self.members.first, self.method, self.outcome.of(0))

    def alone(self, number: int) -> "Fits":
        """One member as a fit of its own."""
        if self.members.is_alone:
            return self
        return Fits(OneModel(self.members.model(number)), self.method, self.outcome.of([number]))

    def each_modes(self) -> Iterator[tuple[int, Modes]]:
        """The numbers of the members that ended well, with their random effects: one program for
        all."""
        if self.members.is_alone:
            yield 0, self.modes
            return
        for bucket in self.members.buckets():
            good = bucket[self.ok[bucket]]
            for first in range(0, len(good), _AT_ONCE):
                yield from self._modes_of(good[first : first + _AT_ONCE], bucket)

    def _modes_of(self, numbers: np.ndarray, bucket: np.ndarray) -> Iterator[tuple[int, Modes]]:
        # The last is repeated up to a round number, so that few programs serve all batches.
        padded = numbers[np.minimum(np.arange(round_up(len(numbers))), len(numbers) - 1)]
        loaded = self.members.load(padded, bucket)
        working, (own, shared) = loaded.working, eqx.partition(loaded.working.glmm, loaded.own)
        (objective, _), *_ = self.method.objectives(working.glmm)
        params = working.forth(self.outcome.of(padded).params)
        with own_settings():
            effects = jax.tree.map(np.asarray, _effects_of_members(objective, own, shared, params))
        for k, number in enumerate(numbers.tolist()):
            back = tuple(own if own.ndim == 2 else own[k] for own in working.effects_back)
            found = jax.tree.map(lambda leaf, k=k: leaf[k], effects)
            yield number, modes_of(self.members.random(number), working.glmm.structure, back, found)


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """The numbers of one model by itself: the only row of its `Fits`."""

    fits: Fits

    @property
    def model(self) -> MixedModel:
        """What was fitted."""
        return self.fits.members.first

    @property
    def method(self) -> AbstractMethod:
        """How it was fitted."""
        return self.fits.method

    @functools.cached_property
    def params(self) -> Params:
        """Estimates (NumPy arrays)."""
        return self._row.params

    @property
    def loglik(self) -> float:
        """As in `Outcome`."""
        return float(self.fits.outcome.loglik[0])

    @property
    def vcov(self) -> np.ndarray:
        """As in `Outcome`."""
        return self.fits.outcome.vcov[0]

    @property
    def covariance(self) -> tuple[np.ndarray, ...]:
        """As in `Outcome`."""
        return self._row.covariance

    @property
    def dispersion(self) -> tuple[float, ...]:
        """As in `Outcome`."""
        return tuple(self._row.dispersion.tolist())

    @property
    def mode(self) -> tuple[np.ndarray, ...]:
        """As in `Modes`."""
        return self.fits.modes.mode

    @property
    def mode_cov(self) -> tuple[np.ndarray, ...]:
        """As in `Modes`."""
        return self.fits.modes.mode_cov

    @property
    def status(self) -> Status:
        """How the fit ended."""
        return STATUSES[self._row.status]

    @property
    def message(self) -> str:
        """How the fit ended, in sentences."""
        return self.fits.messages[0]

    @property
    def df(self) -> int:
        """Number of estimated parameters."""
        return self.fits.df

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return self.fits.outcome.beta.shape[1]

    @functools.cached_property
    def _row(self) -> Outcome:
        return self.fits.outcome.of(0)


def modes_of(
    random: Sequence[RandomPart],
    structure: Structure,
    back: tuple[np.ndarray, ...],
    effects: RandomEffects,
) -> Modes:
    """Random effects of a fit (NumPy, in working coordinates, `u = back u_w`) in those of the user;
    `random` are the terms with their levels."""
    modes, covs = [], []
    for number, terms in enumerate(structure.terms):
        count = len(random[terms[0]].levels)
        mode, cov = (np.asarray(part[number])[..., :count] for part in effects)
        cov = np.moveaxis(cov, -1, 0)
        if structure.factors[number].position is None:  # positions are as they are
            mode, cov = back[number] @ mode, back[number] @ cov @ back[number].T
        modes.append(mode.T)
        covs.append(cov)
    return Modes(tuple(modes), tuple(covs))


@Program
def _effects_of_members(
    objective: AbstractObjective, own: GLMM, shared: GLMM, params: Params
) -> RandomEffects:
    """Random effects of members at their `params`; in `own` is what differs between them."""

    def one(member):
        own, params = member
        glmm = eqx.combine(own, shared)
        data, carry = objective_data(objective, glmm), glmm.structure.no_effects(params.beta.dtype)
        return objective.effects(glmm, data, params, carry)

    return jax.lax.map(one, (own, params))


def _modes_at(model: MixedModel, method: AbstractMethod, outcome: Outcome) -> Modes:
    """The random effects at the estimates of one member, NaN if it was not fitted."""
    if np.isnan(outcome.beta).any() or np.isnan(outcome.scaled_gradient):
        return _unknown(model)  # its columns may be dependent
    working, glmm = model.roomy.working, model.roomy.glmm
    (objective, _), *_ = method.objectives(glmm)
    params = model.roomy.widened(working.forth(outcome.params))
    with own_settings():
        effects = effects_at(objective, glmm, params)
    return modes_of(model.design.random, glmm.structure, working.effects_back, effects)


def _unknown(model: MixedModel) -> Modes:
    """Random effects of a model that was not fitted."""
    modes, covs = [], []
    for factor, terms in zip(model.glmm.structure.factors, model.glmm.structure.terms, strict=True):
        shape = len(model.design.random[terms[0]].levels), factor.q
        modes.append(np.full(shape, np.nan))
        covs.append(np.full(shape if factor.linked else (*shape, factor.q), np.nan))
    return Modes(tuple(modes), tuple(covs))
