"""The Conway-Maxwell-Poisson distribution, parametrised by its mean."""

import functools
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.scipy.special import gammaln

from ._conway import ORDERS, Solution, solve
from ._family import AbstractMeanFamily, Traits, Values, as_link
from ._link import AbstractLink, slope
from ._parameter import AbstractParameter, Ratio, inverse_ratio


class CoMPoisson(AbstractMeanFamily):
    """Counts with mean `mu` and mass `lambda^y / (y!)^nu / Z`, `nu = 1 / phi` (glmmTMB's `compois`,
    whose `sigma` is this `phi`); the variance is near `mu phi` for means that are not small (Huang
    2017).

    The unconstrained parameter is `log phi`, and `phi = 1` is the Poisson distribution. `phi`
    reaches from 1 / 64 to 64: beyond it the density is constant in `phi`, and such values are
    refused. `lambda` and the moments are sums to some 1e-12 of themselves; of means above 1e6 the
    fourth derivatives lose their digits.
    """

    link: AbstractLink
    name: ClassVar[str] = "compois"
    response: ClassVar[str] = "count"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (Ratio("phi"),)

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt"), self.name)

    def kernel(self, y, eta, phi):
        # Tied to the predictor, functions of `phi` stay in the loop that uses them. Taken out of it
        # one by one they would make the searches of the density and its derivatives different,
        # which now are one.
        phi, _ = jax.lax.optimization_barrier((phi, jax.lax.stop_gradient(eta)))
        log_mu, nu = jnp.broadcast_arrays(self.link.log_inverse(eta), inverse_ratio(phi[0]))
        return _kernel(y, log_mu, nu, solve(log_mu, nu))

    def base(self, y, phi, weight):
        return -weight * inverse_ratio(phi[0]) * gammaln(y + 1)

    def variance(self, y, eta, phi):
        return _solved(self.link.log_inverse(eta), phi).cumulants[2, 0]

    def expected_curvature(self, y, eta, phi):
        """`(d mu / d eta)^2 / Var y`."""
        variance = _solved(self.link.log_inverse(eta), phi).cumulants[2, 0]
        return jnp.square(slope(self.link, eta)) / variance

    def sample(self, key, y, eta, phi, weight):
        """By rejection (Benson and Friel 2021): from a Poisson distribution with the same mode, or
        for `nu < 1` from a geometric one, of whose ratio to the mass the maximum is known."""
        nu, theta = (
            jnp.broadcast_to(inverse_ratio(phi[0]), eta.shape),
            _solved(self.link.log_inverse(eta), phi).theta,
        )
        # lambda^(1 / nu), whose floor is the mode: the ratio of consecutive masses is (k / y)^nu
        k = jnp.exp(theta / nu)
        success = 2 * nu / (2 * k * nu + 1 + nu)
        many, log_failure = nu >= 1, jnp.log1p(-success)

        def log_ratio(y):
            geometric = y * (theta - log_failure) - nu * gammaln(y + 1)
            return jnp.where(many, (nu - 1) * (y * theta / nu - gammaln(y + 1)), geometric)

        highest = log_ratio(jnp.floor(jnp.where(many, k, jnp.exp((theta - log_failure) / nu))))

        def proposal(state):
            key, found, _ = state
            key, *keys = jax.random.split(key, 4)
            uniform = jax.random.uniform(
                keys[0], eta.shape, eta.dtype, minval=jnp.finfo(eta.dtype).tiny
            )
            poisson = jax.random.poisson(keys[1], jnp.where(many, k, 1.0), eta.shape).astype(
                eta.dtype
            )
            new = jnp.where(many, poisson, jnp.floor(jnp.log(uniform) / log_failure))
            accepted = (
                -jax.random.exponential(keys[2], eta.shape, eta.dtype) <= log_ratio(new) - highest
            )
            return key, jnp.where(state[2] & accepted, new, found), state[2] & ~accepted

        begin = (key, jnp.zeros_like(eta), jnp.ones(eta.shape, bool))
        return jax.lax.while_loop(lambda state: state[2].any(), proposal, begin)[1]

    def start_mean(self, y):
        return y + 0.1

    def start_phi(self, y, mu, weights):
        ratio = (weights * jnp.square(y - mu)).sum() / (weights * mu).sum()
        return (jnp.log(jnp.clip(ratio, 0.2, 5.0)),)

    @property
    def own_traits(self):
        return Traits(
            False, covers_line=self.link.name != "identity", can_separate=self.link.name == "log"
        )


