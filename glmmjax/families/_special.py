"""Functions of the gamma function's family in elementary operations, smooth where densities have
their limits.

JAX's `digamma` and `polygamma`, the derivatives of `lgamma`, are slow.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

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
    back = 0.0
    for steps in (range(3), range(3, _SHIFT)):  # a product of six overflows in float32
        excess = 0.0  # of the product of (1 + (y + k) alpha) / (1 + k alpha) over one
        for k in steps:
            factor = y * (alpha / (1 + k * alpha))
            excess = excess + factor + excess * factor
        back = back + jnp.log1p(excess)
    log1p_z, large = jnp.log1p(z), z > 1
    ratio = jnp.where(
        large, log1p_z / jnp.where(large, z, 1.0), _log1p_ratio(jnp.where(large, 1.0, z))
    )
    at_shifted = (
        y * (ratio - 1) + (y - 0.5) * log1p_z + stirling(shifted / (1 + z)) - stirling(shifted)
    )
    return at_shifted + y * jnp.log1p(_SHIFT * alpha) - back


def with_slopes(values: Callable[..., Sequence[Values]], *at: Values) -> Values:
    """The first of `values(0, *at)`, where `values(order, *constants, x)` are a function and its
    first `order` derivatives by `x`, which are the derivatives that it has.

    All orders come from one evaluation: if each were a function by itself, three derivatives in a
    row would call eight of them.
    """
    return _up_to(values, 0, *at)[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _up_to(values: Callable[..., Sequence[Values]], order: int, *at: Values) -> tuple[Values, ...]:
    return tuple(values(order, *at))


def _jvp_up_to(values, order, primals, tangents):
    tangent = tangents[-1]
    if isinstance(tangent, SymbolicZero):
        found = _up_to(values, order, *primals)
        return found, tuple(jnp.zeros_like(value) for value in found)
    found = _up_to(values, order + 1, *primals)
    return found[:-1], tuple(slope * tangent for slope in found[1:])


_up_to.defjvp(_jvp_up_to, symbolic_zeros=True)


def log_gamma_rest(log_x: Values) -> Values:
    """`lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2`: Stirling's series, below six at `x + 6`.

    It takes `log x`, whose derivatives stay finite where those of `log(x)` by `x` overflow; they
    are closed forms of every order.
    """
    return with_slopes(_log_gamma_rests, log_x)


@functools.partial(jax.jit, static_argnums=0)  # as a program of its own it is traced once
def _log_gamma_rests(order: int, log_x: Values) -> list[Values]:
    """With `D = x d/dx`: `D^n x = x`, and `q = x / (x + c)`, which is `D log(x + c)`, has `D q = q
    - q^2`."""
    large = log_x >= _LOG_SHIFT
    x = jnp.exp(jnp.where(large, 0.0, log_x))
    r = jnp.where(large, 1 / jnp.exp(jnp.where(large, log_x, _LOG_SHIFT)), 1 / (x + _SHIFT))
    series = _slopes_of_series(order, r, jnp.where(large, 1.0, x * r))
    # (x + 11/2) log(x + 6) - (x + 1/2) log x - 6 - sum log(x + k)
    log_x, shares = jnp.where(large, 0.0, log_x), [x / (x + k) for k in range(1, _SHIFT)]
    at_shift = [-jnp.log(r), *_slopes_of_shares(order - 1, [x * r])]
    product = functools.reduce(lambda product, k: product * (x + k), range(1, _SHIFT), 1.0)
    below = [0.5 * log_x + _SHIFT + jnp.log(product), *_slopes_of_shares(order - 1, shares)]
    found = []
    for n in range(order + 1):
        together = sum(math.comb(n, j) * at_shift[j] for j in range(n + 1)) - log_x - n
        half = 0.5 if n == 1 else 0.0
        elementary = x * together + (_SHIFT - 0.5) * at_shift[n] - below[n] - half
        found.append(series[n] + jnp.where(large, 0.0, elementary))
    return found


def _slopes_of_shares(order: int, shares: Sequence[Values]) -> list[Values]:
    """`D^n` of a sum of `q` with `D q = q - q^2`, for `n <= order`: polynomials in each, so linear
    in the sums of powers."""
    found, powers, sums = [], list(shares), []
    for n in range(order + 1):
        sums.append(sum(powers))
        powers = [power * q for power, q in zip(powers, shares, strict=True)]
        coefficients = _times_share((1.0,), 1, n)
        found.append(sum(c * total for c, total in zip(coefficients, sums, strict=True)))
    return found


def _slopes_of_series(order: int, r: Values, q: Values) -> list[Values]:
    """`D^n` of Stirling's series in `r`, for `n <= order` and `D r = -q r`: the series with
    coefficients times `(-(2 k + 1))^m`, times polynomials in `q`."""
    series = [
        r * polynomial(tuple(c * (-2 * k - 1) ** m for k, c in enumerate(STIRLING)), r * r)
        for m in range(order + 1)
    ]
    # D (p(q) s_m) = (q - q^2) p'(q) s_m + q p(q) s_(m+1)
    factors, found = {0: (1.0,)}, [series[0]]
    for _ in range(order):
        grown = {m: _times_share(own, 0, 1) for m, own in factors.items()}
        for m, own in factors.items():
            grown[m + 1] = _sum_of(grown.get(m + 1, ()), (0.0, *own))
        factors = grown
        found.append(sum(polynomial(own, q) * series[m] for m, own in factors.items() if any(own)))
    return found


def _sum_of(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(sum, itertools.zip_longest(a, b, fillvalue=0.0)))


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
