"""What a method is: all that the rest of the package asks of one."""

import abc
import dataclasses
from collections.abc import Callable, Iterator
from typing import ClassVar

import jax
import numpy as np
from jaxtyping import Float

from .._types import Array
from ..assembly import MixedModel
from ..model import GLMM, Params
from ..structure import AbstractFactor
from ._mode import Mode
from ._objective import AbstractLikelihood, AbstractObjective

CovarianceOfFixed = Callable[[GLMM, Params], Float[Array, "p p"]]


@dataclasses.dataclass(frozen=True, eq=False)
class AbstractMethod(abc.ABC):
    """A likelihood of a model, exact or approximate, and what a fit by it needs.

    Subclasses are frozen dataclasses of plain values, which are what a saved fit holds of a method
    beside its `name`; in compiled functions a method is a constant.
    """

    name: ClassVar[str]
    is_chosen: ClassVar[bool] = True
    """Whether a person names it, rather than something else that is asked for."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        jax.tree_util.register_static(cls)

    @abc.abstractmethod
    def check(self, model: MixedModel) -> None:
        """Raise a `ModelError` if the method cannot serve the model."""

    @abc.abstractmethod
    def log_likelihood(self, glmm: GLMM, params: Params) -> Float[Array, ""]:
        """Fully normalised; NaN where the conditional mode was not found."""

    @abc.abstractmethod
    def objectives(self, glmm: GLMM) -> Iterator[tuple[AbstractObjective, np.ndarray]]:
        """What is minimised, with the numbers of the members that it serves; the arrays of `glmm`
        (NumPy) may have a leading axis of members, else the model is number 0."""

    @abc.abstractmethod
    def joint_likelihoods(self, glmm: GLMM) -> Iterator[tuple[AbstractLikelihood, np.ndarray]]:
        """The same as functions of every parameter, none profiled out or integrated out."""

    @abc.abstractmethod
    def factor(self, glmm: GLMM, params: Params, mode: Mode) -> AbstractFactor:
        """Factor of `H` at the conditional mode, with the curvature that the method uses."""

    @property
    @abc.abstractmethod
    def is_restricted(self) -> bool:
        """Whether the likelihood is one with the fixed effects integrated out (REML)."""

    @property
    @abc.abstractmethod
    def covariance_of_fixed(self) -> CovarianceOfFixed | None:
        """The covariance of the fixed effects as a function of the variances, if it is one: tests
        of coefficients are then t, with Satterthwaite's degrees of freedom; else None."""

    @abc.abstractmethod
    def numbers_touched(self, cells: int, kept: int, p: int) -> int:
        """Numbers in each array of an evaluation of a model of so many cells of rows, numbers of
        `H` that are kept, and coefficients."""

    @abc.abstractmethod
    def describe(self) -> str:
        """The method in words, as the summary prints it."""
