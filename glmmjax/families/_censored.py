"""Responses of which some are only known to lie above, below or between limits."""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from ._family import AbstractFamily, Traits, Values, absolute_curvature, as_link
from ._link import AbstractLink, log_one_minus_exp_exp
from ._normal import log_interval
from ._parameter import AbstractParameter, Positive
from ._special import HALF_LOG_2PI

_GUMBEL_SD = math.pi / math.sqrt(6)
_EULER = 0.5772156649015329


class AbstractCensored(AbstractFamily):
    """A variable whose standardised form `z` has one distribution whatever the parameters.

    A response has three components: `y[0]` the value, `y[1]` the upper end of its interval, and
    `y[2]`, which says how it is censored: 0 not at all (its density counts), 1 on the right (`P(Y >
    y[0])`), -1 on the left (`P(Y <= y[0])`), 2 between the ends. Draws are of the variable, and so
    not censored. The expected curvature depends on limits that are not known where nothing is
    censored, so the absolute observed one stands in. Weights multiply the log density.
    """

    link: eqx.AbstractVar[AbstractLink]

    @abc.abstractmethod
    def standardised(self, value: Values, eta: Values, phi: Values) -> Values:
        """`z` of a value of the variable, which it increases with."""

    @abc.abstractmethod
    def log_density(self, z: Values) -> Values:
        """Of `z`."""

    @abc.abstractmethod
    def log_known(self, z: Values, high: Values, code: Values) -> Values:
        """Logarithm of `P(Z > z)`, `P(Z <= z)` or `P(z < Z <= high)`, by the code."""

    @abc.abstractmethod
    def log_slope(self, y: Values, phi: Values) -> Values:
        """`log(d z / d value)` at values `y`."""

    @abc.abstractmethod
    def draw(self, key: jax.Array, eta: Values, phi: Values) -> Values:
        """A value of the variable."""

    def kernel(self, y, eta, phi):
        code = y[2]
        z = self.standardised(y[0], eta, phi)
        # Outside of an interval `high` plays no part.
        high = jnp.where(code == 2, self.standardised(y[1], eta, phi), z + 1)
        return jnp.where(code == 0, self.log_density(z), self.log_known(z, high, code))

    def base(self, y, phi, weight):
        return weight * jnp.where(y[2] == 0, self.log_slope(y[0], phi), 0.0)

    def expected_curvature(self, y, eta, phi):
        return absolute_curvature(self, y, eta, phi)

    def sample(self, key, y, eta, phi, weight):
        drawn = self.draw(key, eta, phi)
        return jnp.stack([drawn, drawn, jnp.zeros_like(drawn)])


class AbstractNormal(AbstractCensored):
    """One whose `z` is standard normal."""

    def log_density(self, z):
        return -0.5 * z * z

    def log_known(self, z, high, code):
        """A probability from below, less what lies below an interval; an interval is turned to the
        lower half, where the logarithms of the tails are far apart."""
        inside, turned = code == 2, z + high > 0
        to = jnp.where(inside, jnp.where(turned, -z, high), jnp.where(code == 1, -z, z))
        start = jnp.where(inside, jnp.where(turned, -high, z), -1 - jnp.abs(to))
        return log_interval(start, to, inside)


class CensoredGaussian(AbstractNormal):
    """`y ~ N(eta, sigma^2)`, possibly censored (Tobin 1958); the unconstrained parameter is `log
    sigma`."""

    link: AbstractLink
    name: ClassVar[str] = "censored_gaussian"
    response: ClassVar[str] = "censored"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("sigma"),)

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity",), self.name)

    def standardised(self, value, eta, phi):
        return (value - eta) * jnp.exp(-phi[0])

    def log_slope(self, y, phi):
        return -phi[0] - HALF_LOG_2PI + jnp.zeros_like(y)

    def draw(self, key, eta, phi):
        return eta + jnp.exp(phi[0]) * jax.random.normal(key, eta.shape, eta.dtype)

    def mean(self, eta, phi):
        return eta

    def variance(self, y, eta, phi):
        return jnp.broadcast_to(jnp.exp(2 * phi[0]), eta.shape)

    def start_mean(self, y):
        return _middle(y)

    def start_phi(self, y, mu, weights):
        return (0.5 * jnp.log((weights * (_middle(y) - mu) ** 2).sum() / weights.sum()),)

    @property
    def own_traits(self):
        return Traits(
            log_concave=True,
            can_separate=True,
            has_expectation=False,
            spread=lambda dispersion, size: (dispersion[0] / size,),
        )


