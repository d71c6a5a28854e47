"""What every covariance of the random effects of one level offers."""

import abc

import equinox as eqx
import numpy as np
from jaxtyping import Float

from .._types import Array
from ._component import Component


class AbstractCovariance(eqx.Module):
    """The covariance `lam lam'` of `q` random effects of a level, from unconstrained parameters
    `theta`.

    `lam` is a smooth function of `theta` in which a variance of zero is an ordinary point, so there
    is no boundary: `theta` and its mirror image (a column of `lam` with the other sign) are the
    same model. `theta` begins with what has the scale of the effects; parameters of the correlation
    follow.

    Structures differ in shape by static fields only. Coordinates are arrays, so that members of a
    batch can be stacked.
    """

    q: eqx.AbstractVar[int]
    name: eqx.AbstractVar[str]

    @property
    @abc.abstractmethod
    def rank(self) -> int:
        """Number of spherical effects of one level: columns of `lam`."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """Number of parameters."""

    @abc.abstractmethod
    def factor(self, theta: Float[Array, " size"]) -> Float[Array, "q rank"]:
        """Lower-triangular (trapezoidal) factor `lam`."""

    @property
    @abc.abstractmethod
    def scales(self) -> np.ndarray:
        """Positions in `theta` of the diagonal of `lam`, or of what it is a multiple of: zero at a
        singular fit."""

    @abc.abstractmethod
    def start(self, sd: Float[Array, "*members q"]) -> Float[Array, "*members size"]:
        """`theta` of independent effects with standard deviations `sd` (their root mean square if
        there is one for all): NumPy's of NumPy's, JAX's of JAX's."""

    @abc.abstractmethod
    def working_basis(
        self, r: Float[np.ndarray, "*members q q"]
    ) -> Float[np.ndarray, "*members q q"]:
        """Lower-triangular `a` such that `a lam` is again a factor of this kind, and the columns of
        `z a^-1` have mean square one and are as orthogonal as that allows, where `r` is triangular
        with `r'r = z'z / count`."""

    @abc.abstractmethod
    def transform(
        self, theta: Float[np.ndarray, " size"], a: Float[np.ndarray, "*members q q"]
    ) -> Float[np.ndarray, "*members size"]:
        """`theta` of `a lam`, linear in `theta`; `a` is a working basis or its inverse."""

    @abc.abstractmethod
    def canonical(self, theta: Float[Array, " size"]) -> Float[Array, " size"]:
        """The mirror image of `theta` without a negative scale."""

    @abc.abstractmethod
    def components(self, names: tuple[str, ...], label: str = "") -> tuple[Component, ...]:
        """What is shown of the covariance on its natural scale, for effects called `names` of a
        term whose left side is `label`."""

    @abc.abstractmethod
    def from_components(
        self, values: Float[np.ndarray, " components"]
    ) -> Float[np.ndarray, " size"]:
        """`theta` from the standard deviations, correlations and parameters in the order of
        `components`.

        Raises:
            ModelError: no covariance of this kind has these values.
        """
