"""The parameters of a model, on unconstrained scales."""

import functools
import reprlib
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from jaxtyping import Real

from .._errors import ModelError
from .._numbers import as_floating, is_floating
from .._types import Array


def _listed(name: str, value: Any) -> Any:
    """A list of numbers as an array. Anything else stays: a place in a `Params` may hold `0`
    (`in_axes`) or `None`."""
    return _numbers(name, value) if isinstance(value, list | tuple | pd.Series) else value


def _each_listed(value: Any) -> Any:
    is_list = isinstance(value, list | tuple)
    return tuple(_listed(f"theta[{k}]", own) for k, own in enumerate(value)) if is_list else value


class Params(eqx.Module):
    """A point at which the log-likelihood can be evaluated; a pytree, so `jax.grad` returns another
    one.

    Arrays or lists of real numbers of any type. Every number is free, from minus to plus infinity;
    `Model.params` makes them from coefficients, standard deviations and correlations by name.

    Attributes:
        beta: (p,) fixed effects of all linear predictors on their links' scales, one predictor
            after the other (mean, `disp`, `zi`), in the order of `fit.fixef`, `fit.disp` and
            `fit.zi`.
        theta: one vector a random term, in the order of the formula (of all predictors, as beta):
            what its relative covariance factor `lam` is made of. The covariance of the term's
            random effects is `lam lam'`, times sigma^2 for the gaussian family without
            `dispformula`, whose sigma is `exp(phi[0])`.

            - `(1 | g)`: the standard deviation itself, of either sign (relative to sigma for that
              family).
            - `us`, the default: the lower triangle of `lam` row by row, `(l11, l21, l22, ...)`;
              `rr`: its first `d` columns in the same order, `(l11, l21, l22, l31, l32, ...)`.
            - `diag`, `||`: a standard deviation each, of either sign.
            - `homdiag`, `propto`: one standard deviation, of either sign (of `propto` the root of
              what `K` is multiplied by).
            - `homcs`, `ar1`, `ou`, `exp`, `mat` and those of `gj.register_covariance`: one standard
              deviation, of either sign, then the parameters of the correlation. `cs`, `hetar1`,
              `toep`: for each effect the root of its standard deviation, of either sign, then these
              parameters. With `t` for one of them, the correlation of `cs` and `homcs` is `(exp(t)
              - 1) / (exp(t) + q - 1)` for `q` effects, of `ar1` and `hetar1` `tanh(t)`; the partial
              autocorrelations of `toep` are `tanh(t)`; the range of `ou`, `exp` and `mat` is
              `exp(t)` times the median distance of two places of a level, and the smoothness of
              `mat`, its second, `exp(t)`.
            - a smooth `s(x)`: the standard deviation of its spline coefficients.
        phi: the family's own parameters in the order of `fit.dispersion`, less the first with
            `dispformula`; shape (0,) if there are none.

            - `exp(phi[0])`: sigma of gaussian, gamma, inverse_gaussian, lognormal, student_t,
              skew_normal, censored_gaussian, censored_lognormal; shape of weibull; phi of beta,
              ordbeta, compois, tweedie.
            - `phi[0]^2`: alpha of nbinom1, truncated_nbinom1. Zero, as of the next two, is the
              limit without overdispersion.
            - `1 + phi[0]^2`: phi of genpois.
            - `1 / phi[0]^2`: phi of nbinom2, truncated_nbinom2, betabinomial.
            - `1 / phi[1]^2`: df of student_t.
            - `phi[1]`: alpha of skew_normal; lower of ordbeta.
            - `lower + exp(phi[2])`: upper of ordbeta.
            - `1 + 1 / (1 + exp(-phi[1]))`: power of tweedie.
            - cumulative: the lowest threshold, then logarithms of the distances to the next;
              continuation_ratio, adjacent_category: the thresholds.
            - a `gj.CustomFamily`: its parameters as they are.
    """

    beta: Real[Array, "*members p"] = eqx.field(converter=functools.partial(_listed, "beta"))
    theta: tuple[Real[Array, "*members _"], ...] = eqx.field(converter=_each_listed)
    phi: Real[Array, "*members m"] = eqx.field(converter=functools.partial(_listed, "phi"))


def floating_params(params: Params) -> Params:
    """The same with arrays of floating numbers (see `as_floating`); raises `ModelError` for what is
    no real number."""
    theta = params.theta
    if isinstance(theta, tuple) and all(map(is_floating, (params.beta, *theta, params.phi))):
        return params
    if not isinstance(theta, tuple | list | np.ndarray | jax.Array):
        raise ModelError(
            f"theta must be a tuple of vectors, one a random term, not {reprlib.repr(theta)}."
        )
    parts = tuple(_numbers(f"theta[{k}]", own) for k, own in enumerate(theta))
    return Params(_numbers("beta", params.beta), parts, _numbers("phi", params.phi))


def _numbers(name: str, value: Any) -> Array:
    if isinstance(value, pd.Series):
        raise ModelError(
            f"{name} goes by position, and a Series has labels: give its values, or use"
            " model.params."
        )
    return as_floating(name, value, "a vector of real numbers")
