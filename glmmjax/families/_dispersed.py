"""A family whose dispersion has a linear predictor."""

from typing import ClassVar

import jax.numpy as jnp

from .._errors import ModelError
from ._composite import AbstractComposite
from ._family import AbstractFamily


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
        if not inner.parameters or inner.parameters[0].low < 0:
            raise ModelError(
                f"dispformula needs a family with a dispersion parameter, which {inner.name} lacks."
            )
        if inner.parameters[0].low > 0:
            raise ModelError(
                "dispformula needs a dispersion that may be any positive number, which"
                f" {inner.parameters[0].name} of {inner.name} may not."
            )
        self.inner = inner

    @property
    def response(self):
        """As `inner`."""
        return self.inner.response

    @property
    def parameters(self):
        """Those of `inner` but the first."""
        return self.inner.parameters[1:]

    def _phi(self, eta, phi):
        """`phi` of `inner` for each observation."""
        first = self.inner.parameters[0].unconstrained(jnp.exp(eta[1]), 0.0)
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

    def inner_response(self, y, weight):
        return y, weight

    def start(self, y, phi, weight):
        return jnp.log(self.inner.dispersion(phi)[0]), phi[1:]
