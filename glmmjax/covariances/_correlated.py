"""Standard deviations times a correlation: most structures are this, and differ in the
correlation."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._basis import diagonal_basis, position_basis, scalar_basis
from ._component import Component, as_deviations, deviations
from ._covariance import AbstractCovariance
from ._pattern import AbstractPattern, parameter_value


class Correlated(AbstractCovariance):
    """`lam = diag(sd) l` where `l` is the factor of a correlation matrix: `theta` is `sd` (the
    roots of several), then the parameters of `l`.

    Attributes:
        heterogeneous: whether each effect has its own standard deviation; else one is shared.
        placed: whether effects are positions, of which each observation has one, rather than
            columns.
        pattern: the correlation.
    """

    q: int = eqx.field(static=True)
    name: str = eqx.field(static=True)
    pattern: AbstractPattern
    heterogeneous: bool = eqx.field(static=True, default=False)
    placed: bool = eqx.field(static=True, default=False)

    @property
    def rank(self):
        return self.q

    @property
    def size(self):
        return self._scales + len(self.pattern.parameters)

    @property
    def _scales(self) -> int:
        return self.q if self.heterogeneous else 1

    def factor(self, theta):
        # Of several deviations one negative among positive ones would turn the signs of
        # correlations, which is no covariance of this kind: they are squares. A single one may be
        # negative, which is a mirror image.
        scales = theta[: self._scales] ** 2 if self.heterogeneous else theta[: self._scales]
        return scales[:, None] * self.pattern.factor(theta[self._scales :])

    @property
    def scales(self):
        return np.arange(self._scales)

    def start(self, sd):
        scales = (sd if self.heterogeneous else (sd * sd).mean(-1, keepdims=True)) ** 0.5
        return scales @ np.eye(self._scales, self.size, dtype=sd.dtype)  # zeros follow

    def working_basis(self, r):
        if self.placed:  # of indicators, mean squares only say how often a position occurs
            return position_basis(r)
        return diagonal_basis(r) if self.heterogeneous else scalar_basis(r)

    def transform(self, theta, a):
        stretch = np.diagonal(a, axis1=-2, axis2=-1)[..., : self._scales]
        scales = (np.sqrt(stretch) if self.heterogeneous else stretch) * theta[: self._scales]
        rest = np.broadcast_to(
            theta[self._scales :], (*scales.shape[:-1], len(theta) - self._scales)
        )
        return np.concatenate([scales, rest], -1)

    def canonical(self, theta):
        return jnp.asarray(theta).at[: self._scales].set(jnp.abs(theta[: self._scales]))

    def components(self, names, label=""):
        scales = deviations(names if self.heterogeneous else (label,))
        parameters = self.pattern.parameters
        return scales + tuple(
            Component(
                label,
                name,
                kind,
                parameter_value(self.pattern, k, self._scales, has_covariance=shared),
            )
            for k, (name, kind) in enumerate(parameters)
            for shared in (kind == "cor" and not self.heterogeneous,)
        )

    def from_components(self, values):
        scales, rest = as_deviations(values[: self._scales]), values[self._scales :]
        scales = np.sqrt(scales) if self.heterogeneous else scales
        return np.concatenate([scales, self.pattern.unconstrained(rest)])
