"""One standard deviation, and a correlation of effects that have places of their own in every
level."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Num

from .._types import Array
from ..linalg import small
from ..structure import AbstractRelative, Links, Matrices
from ._component import Component, as_deviations, deviations
from ._covariance import AbstractCovariance
from ._pattern import AbstractField, AbstractLinked, AbstractPattern, parameter_value


class Placed(AbstractCovariance):
    """`sd^2 r(place, place)`: `theta` is `sd`, then the parameters of the correlation.

    The places differ from level to level, so what there is to see of it (`factor`, `q`) is the
    covariance of two effects a typical distance apart; `relative` is the factor of each level.

    Attributes:
        pattern: the correlation of the two typical places.
        places: (most, dims, levels) those of each level in order, or (most, dims, 1) if all have
            the same.
        present: (most, levels or 1) which of them there are; the others are behind, and no
            observation is there.
    """

    name: str = eqx.field(static=True)
    pattern: AbstractPattern
    places: Num[Array, "*members most dims _"]
    present: Bool[Array, "*members most _"]
    q: ClassVar[int] = 2

    @property
    def rank(self):
        return 2

    @property
    def size(self):
        return 1 + len(self.pattern.parameters)

    def factor(self, theta):
        return theta[0] * self.pattern.factor(theta[1:])

    @property
    def scales(self):
        return np.arange(1)

    @property
    def is_linked(self) -> bool:
        """Whether each effect depends on the one before it only."""
        return isinstance(self.pattern, AbstractLinked)

    @property
    def has_range(self) -> bool:
        """Whether the first parameter of the correlation is a range."""
        return bool(self.pattern.parameters) and self.pattern.parameters[0].kind == "range"

    def nearer(self, theta: Float[Array, "*members size"]) -> Float[Array, "*members size"]:
        """The same with a tenth of the range, where effects that are near to each other differ."""
        return theta - np.log(10) * np.eye(1, self.size, 1)[0]

    def relative(self, theta: Float[Array, " size"], *, linked: bool) -> AbstractRelative:
        """The factor of the effects of each level, (most, most); `linked` as a chain of them."""
        if isinstance(self.pattern, AbstractLinked):
            chain = self._chain(self.pattern, theta)
            return chain if linked else chain.matrices()
        if self.places.shape[-1] == 1:
            pattern = self.pattern.elsewhere(jnp.asarray(self.places)[..., 0])
            assert pattern is not None
            return Matrices(theta[0] * pattern.factor(theta[1:])[..., None])
        return Matrices(theta[0] * small.cholesky(self._correlations(theta)))

    def _chain(self, pattern: AbstractLinked, theta: Float[Array, " size"]) -> Links:
        # The first place of each level, and those that only pad, depend on nothing.
        joined = jnp.asarray(self.present).at[0].set(False)
        gaps = jnp.diff(jnp.asarray(self.places)[:, 0], axis=0, prepend=0)
        apart = gaps > 0  # two times may be one in single precision
        step, innovation = pattern.links(theta[1:], jnp.where(joined & apart, gaps, 1))
        step, innovation = jnp.where(apart, step, 1.0), jnp.where(apart, innovation, 0.0)
        return Links(jnp.where(joined, step, 0.0), theta[0] * jnp.where(joined, innovation, 1.0))

    def _correlations(self, theta: Float[Array, " size"]) -> Float[Array, "most most levels"]:
        """The matrix of each level, places that only pad by themselves."""

        def one(places):
            pattern = self.pattern.elsewhere(places)
            assert isinstance(pattern, AbstractField)
            return pattern.matrix(theta[1:])

        each, present = jax.vmap(one, -1, -1)(jnp.asarray(self.places)), jnp.asarray(self.present)
        return jnp.where(
            present[:, None] & present, each, jnp.eye(len(each), dtype=each.dtype)[:, :, None]
        )

    def start(self, sd):
        one = (sd * sd).mean(-1, keepdims=True) ** 0.5
        return one @ np.eye(1, self.size, dtype=sd.dtype)  # zeros follow

    def working_basis(self, r):
        return np.broadcast_to(np.eye(2), (*r.shape[:-2], 2, 2))

    def transform(self, theta, a):
        rest = np.broadcast_to(theta[1:], (*a.shape[:-2], len(theta) - 1))
        return np.concatenate([a[..., 0, :1] * theta[:1], rest], -1)

    def canonical(self, theta):
        return jnp.asarray(theta).at[:1].set(jnp.abs(theta[:1]))

    def components(self, names, label=""):
        return deviations((label,)) + tuple(
            Component(
                label, name, kind, parameter_value(self.pattern, k, 1, has_covariance=kind == "cor")
            )
            for k, (name, kind) in enumerate(self.pattern.parameters)
        )

    def from_components(self, values):
        return np.concatenate([as_deviations(values[:1]), self.pattern.unconstrained(values[1:])])