def _solved(log_mu: Values, phi: Values) -> Solution:
    return solve(*jnp.broadcast_arrays(log_mu, inverse_ratio(phi[0])))


# Every derivative is arithmetic with cumulants that `solve` has summed. At a given mean, `log mu`
# moves `theta` by `r = mu / Var y` and `nu` moves it by the slope `c` of `log y!` on `y`, so that
# the log mass changes by minus the residual of `log y!`. Nothing is differentiated through the sums
# or the search for `theta`.


def _differentiable(function: Callable, by_log_mu: Callable, by_nu: Callable) -> Callable:
    """`function(..., log_mu, nu, at)` with derivatives by the two of which the solution `at` is a
    function; each is left out where nothing moves."""
    rule = jax.custom_jvp(function)

    def jvp(primals, tangents):
        out = rule(*primals)
        dot = jnp.zeros_like(out)
        for partial, tangent in zip((by_log_mu, by_nu), tangents[-3:-1], strict=True):
            if not isinstance(tangent, SymbolicZero):
                dot = dot + partial(*primals) * tangent
        return out, dot

    rule.defjvp(jvp, symbolic_zeros=True)
    return rule


@functools.cache
def _cumulant(i: int, j: int) -> Callable:
    """Joint cumulant of `y`, i times, and the residual, j times."""
    if (i, j) not in ORDERS:
        raise NotImplementedError(
            "The log density of compois has derivatives up to the fourth order."
        )

    def by_log_mu(*at):
        moved = _scale(*at) * _cumulant(i + 1, j)(*at)
        return moved - _turned(_slope_by_log_mu(*at), *at)

    def by_nu(*at):
        return -_cumulant(i, j + 1)(*at) - _turned(_slope_by_nu(*at), *at)

    def _turned(slope_dot, *at):
        """What the change of the slope does to the residuals; the cumulant [1, 1] is zero."""
        return j * slope_dot * _cumulant(i + 1, j - 1)(*at) if j and (i, j) != (0, 2) else 0.0

    return _differentiable(lambda log_mu, nu, at: at.cumulants[i, j], by_log_mu, by_nu)


def _scale(log_mu: Values, nu: Values, at: Solution) -> Values:
    """`r`."""
    return jnp.exp(log_mu) / _cumulant(2, 0)(log_mu, nu, at)


def _slope_by_log_mu(*at):
    return _scale(*at) * _cumulant(2, 1)(*at) / _cumulant(2, 0)(*at)


def _slope_by_nu(*at):
    return -_cumulant(1, 2)(*at) / _cumulant(2, 0)(*at)


_slope = _differentiable(lambda log_mu, nu, at: at.slope, _slope_by_log_mu, _slope_by_nu)
_mean_log_factorial = _differentiable(
    lambda log_mu, nu, at: at.mean,
    lambda log_mu, nu, at: jnp.exp(log_mu) * _slope(log_mu, nu, at),
    lambda *at: -_cumulant(0, 2)(*at),
)
_kernel = _differentiable(
    lambda y, log_mu, nu, at: (y - jnp.exp(log_mu)) * at.theta - at.log_z,
    lambda y, log_mu, nu, at: (y - jnp.exp(log_mu)) * _scale(log_mu, nu, at),
    lambda y, log_mu, nu, at: (
        (y - jnp.exp(log_mu)) * _slope(log_mu, nu, at) + _mean_log_factorial(log_mu, nu, at)
    ),
)
