"""The log-likelihood of each component of the random effects: of independent groups."""

from ..model import GLMM, Params
from ..structure import Effects
from ._aghq import AGHQ
from ._exact import Exact
from ._joint import PerComponent
from ._laplace import Laplace
from ._method import AbstractMethod
from ._mode import conditional_mode

Separable = Laplace | AGHQ
"""Methods whose log-likelihood is a sum over the components."""


def separable(method: AbstractMethod) -> Separable | None:
    """The method whose log-likelihood is the sum over components; None for one of the user's own.
    The Laplace approximation of a linear model is exact."""
    if isinstance(method, Exact):
        return Laplace()
    return method if isinstance(method, Laplace | AGHQ) else None


def log_components(
    method: Separable, glmm: GLMM, params: Params, start: Effects
) -> tuple[PerComponent, Effects]:
    """Log-likelihoods, and the conditional mode, from where one nearby begins."""
    mode = conditional_mode(glmm, params, start)
    base = glmm.family.base(glmm.y, params.phi, glmm.weights)
    return method.by_component(glmm, params, mode) + glmm.structure.sum_components(base), mode.b
