"""The models of fits: one, or the members of a batch."""

import abc
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from ..assembly import MixedModel, without_coefficients
from ..design import RandomPart
from ..model import GLMM, Working

FIT = -1
"""The status of a member of which nothing is known that keeps it from being fitted."""


class MemberArrays(NamedTuple):
    """The arrays of some members, ready to be computed with.

    Attributes:
        status: of each member asked for: an index into `STATUSES`, or `FIT` if it is here.
        working: working coordinates; arrays have a leading axis of the members that are here where
            `own` is true.
        own: mask over the arrays of `working.glmm`.
        size: of each response, as in `Traits.spread`.
    """

    status: np.ndarray
    working: Working
    own: GLMM
    size: np.ndarray


class AbstractMembers(abc.ABC):
    """The models of fits, and how to load some of them."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @property
    @abc.abstractmethod
    def names(self) -> Sequence:
        """Labels of the members."""

    @property
    @abc.abstractmethod
    def first(self) -> MixedModel:
        """A model that has the structure of all."""

    @property
    @abc.abstractmethod
    def nobs(self) -> np.ndarray:
        """(members,) observations with a positive weight."""

    @property
    @abc.abstractmethod
    def is_alone(self) -> bool:
        """Whether this is one model by itself, of which numbers are shown even where its search
        failed."""

    @abc.abstractmethod
    def buckets(self) -> list[np.ndarray]:
        """Numbers of the members, those together that share a shape."""

    @abc.abstractmethod
    def load(self, numbers: np.ndarray, bucket: np.ndarray) -> MemberArrays:
        """Some members of a bucket."""

    @abc.abstractmethod
    def model(self, number: int) -> MixedModel:
        """The model of one member with its names."""

    @abc.abstractmethod
    def random(self, number: int) -> tuple[RandomPart, ...]:
        """The random terms of one member with their levels."""

    @abc.abstractmethod
    def observed(self) -> Iterator[np.ndarray]:
        """Responses and weights: what fits must share to be compared."""

    @abc.abstractmethod
    def without(self, left_out: np.ndarray) -> "AbstractMembers":
        """The same data and models without the fixed effects of a mask (p,) over all."""


class OneModel(AbstractMembers):
    """A model by itself."""

    def __init__(self, model: MixedModel):
        self._model = model

    def __len__(self):
        return 1

    @property
    def names(self):
        return [0]

    @property
    def first(self):
        return self._model

    @property
    def nobs(self):
        return np.array([self._model.nobs])

    @property
    def is_alone(self):
        return True

    def buckets(self):
        return [np.zeros(1, int)]

    def load(self, numbers, bucket):
        working = self._model.roomy.working
        shared = jax.tree.map(lambda _: False, working.glmm)
        status = np.full(len(numbers), FIT)
        return MemberArrays(status, working, shared, self._model.response_size[numbers])

    def model(self, number):
        return self._model

    def random(self, number):
        return self._model.design.random

    def without(self, left_out):
        return OneModel(without_coefficients(self._model, left_out))

    def observed(self):
        yield from (self._model.design.y, self._model.design.weights)
