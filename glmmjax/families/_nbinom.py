"""The negative binomial distribution with quadratic variance."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.scipy.special import gammaln

from ._family import POISSON_LIMIT, AbstractMeanFamily, Traits, Values, as_link
from ._link import AbstractLink, slope
from ._parameter import AbstractParameter, InverseSquare
from ._rising import log_rising_of_count
from ._special import ATANH, polynomial


class NBinom2(AbstractMeanFamily):
    """Counts with mean `mu` and variance `mu + mu^2 / phi` (glmmTMB's `nbinom2`, whose `sigma` is
    this `phi`).

    A Poisson variable whose mean is multiplied by a gamma variable of mean one. The unconstrained
    parameter is the coefficient of variation `tau` of the latter, so that `1 / phi = tau^2 =
    alpha`. Everything is written in `alpha` and smooth at zero, the Poisson limit, which is a point
    like any other (a size would have to run to infinity). The sign of `tau` means nothing.
    """

    link: AbstractLink
    name: ClassVar[str] = "nbinom2"
    response: ClassVar[str] = "count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (InverseSquare("phi", POISSON_LIMIT),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt", "softplus"), self.name)

    def kernel(self, y, eta, phi):
        log_mu, alpha = self.link.log_inverse(eta), alpha_of(phi)
        return y * _log_ratio(log_mu, alpha) - _scaled_log1p(log_mu, alpha)

    def base(self, y, phi, weight):
        alpha = alpha_of(phi)
        return weight * (log_rising_of_count(y, alpha) - y * jnp.log1p(alpha) - gammaln(y + 1))

    def variance(self, y, eta, phi):
        mu = self.mean(eta, phi)
        return mu + alpha_of(phi) * mu * mu

    def expected_curvature(self, y, eta, phi):
        mu = self.link.inverse(eta)
        if self.link.name == "log":
            return mu / (1 + alpha_of(phi) * mu)
        return slope(self.link, eta) ** 2 / (mu + alpha_of(phi) * mu**2)

    def sample(self, key, y, eta, phi, weight):
        for_rate, for_count = jax.random.split(key)
        mu, alpha = self.link.inverse(eta), jnp.broadcast_to(alpha_of(phi), eta.shape)
        shape = 1 / jnp.maximum(alpha, jnp.finfo(eta.dtype).eps ** 2)
        mixed = mu * jax.random.gamma(for_rate, shape, dtype=eta.dtype) / shape
        return jax.random.poisson(for_count, jnp.where(alpha > 0, mixed, mu), eta.shape).astype(
            eta.dtype
        )

    def start_mean(self, y):
        return y + 0.1

    def start_phi(self, y, mu, weights):
        """By moments, kept above the standard error in the absence of overdispersion (but not above
        one), because zero is a stationary point of the likelihood."""
        total = (weights * mu**2).sum()
        alpha = (weights * ((y - mu) ** 2 - mu)).sum() / total
        error = jnp.sqrt((weights**2 * (mu + 2 * mu**2)).sum()) / total
        return (jnp.sqrt(jnp.maximum(alpha, jnp.minimum(error, 1.0))),)

    @property
    def own_traits(self):
        is_log = self.link.name == "log"
        return Traits(is_log, covers_line=self.link.name != "identity", can_separate=is_log)


def alpha_of(phi):
    """`alpha = tau^2`."""
    return jnp.square(phi[0])


class _Parts(NamedTuple):
    """What the functions below share: `z = alpha mu`, `t = min(z, 1 / z)`, `w = t / (2 + t)`, and
    `q` with `log1p(t) / t = (1 - w) (1 + w^2 q)`, the series of `2 atanh(w) = log1p(t)`.

    No logarithm of an array is taken, which on a CPU costs more than all the rest of the kernel.
    """

    mu: Values
    z: Values
    t: Values
    w: Values
    q: Values


def _parts(log_mu: Values, alpha: Values) -> _Parts:
    mu = jnp.exp(log_mu)
    z = alpha * mu
    t = jnp.where(z > 1, 1 / jnp.where(z > 1, z, 1.0), z)
    w = t / (2 + t)
    return _Parts(mu, z, t, w, polynomial(ATANH, w * w))


def _positive(alpha: Values) -> Values:
    return jnp.where(alpha > 0, alpha, 1.0)


# The derivatives by alpha are closed forms in which nothing cancels, from `alpha H = log1p(alpha
# mu)` differentiated once and twice. Left to autodiff, a Hessian would keep some 60 arrays of the
# size of the data, and wait for memory.


@jax.custom_jvp
def _scaled_log1p(log_mu: Values, alpha: Values) -> Values:
    """`H = log1p(alpha mu) / alpha`, which is `mu` at `alpha = 0`; its derivative by `log mu` is
    `_shrunk_mean`."""
    mu, z, t, w, q = _parts(log_mu, alpha)
    ratio = (1 - w) * (1 + w * w * q)
    # log1p(z) = log z + log1p(1 / z) where z > 1
    above = (log_mu + jnp.log(_positive(alpha)) + t * ratio) / _positive(alpha)
    return jnp.where(z > 1, above, mu * ratio)


@jax.custom_jvp
def _log_ratio(log_mu: Values, alpha: Values) -> Values:
    """`L = log(mu (1 + alpha) / (1 + alpha mu))`: `log mu` at `alpha = 0`, and small where `alpha
    mu` is large, so that the sum over many large counts keeps its digits. The base takes `y log(1 +
    alpha)` back."""
    _, z, t, w, q = _parts(log_mu, alpha)
    log1p_t = t * (1 - w) * (1 + w * w * q)
    # log mu - log1p(z) = -log alpha - log1p(1 / z) where z > 1
    return jnp.log1p(alpha) - log1p_t + jnp.where(z > 1, -jnp.log(_positive(alpha)), log_mu)


@jax.custom_jvp
def _first_in_alpha(log_mu: Values, alpha: Values) -> Values:
    """`dH / dalpha = (m - H) / alpha`."""
    mu, z, _, w, q = _parts(log_mu, alpha)
    above = (_shrunk_mean(log_mu, alpha) - _scaled_log1p(log_mu, alpha)) / _positive(alpha)
    # Below z = 1, where z = 2 w / (1 - w), m = mu (1 - w) / (1 + w): m - H has alpha as a factor.
    return jnp.where(z > 1, above, -0.5 * jnp.square(mu * (1 - w)) * (1 / (1 + w) + w * q))


def _second_in_alpha(log_mu: Values, alpha: Values) -> Values:
    """`d2H / dalpha2 = -(m^2 + 2 dH / dalpha) / alpha`."""
    mu, z, _, w, q = _parts(log_mu, alpha)
    m = _shrunk_mean(log_mu, alpha)
    above = -(m * m + 2 * _first_in_alpha(log_mu, alpha)) / _positive(alpha)
    shrunk = mu * (1 - w)  # as there, m^2 + 2 dH / dalpha has alpha as a factor
    return jnp.where(z > 1, above, 0.5 * shrunk * shrunk * shrunk * (1 / jnp.square(1 + w) + q))


@jax.custom_jvp
def _shrunk_mean(log_mu: Values, alpha: Values) -> Values:
    """`m = mu / (1 + alpha mu)`, with `dm / dlog mu = m / (1 + alpha mu)` free of cancellation, and
    so positive."""
    mu = jnp.exp(log_mu)
    return mu / (1 + alpha * mu)


def _rule(function: Callable, by_log_mu: Callable, by_alpha: Callable) -> None:
    """Give a function its derivatives. The inner loops differentiate by the predictor alone: the
    derivative by alpha is left out there, not multiplied by zero."""

    def jvp(primals, tangents):
        out = function(*primals)
        dot = jnp.zeros_like(out)
        for partial, tangent in zip((by_log_mu, by_alpha), tangents, strict=True):
            if not isinstance(tangent, SymbolicZero):
                dot = dot + partial(*primals) * tangent
        return out, dot

    function.defjvp(jvp, symbolic_zeros=True)


_rule(
    _log_ratio,
    lambda log_mu, alpha: 1 / (1 + alpha * jnp.exp(log_mu)),
    lambda log_mu, alpha: (1 - jnp.exp(log_mu)) / ((1 + alpha) * (1 + alpha * jnp.exp(log_mu))),
)
_rule(_scaled_log1p, _shrunk_mean, _first_in_alpha)
_rule(_first_in_alpha, lambda *at: -jnp.square(_shrunk_mean(*at)), _second_in_alpha)
_rule(
    _shrunk_mean,
    lambda log_mu, alpha: _shrunk_mean(log_mu, alpha) / (1 + alpha * jnp.exp(log_mu)),
    lambda *at: -jnp.square(_shrunk_mean(*at)),
)
