"""Zero-truncated distributions of counts."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from ._family import AbstractFamily, Traits, Values, absolute_curvature, as_link
from ._link import AbstractLink, log_one_minus_exp_exp
from ._nbinom import NBinom2, alpha_of
from ._nbinom1 import NBinom1
from ._parameter import AbstractParameter, InverseSquare, Square
from ._poisson import Poisson
from ._rising import log1p_ratio

_SIMPLER = "truncated_poisson is the simpler family"


class AbstractTruncated(AbstractFamily):
    """Counts from one up, distributed like those of another family given that they are not zero.

    As in glmmTMB the linear predictor and the dispersion are those of the other variable, so that
    the mean of `y` is larger than the inverse of the link. With `f(0) = exp(-h)` the kernel is that
    of the other family less `log(1 - exp(-h))`, which depends on `log h` alone.
    """

    other: eqx.AbstractVar[AbstractFamily]
    response: eqx.AbstractVar[str]

    @abc.abstractmethod
    def log_decay(self, log_mu: Values, phi: Values) -> Values:
        """`log h`."""

    @abc.abstractmethod
    def shape(self, mu: Values, phi: Values) -> Values:
        """Shape of the gamma variable of mean `mu` to which `y` is Poisson; as good as infinite in
        the limit."""

    def kernel(self, y, eta, phi):
        return self.other.kernel(y, eta, phi) - self._log_positive(eta, phi)

    def base(self, y, phi, weight):
        return self.other.base(y, phi, weight)

    def mean(self, eta, phi):
        return jnp.exp(self.link.log_inverse(eta) - self._log_positive(eta, phi))

    def variance(self, y, eta, phi):
        """With `m` the mean and `mu` the other one: `E y^2 = m (V / mu + mu)`."""
        m, mu = self.mean(eta, phi), self.other.mean(eta, phi)
        return m * (self.other.variance(y, eta, phi) / mu + mu - m)

    def sample(self, key, y, eta, phi, weight):
        """By a Poisson process of random rate on (0, 1), given that it has an event: the time of
        the first one by its distribution function, the rate given that time, and the number of
        events in the time that is left."""
        for_time, for_rate, for_count = jax.random.split(key, 3)
        mu = self.link.inverse(eta)
        shape = jnp.broadcast_to(self.shape(mu, phi), eta.shape)
        inverse_scale = shape / mu
        quantile = jax.random.uniform(for_time, eta.shape, eta.dtype)
        waited = -jnp.log1p(quantile * jnp.expm1(-shape * jnp.log1p(1 / inverse_scale)))
        time = inverse_scale * jnp.expm1(waited / shape)
        rate = jax.random.gamma(for_rate, shape + 1, dtype=eta.dtype) / (inverse_scale + time)
        left = rate * jnp.maximum(1 - time, 0)
        return 1 + jax.random.poisson(for_count, left, eta.shape).astype(eta.dtype)

    def start_mean(self, y):
        return y

    def start_phi(self, y, mu, weights):
        return self.other.start_phi(y, mu, weights)

    def _log_positive(self, eta: Values, phi: Values) -> Values:
        return log_one_minus_exp_exp(self.log_decay(self.link.log_inverse(eta), phi))


class TruncatedPoisson(AbstractTruncated):
    """Zero-truncated Poisson counts (glmmTMB's `truncated_poisson`). No dispersion parameter."""

    link: AbstractLink
    other: AbstractFamily
    name: ClassVar[str] = "truncated_poisson"
    response: ClassVar[str] = "positive_count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = ()

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt", "softplus"), self.name)
        self.other = Poisson(self.link)

    def log_decay(self, log_mu, phi):
        return log_mu

    def shape(self, mu, phi):
        return jnp.full_like(mu, _without_variance(mu))

    def expected_curvature(self, y, eta, phi):
        return _curvature_at_mean(self, eta, phi)

    @property
    def own_traits(self):
        return _traits(self.other, log_concave=self.link.name in ("log", "identity"))


class TruncatedNBinom2(AbstractTruncated):
    """Zero-truncated negative binomial counts with quadratic variance (glmmTMB's
    `truncated_nbinom2`)."""

    link: AbstractLink
    other: AbstractFamily
    name: ClassVar[str] = "truncated_nbinom2"
    response: ClassVar[str] = "positive_count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (InverseSquare("phi", _SIMPLER),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt", "softplus"), self.name)
        self.other = NBinom2(self.link)

    def log_decay(self, log_mu, phi):
        return log_mu + jnp.log(log1p_ratio(alpha_of(phi) * jnp.exp(log_mu)))

    def shape(self, mu, phi):
        return 1 / jnp.maximum(alpha_of(phi), 1 / _without_variance(mu))

    def expected_curvature(self, y, eta, phi):
        return _curvature_at_mean(self, eta, phi)

    @property
    def own_traits(self):
        return _traits(self.other, log_concave=False)


class TruncatedNBinom1(AbstractTruncated):
    """Zero-truncated negative binomial counts with linear variance (glmmTMB's
    `truncated_nbinom1`)."""

    link: AbstractLink
    other: AbstractFamily
    name: ClassVar[str] = "truncated_nbinom1"
    response: ClassVar[str] = "positive_count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Square("alpha", _SIMPLER),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt"), self.name)
        self.other = NBinom1(self.link)

    def log_decay(self, log_mu, phi):
        return log_mu + jnp.log(log1p_ratio(alpha_of(phi)))

    def shape(self, mu, phi):
        return mu / jnp.maximum(alpha_of(phi), 1 / _without_variance(mu))

    def expected_curvature(self, y, eta, phi):
        return absolute_curvature(self, y, eta, phi)

    @property
    def own_traits(self):
        return _traits(self.other, log_concave=False)


def _curvature_at_mean(family: AbstractTruncated, eta: Values, phi: Values) -> Values:
    """Exact, because the kernels of Poisson and nbinom2 are linear in `y`."""
    return absolute_curvature(family, family.mean(eta, phi), eta, phi)


def _traits(other: AbstractFamily, *, log_concave: bool) -> Traits:
    return other.own_traits._replace(log_concave=log_concave, is_latent=True)


def _without_variance(like: Values) -> float:
    """A shape of which the gamma distribution has no variance that rounding would leave."""
    return float(jnp.finfo(like.dtype).eps ** -2)
