"""The models of fits: one, or the members of a batch."""

import abc
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from ..assembly import MixedModel
from ..design import RandomPart
from ..model import GLMM, Working
from ..structure import Layout, Structure

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
    def shape(self, bucket: np.ndarray) -> tuple[int, int]:
        """Cells of a member of a bucket, and numbers that are kept of `H`, padding included."""

    @abc.abstractmethod
    def load(self, numbers: np.ndarray, bucket: np.ndarray) -> MemberArrays:
        """Some members of a bucket."""

    @abc.abstractmethod
    def inputs(self) -> Iterator:
        """Arrays and texts that the results depend on, for a digest."""

    @abc.abstractmethod
    def model(self, number: int) -> MixedModel:
        """The model of one member with its names."""

    @abc.abstractmethod
    def random(self, number: int) -> tuple[RandomPart, ...]:
        """The random terms of one member with their levels."""


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

    def shape(self, bucket):
        return sizes_of(self._model.glmm.structure, self._model.layout)

    def load(self, numbers, bucket):
        working = self._model.working
        shared = jax.tree.map(lambda _: False, working.glmm)
        status = np.full(len(numbers), FIT)
        return MemberArrays(status, working, shared, self._model.response_size[numbers])

    def inputs(self):
        yield from arrays_of(self._model.glmm)

    def model(self, number):
        return self._model

    def random(self, number):
        return self._model.design.random


def sizes_of(structure: Structure, layout: Layout) -> tuple[int, int]:
    """Cells of a model, and numbers that are kept of `H`."""
    effects = sum(f.rank * f.levels for f in structure.factors[: structure.chain])
    return layout.rows.size, max(1, effects, structure.size_of_rest**2)


def arrays_of(glmm: GLMM) -> Iterator:
    """All that a model is made of, for a digest."""
    leaves, structure = jax.tree.flatten(glmm)
    yield from leaves
    yield structure
