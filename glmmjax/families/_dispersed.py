"""A family whose dispersion has a linear predictor."""

from typing import ClassVar

import jax.numpy as jnp

from .._errors import ModelError
from ._composite import AbstractComposite
from ._custom import CustomFamily
from ._family import AbstractFamily
from ._ordinal import AbstractOrdinal

_LOW = 0.1


class Dispersed(AbstractComposite):
    """`inner` whose first dispersion parameter, on the scale on which it is reported, is
    `exp(eta[1])`.

    Nothing of the density is outside the kernel. Prior weights multiply the log density; those of a
    gaussian model are part of `offset` (`log sigma - log(weight) / 2`).
    """

    inner: AbstractFamily
    name: ClassVar[str] = "dispersed"
    part: ClassVar[str] = "disp"

    def __init__(self, inner: AbstractFamily):
        if not inner.dispersion_names or isinstance(inner, AbstractOrdinal | CustomFamily):
            raise ModelError(
                f"dispformula needs a family with a dispersion parameter, which {inner.name} lacks."
            )
        low = inner.unconstrained(
            (jnp.array(_LOW),) + (jnp.ones(()),) * (len(inner.dispersion_names) - 1)
        )[0]
        if not jnp.isfinite(low):
            raise ModelError(
                "dispformula needs a dispersion that may be any positive number, which"
                f" {inner.dispersion_names[0]} of {inner.name} may not."
            )
        self.inner = inner

    @property
    def response(self):
        """As `inner`."""
        return self.inner.response

    @property
    def dispersion_names(self):
        """Those of `inner` but the first."""
        return self.inner.dispersion_names[1:]

    def _phi(self, eta, phi):
        """`phi` of `inner` for each observation."""
        others = (jnp.ones(()),) * len(self.dispersion_names)
        first = self.inner.unconstrained((jnp.exp(eta[1]), *others))[0]
        return jnp.stack([first, *(jnp.broadcast_to(own, first.shape) for own in phi)])

    def kernel(self, y, eta, phi):
        own = self._phi(eta, phi)
        return self.inner.kernel(y, eta[0], own) + self.inner.base(y, own, jnp.ones_like(eta[0]))

    def base(self, y, phi, weight):
        return jnp.zeros_like(weight)

    def mean(self, eta, phi):
        return self.inner.mean(eta[0], self._phi(eta, phi))

    def variance(self, y, eta, phi):
        return self.inner.variance(y, eta[0], self._phi(eta, phi))

    def conditional_mean(self, eta, phi):
        return self.mean(eta, phi)

    def sample(self, key, y, eta, phi, weight):
        return self.inner.sample(key, y, eta[0], self._phi(eta, phi), jnp.ones_like(eta[0]))

    def dispersion(self, phi):
        return self.inner.dispersion(
            jnp.concatenate([jnp.ones_like(phi, shape=(1, *phi.shape[1:])), phi])
        )[1:]

    def unconstrained(self, dispersion):
        return self.inner.unconstrained((jnp.ones(()), *dispersion))[1:]

    def inner_response(self, y, weight):
        return y, weight

    def start(self, y, phi, weight):
        return jnp.log(self.inner.dispersion(phi)[0]), phi[1:]

    def random_scale(self, phi):
        return 1.0

    @property
    def limit(self):
        inside = self.inner.traits.limit
        return inside - 1 if inside else None
