"""A model in arrays that have room for more coefficients, so that one program serves models with a
covariate more or less."""

import dataclasses
import functools

import numpy as np

from ..structure import Layout, round_far_up
from ._glmm import GLMM
from ._params import Params
from ._working import Working

_FIRST = 8  # columns that there is room for at least in the linear predictor of the mean
_OTHERS = 4  # in the others


@dataclasses.dataclass(frozen=True)
class Wide:
    """A model in its own coordinates, in arrays that may have columns of zeros behind those of its
    fixed effects.

    Attributes:
        glmm: the model with room.
        kept: numbers of the coefficients that are the model's own.
        layout: where each row is in the arrays of `glmm`.
    """

    glmm: GLMM
    kept: np.ndarray
    layout: Layout

    def widened(self, params: Params) -> Params:
        """Parameters of the model as those of `glmm`."""
        return _widened(params, self.kept, self.glmm.p)


@dataclasses.dataclass(frozen=True)
class Roomy:
    """A model whose arrays may have columns of zeros behind those of its fixed effects.

    Attributes:
        working: the model itself.
        glmm: the same with room.
        kept: numbers of the coefficients that are the model's own.
        layout: where each row is in the arrays of `glmm`.
    """

    working: Working
    glmm: GLMM
    kept: np.ndarray
    layout: Layout

    @functools.cached_property
    def is_full(self) -> bool:
        """Whether there is no room."""
        return len(self.kept) == self.glmm.p

    @functools.cached_property
    def kept_of_all(self) -> np.ndarray:
        """Numbers of the parameters that are the model's own among all, packed."""
        p, sizes, m = self.glmm.sizes
        return np.concatenate([self.kept, p + np.arange(sum(sizes) + m)])

    def widened(self, params: Params) -> Params:
        """Parameters of `working` as those of `glmm`."""
        return _widened(params, self.kept, self.glmm.p)

    def own(self, params: Params) -> Params:
        """Parameters of `glmm` as those of `working`; they may have leading axes."""
        return Params(params.beta[..., self.kept], params.theta, params.phi)


def as_it_is(working: Working, layout: Layout) -> Roomy:
    """No room for others."""
    return Roomy(working, working.glmm, np.arange(working.glmm.p), layout)


def with_room(working: Working, layout: Layout) -> Roomy:
    """Room for the numbers of columns that are next in size."""
    return Roomy(working, *_with_columns(working.glmm), layout)


def wide_as_it_is(glmm: GLMM, layout: Layout) -> Wide:
    """No room for others."""
    return Wide(glmm, np.arange(glmm.p), layout)


def wide(glmm: GLMM, layout: Layout) -> Wide:
    """Room for the numbers of columns that are next in size."""
    return Wide(*_with_columns(glmm), layout)


def _widened(params: Params, kept: np.ndarray, p: int) -> Params:
    beta = np.zeros(p)
    beta[kept] = params.beta
    return Params(beta, params.theta, params.phi)


def _with_columns(glmm: GLMM) -> tuple[GLMM, np.ndarray]:
    """The model with columns of zeros, and the numbers of its own."""
    x, kept, first = [], [], 0
    for number, own in enumerate(glmm.x):
        room = max(round_far_up(len(own)), _OTHERS if number else _FIRST)
        kept.append(first + np.arange(len(own)))
        x.append(np.concatenate([own, np.zeros((room - len(own), *own.shape[1:]))]))
        first += room
    places = np.concatenate(kept)
    prior = None if glmm.prior is None else glmm.prior.widened(places, first)
    return dataclasses.replace(glmm, x=tuple(x), prior=prior), places
