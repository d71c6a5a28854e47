"""Link functions: how the mean of the response hangs on the linear predictor."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr, ndtr, ndtri
from jaxtyping import Bool, Float

from .._types import Array

Values = Float[Array, "..."]

_HALF_LOG_2PI = 0.9189385332046727
_SMALL = -20.0  # below it logarithms of softplus and of 1 - exp(-t) are their series
_ENDS = (-30.0, 6.5)


class AbstractLink(eqx.Module):
    """`g` in `g(mu) = eta`, elementwise. Densities use the two logarithms, which stay exact in the
    tails."""

    name: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def link(self, mu: Values) -> Values:
        """Linear predictor `eta = g(mu)`."""

    @abc.abstractmethod
    def inverse(self, eta: Values) -> Values:
        """Mean `mu = g^-1(eta)`."""

    @abc.abstractmethod
    def log_inverse(self, eta: Values) -> Values:
        """`log mu` as a function of `eta`."""


class AbstractUnitLink(AbstractLink):
    """A link for means in (0, 1)."""

    @abc.abstractmethod
    def log_complement(self, eta: Values) -> Values:
        """`log(1 - mu)` as a function of `eta`."""

    @abc.abstractmethod
    def log_slope(self, eta: Values) -> Values:
        """`log(d mu / d eta)` as a function of `eta`."""


class Identity(AbstractLink):
    """`mu = eta`."""

    name: ClassVar[str] = "identity"

    def link(self, mu):
        return mu

    def inverse(self, eta):
        return eta

    def log_inverse(self, eta):
        return jnp.log(eta)


class Log(AbstractLink):
    """`mu = exp(eta)`."""

    name: ClassVar[str] = "log"

    def link(self, mu):
        return jnp.log(mu)

    def inverse(self, eta):
        return jnp.exp(eta)

    def log_inverse(self, eta):
        return eta


class Inverse(AbstractLink):
    """`mu = 1 / eta`, for positive `eta`."""

    name: ClassVar[str] = "inverse"

    def link(self, mu):
        return 1 / mu

    def inverse(self, eta):
        return 1 / eta

    def log_inverse(self, eta):
        return -jnp.log(eta)


class Sqrt(AbstractLink):
    """`mu = eta^2`."""

    name: ClassVar[str] = "sqrt"

    def link(self, mu):
        return jnp.sqrt(mu)

    def inverse(self, eta):
        return eta * eta

    def log_inverse(self, eta):
        return 2 * jnp.log(jnp.abs(eta))


class Softplus(AbstractLink):
    """`mu = log(1 + exp(eta))`: like the log link for small means, like the identity for large
    ones."""

    name: ClassVar[str] = "softplus"

    def link(self, mu):
        return mu + jnp.log(-jnp.expm1(-mu))

    def inverse(self, eta):
        return softplus(eta)

    def log_inverse(self, eta):
        small = eta < _SMALL
        return jnp.where(
            small, eta - 0.5 * jnp.exp(eta), jnp.log(softplus(jnp.where(small, _SMALL, eta)))
        )


class Logit(AbstractUnitLink):
    """`mu = 1 / (1 + exp(-eta))`."""

    name: ClassVar[str] = "logit"

    def link(self, mu):
        return jnp.log(mu) - jnp.log1p(-mu)

    def inverse(self, eta):
        return jax.lax.logistic(eta)

    def log_inverse(self, eta):
        return -softplus(-eta)

    def log_complement(self, eta):
        return -softplus(eta)

    def log_slope(self, eta):
        return -softplus(eta) - softplus(-eta)


class Probit(AbstractUnitLink):
    """`mu = Phi(eta)`, the standard normal distribution function."""

    name: ClassVar[str] = "probit"

    def link(self, mu):
        return ndtri(mu)

    def inverse(self, eta):
        return ndtr(eta)

    def log_inverse(self, eta):
        return log_ndtr(eta)

    def log_complement(self, eta):
        return log_ndtr(-eta)

    def log_slope(self, eta):
        return -0.5 * eta * eta - _HALF_LOG_2PI


class CLogLog(AbstractUnitLink):
    """`mu = 1 - exp(-exp(eta))`, the complementary log-log link."""

    name: ClassVar[str] = "cloglog"

    def link(self, mu):
        return jnp.log(-jnp.log1p(-mu))

    def inverse(self, eta):
        return -jnp.expm1(-jnp.exp(eta))

    def log_inverse(self, eta):
        return log_one_minus_exp_exp(eta)

    def log_complement(self, eta):
        return -jnp.exp(eta)

    def log_slope(self, eta):
        return eta - jnp.exp(eta)


class Cauchit(AbstractUnitLink):
    """`mu = 1/2 + arctan(eta) / pi`, the Cauchy distribution function."""

    name: ClassVar[str] = "cauchit"

    def link(self, mu):
        return -jnp.cos(jnp.pi * mu) / jnp.sin(jnp.pi * mu)

    def inverse(self, eta):
        return jnp.arctan2(jnp.ones_like(eta), -eta) / jnp.pi

    def log_inverse(self, eta):
        return jnp.log(self.inverse(eta))

    def log_complement(self, eta):
        return jnp.log(self.inverse(-eta))

    def log_slope(self, eta):
        return -jnp.log(jnp.pi) - jnp.log1p(eta * eta)


@jax.custom_jvp
def softplus(eta: Values) -> Values:
    """`log(1 + exp(eta))` whose derivatives are the closed forms in `mu = logistic(eta)`."""
    return jnp.maximum(eta, 0) + jnp.log1p(jnp.exp(-jnp.abs(eta)))


@softplus.defjvp
def _(primals, tangents):
    (eta,), (tangent,) = primals, tangents
    return softplus(eta), jax.lax.logistic(eta) * tangent


@jax.custom_jvp
def log_sum(a: Values, b: Values) -> Values:
    """`log(exp(a) + exp(b))` whose derivatives are the closed forms in the share `logistic(a - b)`
    of the first."""
    return jnp.maximum(a, b) + jnp.log1p(jnp.exp(-jnp.abs(a - b)))


@log_sum.defjvp
def _(primals, tangents):
    (a, b), (a_dot, b_dot) = primals, tangents
    return log_sum(a, b), jax.lax.logistic(a - b) * a_dot + jax.lax.logistic(b - a) * b_dot


@jax.custom_jvp
def log_one_minus_exp_exp(eta: Values) -> Values:
    """`log(1 - exp(-t))`, `t = exp(eta)`; differentiated as `t / (exp(t) - 1)`, finite in both
    tails."""
    t, small = jnp.exp(eta), eta < _SMALL
    return jnp.where(small, eta - t / 2, jnp.log(-jnp.expm1(-jnp.where(small, 1.0, t))))


@log_one_minus_exp_exp.defjvp
def _(primals, tangents):
    (eta,), (tangent,) = primals, tangents
    # Beyond these ends it is one and zero, to all digits.
    return log_one_minus_exp_exp(eta), _bernoulli_ratio(jnp.clip(eta, *_ENDS)) * tangent


@jax.custom_jvp
def _bernoulli_ratio(eta: Values) -> Values:
    """`r = t / (exp(t) - 1)`, `t = exp(eta)`, whose derivative is `r (1 - t - r)`."""
    t = jnp.exp(eta)
    return t / jnp.expm1(t)


@_bernoulli_ratio.defjvp
def _(primals, tangents):
    (eta,), (tangent,) = primals, tangents
    r = _bernoulli_ratio(eta)
    return r, r * (1 - jnp.exp(eta) - r) * tangent


def slope(link: AbstractLink, eta: Values) -> Values:
    """`d mu / d eta`, elementwise."""
    return jax.jvp(link.inverse, (eta,), (jnp.ones_like(eta),))[1]


def on_branch(link: AbstractLink, eta: Values) -> Bool[Array, "..."]:
    """Whether `link(inverse(eta))` is `eta` again. The square root has two branches, with modes of
    their own."""
    return eta > 0 if link.name == "sqrt" else jnp.ones_like(eta, bool)


LINKS: dict[str, AbstractLink] = {
    link.name: link
    for link in (
        Identity(),
        Log(),
        Inverse(),
        Sqrt(),
        Softplus(),
        Logit(),
        Probit(),
        CLogLog(),
        Cauchit(),
    )
}
