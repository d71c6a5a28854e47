"""What an approximation of the marginal likelihood has to give."""

import abc

import equinox as eqx
from jaxtyping import Float

from .._types import Array
from ..model import GLMM
from ..params import Params
from ..structure import AbstractFactor, Effects
from ._conditional import log_base
from ._mode import Mode, conditional_mode


class AbstractIntegral(eqx.Module):
    """A way to integrate the random effects out around their conditional mode."""

    name: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def factor(self, glmm: GLMM, params: Params, mode: Mode) -> AbstractFactor:
        """Factor of `H` at the conditional mode, with the curvature that the method uses."""

    @abc.abstractmethod
    def log_integral(self, glmm: GLMM, params: Params, mode: Mode) -> Float[Array, ""]:
        """Log-likelihood less `log_base`, given the conditional mode at `params`."""

    @abc.abstractmethod
    def describe(self) -> str:
        """The method in words, as the summary prints it."""


def integrated_log_likelihood(
    method: AbstractIntegral, glmm: GLMM, params: Params, start: Effects | None = None
) -> Float[Array, ""]:
    """Log-likelihood by `method`; `start` (no derivative) is where the search of the mode
    begins."""
    if start is None:
        start = glmm.structure.no_effects(params.beta.dtype)
    mode = conditional_mode(glmm, params, start)
    return method.log_integral(glmm, params, mode) + log_base(glmm, params.phi)
