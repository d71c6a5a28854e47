"""What can be asked of `H`, however it is factored."""

import abc

import equinox as eqx
from jaxtyping import Bool, Float

from .._types import Array
from ._structure import Effects, Structure


class AbstractFactor(eqx.Module):
    """The factor of `H = I + lam' Z'WZ lam`."""

    structure: eqx.AbstractVar[Structure]

    @abc.abstractmethod
    def solve(self, x: Effects) -> Effects:
        """`H^-1 x`; the parts of `x` may have axes between the first and the last."""

    @abc.abstractmethod
    def half_solve(self, x: Effects) -> Effects:
        """`r' x` with `H^-1 = r' r`: standard normal `x` becomes a draw from `N(0, H^-1)`."""

    @abc.abstractmethod
    def logdet(self) -> Float[Array, " components"]:
        """`log det H` of each component."""

    @abc.abstractmethod
    def blocks(self) -> tuple[Float[Array, "_ _ _"], ...]:
        """The blocks of `H^-1` that belong to the levels of each factor: the covariance of the
        spherical random effects of a level given the data; NaN where `H` is not positive
        definite."""

    @abc.abstractmethod
    def positive(self) -> Bool[Array, " components"]:
        """Whether `H` of a component is positive definite."""
