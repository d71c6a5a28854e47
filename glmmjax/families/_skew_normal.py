"""The skew-normal distribution."""

import math
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from ._family import AbstractMeanFamily, Traits, Values, as_link
from ._link import AbstractLink
from ._normal import log_ndtr
from ._parameter import AbstractParameter, Free, Positive
from ._special import HALF_LOG_2PI

_ROOT_2_PI = math.sqrt(2 / math.pi)
_STEP = 0.75  # of the trapezoid rule


class SkewNormal(AbstractMeanFamily):
    """`y` with mean `eta`, standard deviation `sigma` and shape `alpha` (Azzalini 1985; glmmTMB's
    `skewnormal`).

    `y = xi + omega z` with density `2 phi(z) Phi(alpha z)` of `z`. With `d = alpha / sqrt(1 +
    alpha^2)` its mean is `d sqrt(2 / pi)` and its variance `1 - 2 d^2 / pi`, from which `xi` and
    `omega` follow. The unconstrained parameters are `log sigma` and `alpha` itself.

    `alpha = 0`, the normal distribution, is an inflection of the likelihood along `alpha`: its
    skewness grows with `alpha^3`, so the first two derivatives vanish whatever the data. The search
    starts away from zero, on the side to which the residuals are skewed. An estimate close to zero
    has a standard error that means little; an `alpha` that runs off says that the residuals are
    those of a half-normal distribution. Weights multiply the log density.
    """

    link: AbstractLink
    name: ClassVar[str] = "skew_normal"
    response: ClassVar[str] = "real"
    parameters: ClassVar[tuple[AbstractParameter, ...]] = (
        Positive("sigma"),
        Free("alpha", simpler="gaussian is the simpler family"),
    )

    def __init__(self, link: str | AbstractLink = "identity"):
        self.link = as_link(link, ("identity",), self.name)

    def kernel(self, y, eta, phi):
        form = _form(phi[1])
        z = (y - eta) * jnp.exp(-phi[0]) * form.root + form.shift
        return log_ndtr(phi[1] * z) - 0.5 * z * z

    def base(self, y, phi, weight):
        constant = math.log(2) - HALF_LOG_2PI - phi[0] + jnp.log(_form(phi[1]).root)
        return weight * constant * jnp.ones_like(y)

    def variance(self, y, eta, phi):
        return jnp.broadcast_to(jnp.exp(2 * phi[0]), eta.shape)

    def expected_curvature(self, y, eta, phi):
        """`(1 + alpha^2 E[h(alpha z)^2]) / omega^2`, `h = phi / Phi`: the integral of `phi(t) /
        Phi(c t)` with `c = alpha / sqrt(1 + 2 alpha^2)` by the trapezoid rule."""
        alpha = phi[1]
        # phi(z) phi(alpha z)^2 = (2 pi)^(-3/2) exp(-t^2 / 2) with t = wide z
        wide = jnp.sqrt(1 + 2 * alpha * alpha)
        t = _STEP * jnp.arange(-14.0, 15.0).reshape(-1, *[1] * jnp.ndim(alpha))
        integral = (
            jnp.exp(-0.5 * t * t - log_ndtr(alpha / wide * t)).sum(0)
            * _STEP
            * math.pi**-1.5
            / math.sqrt(2)
        )
        scale = jnp.exp(-phi[0]) * _form(alpha).root
        return jnp.broadcast_to((1 + alpha * alpha * integral / wide) * scale * scale, eta.shape)

    def sample(self, key, y, eta, phi, weight):
        form = _form(phi[1])
        u, v = jax.random.normal(key, (2, *eta.shape), eta.dtype)
        z = form.delta * jnp.abs(u) + v / jnp.sqrt(1 + phi[1] * phi[1])
        return eta + (z - form.shift) * jnp.exp(phi[0]) / form.root

    def start_mean(self, y):
        return y

    def start_phi(self, y, mu, weights):
        """By the second and third moments; the skewness is kept between 0.02 and 0.9 in size."""
        total, residual = weights.sum(), y - mu
        variance = (weights * residual**2).sum() / total
        skewness = (weights * residual**3).sum() / total / variance**1.5
        # skewness = (4 - pi) / 2 third^(3/2) with third = shift^2 / (1 - shift^2)
        third = (2 / (4 - math.pi) * jnp.clip(jnp.abs(skewness), 0.02, 0.9)) ** (2 / 3)
        squared = math.pi / 2 * third / (1 + third)  # d^2
        alpha = jnp.where(skewness < 0, -1.0, 1.0) * jnp.sqrt(squared / (1 - squared))
        return 0.5 * jnp.log(variance), alpha

    @property
    def own_traits(self):
        return Traits(log_concave=True, spread=lambda dispersion, size: (dispersion[0] / size,))


class _Form(NamedTuple):
    """What the shape decides: `delta`, the mean `shift` of `z`, and its standard deviation
    `root`."""

    delta: Values
    shift: Values
    root: Values


def _form(alpha: Values | float) -> _Form:
    delta = alpha / jnp.sqrt(1 + alpha * alpha)
    shift = _ROOT_2_PI * delta
    return _Form(delta, shift, jnp.sqrt(1 - shift * shift))
