"""Functions of the gamma function's family in elementary operations, smooth where densities have their limits.

JAX's `digamma` and `polygamma`, the derivatives of `lgamma`, are slow.
"""

import functools

import jax
import jax.numpy as jnp

from ._link import Values

HALF_LOG_2PI = 0.9189385332046727
_SHIFT = 6
_LOG_SHIFT = 1.791759469228055
STIRLING = (
    *(1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360),
    *(1 / 156, -3617 / 122400, 43867 / 244188, -174611 / 125400),
)
ATANH = tuple(1 / k for k in range(3, 32, 2))


def log1p_ratio(z: Values) -> Values:
    """`log1p(z) / z` for `z` in [0, 1], smooth at zero: `2 atanh(w) / z` with `w = z / (2 + z)`, as a series."""
    w = z / (2 + z)
    return (1 - w) * (1 + w * w * polynomial(ATANH, w * w))


def log_rising(y: Values | float, alpha: Values) -> Values:
    """`sum_{k<y} log(1 + k alpha)`, that is `lgamma(y + s) - lgamma(s) - y log s` with `s = 1 / alpha`.

    By Stirling's series at `s + 6`, where it has all digits, and the recurrence of the gamma function back to `s`. In
    terms of `alpha` no large numbers are subtracted and zero is regular. `y` need not be whole.
    """
    shifted = alpha / (1 + _SHIFT * alpha)
    z = shifted * y
    excess = 0.0  # of the product of (1 + (y + k) alpha) / (1 + k alpha) over one
    for k in range(_SHIFT):
        factor = y * (alpha / (1 + k * alpha))
        excess = excess + factor + excess * factor
    log1p_z, large = jnp.log1p(z), z > 1
    ratio = jnp.where(large, log1p_z / jnp.where(large, z, 1.0), log1p_ratio(jnp.where(large, 1.0, z)))
    at_shifted = y * (ratio - 1) + (y - 0.5) * log1p_z + stirling(shifted / (1 + z)) - stirling(shifted)
    return at_shifted + y * jnp.log1p(_SHIFT * alpha) - jnp.log1p(excess)


def log_gamma_rest(log_x: Values) -> Values:
    """`lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2`: Stirling's series, below six at `x + 6`.

    It takes `log x`, whose derivatives stay finite where those of `log(x)` by `x` overflow.
    """
    large = log_x >= _LOG_SHIFT
    series = stirling(jnp.exp(-jnp.where(large, log_x, _LOG_SHIFT)))
    log_small = jnp.where(large, 0.0, log_x)
    x = jnp.exp(log_small)
    shifted = x + _SHIFT
    product = functools.reduce(lambda found, k: found * (x + k), range(1, _SHIFT), jnp.ones_like(x))
    below = (shifted - 0.5) * jnp.log(shifted) - (x + 0.5) * log_small - _SHIFT - jnp.log(product)
    return jnp.where(large, series, below + stirling(1 / shifted))


def stirling(a: Values) -> Values:
    """`lgamma(1 / a)` less the elementary part of Stirling's series."""
    return a * polynomial(STIRLING, a * a)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def polynomial(coefficients: tuple[float, ...], x: Values) -> Values:
    """`sum c_k x^k` by Horner's rule. The derivative is a polynomial of its own, not the differentiated recursion:
    second derivatives of the kernel by `alpha` then take a fifth of the time on a CPU."""
    value = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        value = value * x + c
    return value


@polynomial.defjvp
def _(coefficients, primals, tangents):
    (x,), (x_dot,) = primals, tangents
    slopes = tuple(k * c for k, c in enumerate(coefficients))[1:]
    return polynomial(coefficients, x), polynomial(slopes, x) * x_dot
