"""Functions of the gamma function's family in elementary operations, smooth where densities have
their limits.

JAX's `digamma` and `polygamma`, the derivatives of `lgamma`, are slow.
"""

import functools
import math

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


def _log1p_ratio(z: Values) -> Values:
    """`log1p(z) / z` for `z` in [0, 1], smooth at zero: `2 atanh(w) / z` with `w = z / (2 + z)`, as
    a series."""
    w = z / (2 + z)
    return (1 - w) * (1 + w * w * polynomial(ATANH, w * w))


def log_rising(y: Values | float, alpha: Values) -> Values:
    """`sum_{k<y} log(1 + k alpha)`, that is `lgamma(y + s) - lgamma(s) - y log s` with `s = 1 /
    alpha`.

    By Stirling's series at `s + 6`, where it has all digits, and the recurrence of the gamma
    function back to `s`. In terms of `alpha` no large numbers are subtracted and zero is regular.
    `y` need not be whole.
    """
    shifted = alpha / (1 + _SHIFT * alpha)
    z = shifted * y
    excess = 0.0  # of the product of (1 + (y + k) alpha) / (1 + k alpha) over one
    for k in range(_SHIFT):
        factor = y * (alpha / (1 + k * alpha))
        excess = excess + factor + excess * factor
    log1p_z, large = jnp.log1p(z), z > 1
    ratio = jnp.where(
        large, log1p_z / jnp.where(large, z, 1.0), _log1p_ratio(jnp.where(large, 1.0, z))
    )
    at_shifted = (
        y * (ratio - 1) + (y - 0.5) * log1p_z + stirling(shifted / (1 + z)) - stirling(shifted)
    )
    return at_shifted + y * jnp.log1p(_SHIFT * alpha) - jnp.log1p(excess)


def log_gamma_rest(log_x: Values) -> Values:
    """`lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2`: Stirling's series, below six at `x + 6`.

    It takes `log x`, whose derivatives stay finite where those of `log(x)` by `x` overflow; they
    are closed forms of every order.
    """
    return _rest(0, log_x)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _rest(order: int, log_x: Values) -> Values:
    """`log_gamma_rest`, `order` times differentiated."""
    return _rest_of_order(order, log_x)


@_rest.defjvp
def _(order, primals, tangents):
    return _rest(order, *primals), _rest(order + 1, *primals) * tangents[0]


@functools.partial(jax.jit, static_argnums=0)  # as a program of its own it is traced once
def _rest_of_order(order: int, log_x: Values) -> Values:
    """With `D = x d/dx`: `D^n x = x`, and `q = x / (x + c)`, which is `D log(x + c)`, has `D q = q
    - q^2`."""
    large = log_x >= _LOG_SHIFT
    log_small = jnp.where(large, 0.0, log_x)
    a = 1 / jnp.exp(jnp.where(large, log_x, _LOG_SHIFT))
    series = a * polynomial(tuple(c * (-2 * k - 1) ** order for k, c in enumerate(STIRLING)), a * a)
    x = jnp.exp(log_small)
    r = 1 / (x + _SHIFT)
    q = x * r
    # (x + 11/2) log(x + 6) - (x + 1/2) log x - 6 - sum log(x + k), and the series in r = 1 / (x +
    # 6)
    logarithms = [-jnp.log(r), *(_of_share(j, q) for j in range(order))]
    at_shift = sum(
        (math.comb(order, j) * one for j, one in enumerate(logarithms)), jnp.zeros_like(x)
    )
    found = (
        x * (at_shift - log_small - order)
        + (_SHIFT - 0.5) * logarithms[order]
        + _rest_of_series(order, r, q)
    )
    if order == 0:
        product = functools.reduce(
            lambda product, k: product * (x + k), range(1, _SHIFT), jnp.ones_like(x)
        )
        found = found - 0.5 * log_small - _SHIFT - jnp.log(product)
    else:
        found = (
            found
            - sum(_of_share(order - 1, x / (x + k)) for k in range(1, _SHIFT))
            - (0.5 if order == 1 else 0.0)
        )
    return jnp.where(large, series, found)


def _of_share(order: int, q: Values) -> Values:
    """`D^n q` for `D q = q - q^2`, a polynomial."""
    return q * polynomial(_times_share((1.0,), 1, order), q)


def _rest_of_series(order: int, r: Values, q: Values) -> Values:
    """`D^n` of Stirling's series in `r`, for `D r = -q r`: a polynomial in `q` whose coefficients
    are series in `r`."""
    own = [_times_share((1.0,), 0, order, -(2 * k + 1)) for k in range(len(STIRLING))]
    total = jnp.zeros_like(r)
    for i in range(order, -1, -1):
        total = total * q + r * polynomial(
            tuple(c * p[i] for c, p in zip(STIRLING, own, strict=True)), r * r
        )
    return total


def _times_share(
    coefficients: tuple[float, ...], power: int, times: int, rate: int = 0
) -> tuple[float, ...]:
    """Coefficients of `f / q^power`, to which `f -> rate q f + (q - q^2) df/dq` was applied so many
    times."""
    for _ in range(times):
        grown = [0.0] * (len(coefficients) + 1)
        for i, c in enumerate(coefficients):
            grown[i] += (power + i) * c
            grown[i + 1] += (rate - power - i) * c
        coefficients = tuple(grown)
    return coefficients


def stirling(a: Values) -> Values:
    """`lgamma(1 / a)` less the elementary part of Stirling's series."""
    return a * polynomial(STIRLING, a * a)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def polynomial(coefficients: tuple[float, ...], x: Values) -> Values:
    """`sum c_k x^k` by Horner's rule. The derivative is a polynomial of its own, not the
    differentiated recursion: second derivatives of the kernel by `alpha` then take a fifth of the
    time on a CPU."""
    value = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        value = value * x + c
    return value


@polynomial.defjvp
def _(coefficients, primals, tangents):
    (x,), (x_dot,) = primals, tangents
    slopes = tuple(k * c for k, c in enumerate(coefficients))[1:]
    return polynomial(coefficients, x), polynomial(slopes, x) * x_dot