class CensoredLogNormal(AbstractNormal):
    """Positive `y` with `log y ~ N(eta, sigma^2)`, possibly censored: `lognormal` where nothing
    is."""

    link: AbstractLink
    name: ClassVar[str] = "censored_lognormal"
    response: ClassVar[str] = "censored_positive"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("sigma"),)

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity",), self.name)

    def standardised(self, value, eta, phi):
        return (jnp.log(value) - eta) * jnp.exp(-phi[0])

    def log_slope(self, y, phi):
        return -phi[0] - HALF_LOG_2PI - jnp.log(y)

    def draw(self, key, eta, phi):
        return jnp.exp(eta + jnp.exp(phi[0]) * jax.random.normal(key, eta.shape, eta.dtype))

    def mean(self, eta, phi):
        return jnp.exp(eta + 0.5 * jnp.exp(2 * phi[0]))

    def variance(self, y, eta, phi):
        return jnp.expm1(jnp.exp(2 * phi[0])) * jnp.square(self.mean(eta, phi))

    def start_mean(self, y):
        return jnp.log(_middle(y))

    def start_phi(self, y, mu, weights):
        # `mu` is the mean at sigma = 1.
        residual = jnp.log(_middle(y)) - (jnp.log(mu) - 0.5)
        return (0.5 * jnp.log((weights * residual**2).sum() / weights.sum()),)

    @property
    def own_traits(self):
        return Traits(
            log_concave=True,
            can_separate=True,
            has_expectation=False,
            is_latent=True,
            spread=lambda dispersion, size: dispersion,
        )


class Weibull(AbstractCensored):
    """Positive `y` with `P(Y > y) = exp(-(y / exp(eta))^shape)`, possibly censored; `phi = log
    shape`.

    The predictor is the logarithm of the scale, as in `survreg` of R's survival, whose `scale` is
    `1 / shape`: the exponential of a coefficient multiplies times. The logarithm of a hazard ratio
    is `-shape` times the coefficient.
    """

    link: AbstractLink
    name: ClassVar[str] = "weibull"
    response: ClassVar[str] = "censored_positive"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Positive("shape"),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log",), self.name)

    def standardised(self, value, eta, phi):
        """The logarithm of an exponential variable of mean one."""
        return (jnp.log(value) - eta) * jnp.exp(phi[0])

    def log_density(self, z):
        return z - jnp.exp(z)

    def log_known(self, z, high, code):
        """`exp(-exp(z))`, and for an interval times `1 - exp(-(exp(high) - exp(z)))`; below `1 -
        exp(-exp(z))`."""
        above = jnp.where(code == -1, 0.0, -jnp.exp(z))
        log_more = jnp.where(code == 2, high + jnp.log(-jnp.expm1(z - high)), z)
        return above + jnp.where(code == 1, 0.0, log_one_minus_exp_exp(log_more))

    def log_slope(self, y, phi):
        return phi[0] - jnp.log(y)

    def draw(self, key, eta, phi):
        return jnp.exp(
            eta + jnp.exp(-phi[0]) * jnp.log(jax.random.exponential(key, eta.shape, eta.dtype))
        )

    def mean(self, eta, phi):
        return jnp.exp(eta + gammaln(1 + jnp.exp(-phi[0])))

    def variance(self, y, eta, phi):
        a = jnp.exp(-phi[0])
        return jnp.square(self.mean(eta, phi)) * jnp.expm1(gammaln(1 + 2 * a) - 2 * gammaln(1 + a))

    def start_mean(self, y):
        return _middle(y)

    def start_phi(self, y, mu, weights):
        # At a shape of one `mu` is the scale; the logarithm of an exponential variable has a mean
        # of -_EULER.
        residual = jnp.log(_middle(y)) - jnp.log(mu) + _EULER
        return (jnp.log(_GUMBEL_SD) - 0.5 * jnp.log((weights * residual**2).sum() / weights.sum()),)

    @property
    def own_traits(self):
        return Traits(
            log_concave=True,
            can_separate=True,
            has_expectation=False,
            is_latent=True,
            spread=lambda dispersion, size: (1 / dispersion[0],),
        )


def _middle(y: Values) -> Values:
    """What stands in for a value in a start: the limit, or the middle of the interval."""
    return jnp.where(y[2] == 2, 0.5 * (y[0] + y[1]), y[0])
