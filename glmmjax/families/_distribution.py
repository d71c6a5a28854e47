"""Distribution functions of the families, on the host in float64: how much of a distribution lies
below, at and above a response.

Every probability is computed from the smaller side, so that neither tail rounds to zero before the
smallest number of float64 (37 standard deviations of a normal variable).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import (
    betainc,
    betaincc,
    expit,
    gammainc,
    gammaincc,
    log_ndtr,
    ndtr,
    owens_t,
    softmax,
    stdtr,
)

from ._composite import AbstractComposite
from ._dispersed import Dispersed
from ._family import AbstractFamily
from ._summed import beta_binomial, conway_maxwell_poisson, generalised_poisson
from ._zero_inflated import ZeroInflated

Values = Float[np.ndarray, "..."]
Tails = tuple[Values, Values]

_MANY = 1e12  # a shape from which on the limit is exact to rounding
_ENDS = 700.0  # predictors whose exponentials are numbers
_TINY = 1e-300
_IN_TAIL = 1e-3  # probability, below which Owen's function would cancel
_MEAN: dict[str, Callable[[Values], Values]] = {
    "identity": lambda eta: eta,
    "log": lambda eta: _exp(eta),
    "inverse": lambda eta: 1 / eta,
    "sqrt": np.square,
    "softplus": lambda eta: np.logaddexp(0.0, eta),
    "logit": expit,
    "probit": ndtr,
    "cloglog": lambda eta: -np.expm1(-_exp(eta)),
    "cauchit": lambda eta: np.arctan2(1.0, -eta) / np.pi,
}
_REST: dict[str, Callable[[Values], Values]] = {
    "logit": lambda eta: expit(-eta),
    "probit": lambda eta: ndtr(-eta),
    "cloglog": lambda eta: np.exp(-_exp(eta)),
    "cauchit": lambda eta: np.arctan2(1.0, eta) / np.pi,
}


class Sides(NamedTuple):
    """Probabilities of a response below, at and above each of some. A response of which only limits
    are known is "at" all that lies between them."""

    below: Values
    at: Values
    above: Values


class Given(NamedTuple):
    """Responses with the parameters of their distributions, which all broadcast together.

    Attributes:
        family: of the responses.
        y: as the family takes it.
        eta: its linear predictor.
        own: parameters on their natural scale.
        weight: prior weights.
    """

    family: AbstractFamily
    y: Values
    eta: Values
    own: tuple[Values | float, ...]
    weight: Values | float

    @property
    def mean(self) -> Values:
        """Inverse of the link."""
        return _MEAN[self.family.link.name](self.eta)

    @property
    def rest(self) -> Values:
        """One minus it."""
        return _REST[self.family.link.name](self.eta)


def has_distribution(family: AbstractFamily) -> bool:
    """Whether `sides` are known."""
    if isinstance(family, AbstractComposite):
        return has_distribution(family.inner)
    return family.name in DISTRIBUTIONS


def sides(
    family: AbstractFamily,
    y: Values,
    eta: Float[np.ndarray, "predictors ..."],
    own: tuple[Values | float, ...],
    weight: Values | float = 1.0,
) -> Sides:
    """Of responses `y` (components on the first axis) at linear predictors `eta`, which broadcast
    together.

    Args:
        family: one that `has_distribution`.
        y: responses.
        eta: (predictors, ...) linear predictors.
        own: the family's own parameters on their natural scale, numbers or arrays.
        weight: prior weights, which only a gaussian family heeds: they are precisions.
    """
    with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
        if isinstance(family, ZeroInflated):
            return _with_zeros(family, y, eta, own)
        if isinstance(family, Dispersed):
            return sides(family.inner, y, eta[:1], (_exp(eta[1]), *own))
        return DISTRIBUTIONS[family.name](Given(family, y, eta[0], own, weight))


def _exp(eta: Values) -> Values:
    return np.exp(np.clip(eta, -_ENDS, _ENDS))


def _with_zeros(family: ZeroInflated, y, eta, own) -> Sides:
    """A mixture of zero and what `inner` says."""
    extra, other = expit(eta[-1]), expit(-eta[-1])
    is_zero = (y[0] if family.response == "proportion" else y) == 0
    if family.is_hurdle:
        y = np.where(y == 0, 0.5 if family.inner.response == "unit" else 1.0, y)
    below, at, above = sides(family.inner, y, eta[:-1], own)
    at_zero = extra if family.is_hurdle else extra + other * at
    return Sides(
        np.where(is_zero, 0.0, extra + other * below),
        np.where(is_zero, at_zero, other * at),
        np.where(is_zero & family.is_hurdle, other, other * above),
    )


def _continuous(below: Values, above: Values) -> Sides:
    return Sides(below, np.zeros_like(below), above)


def _discrete(tails: Callable[[Values], Tails], y: Values, lowest: float = 0.0) -> Sides:
    """From `P(Y <= k)` and `P(Y > k)`."""
    (upto, above), (below, beyond) = tails(y), tails(np.maximum(y - 1, lowest))
    below, beyond = np.where(y <= lowest, 0.0, below), np.where(y <= lowest, 1.0, beyond)
    return Sides(below, np.where(upto < beyond, upto - below, beyond - above), above)


def _normal(z: Values) -> Tails:
    return ndtr(z), ndtr(-z)


def _gaussian(given: Given) -> Sides:
    precision = np.sqrt(np.where(np.asarray(given.weight) > 0, given.weight, 1.0))
    return _continuous(*_normal((given.y - given.mean) * precision / given.own[0]))


def _student(given: Given) -> Sides:
    sigma, df = given.own
    z, known = (given.y - given.eta) / sigma, np.minimum(df, _MANY)
    limit = np.asarray(df) >= _MANY
    return _continuous(
        np.where(limit, ndtr(z), stdtr(known, z)), np.where(limit, ndtr(-z), stdtr(known, -z))
    )


def _skew_normal(given: Given) -> Sides:
    sigma, alpha = given.own
    shift = np.sqrt(2 / np.pi) * alpha / np.sqrt(1 + np.square(alpha))
    z = (given.y - given.eta) / sigma * np.sqrt(1 - shift * shift) + shift
    return _continuous(_skew_below(z, alpha), _skew_below(-z, -alpha))


def _skew_below(z: Values, alpha: Values | float) -> Values:
    """`Phi(z) - 2 T(z, alpha)`; in the tail, where the two are nearly equal, the integral of the
    density by Gauss and Laguerre's rule with the slope of its logarithm as rate."""
    z, alpha = np.broadcast_arrays(z, alpha)
    found = np.array(ndtr(z) - 2 * owens_t(z, alpha))
    tail = found < _IN_TAIL
    z, alpha = z[tail], alpha[tail]
    hazard = np.exp(-0.5 * np.square(alpha * z) - log_ndtr(alpha * z)) / np.sqrt(2 * np.pi)
    rate = alpha * hazard - z
    steps, weights = np.polynomial.laguerre.laggauss(40)
    t = z[..., None] - steps / rate[..., None]
    log_density = -0.5 * t * t - 0.5 * np.log(2 * np.pi) + np.log(2)
    values = np.exp(log_density + log_ndtr(alpha[..., None] * t) + steps)
    found[tail] = values @ weights / rate
    return found


def _gamma(given: Given) -> Sides:
    shape = np.square(1 / np.asarray(given.own[0]))
    x = shape * given.y / given.mean
    return _continuous(gammainc(shape, x), gammaincc(shape, x))


def _inverse_gaussian(given: Given) -> Sides:
    """Of both terms the second by its logarithm; above, they are subtracted (Shuster 1968)."""
    mu, precision = given.mean, np.square(1 / np.asarray(given.own[0]))
    root, share = np.sqrt(precision / given.y), given.y / mu
    log_below, log_above = log_ndtr(root * (share - 1)), log_ndtr(-root * (share - 1))
    log_second = 2 * precision / mu + log_ndtr(-root * (share + 1))
    above = np.exp(log_above) * -np.expm1(np.minimum(log_second - log_above, 0.0))
    return _continuous(np.exp(log_below) + np.exp(log_second), above)


def _lognormal(given: Given) -> Sides:
    return _continuous(*_normal((np.log(given.y) - given.eta) / given.own[0]))


def _beta_tails(y: Values, mean: Values, rest: Values, phi: Values | float) -> Tails:
    shapes = np.maximum(mean * phi, _TINY), np.maximum(rest * phi, _TINY)
    return betainc(*shapes, y), betaincc(*shapes, y)


def _beta(given: Given) -> Sides:
    return _continuous(*_beta_tails(given.y, given.mean, given.rest, given.own[0]))


def _ordered_beta(given: Given) -> Sides:
    """Masses at both ends and a beta distribution between."""
    phi, lower, upper = given.own
    y, eta = given.y, given.eta
    between = expit(upper - eta) - expit(lower - eta)
    inside = np.where((y > 0) & (y < 1), y, 0.5)
    below, above = _beta_tails(inside, given.mean, given.rest, phi)
    return Sides(
        np.select(
            [y == 0, y == 1], [0.0, expit(upper - eta)], expit(lower - eta) + between * below
        ),
        np.select([y == 0, y == 1], [expit(lower - eta), expit(eta - upper)], 0.0),
        np.select(
            [y == 0, y == 1], [expit(eta - lower), 0.0], expit(eta - upper) + between * above
        ),
    )


def _beta_of(a: Values | float, b: Values | float, x: Values, y: Values) -> Values:
    """The beta distribution function at `x = 1 - y`, from the smaller of the two, which has all its
    digits."""
    a, b, x, y = np.broadcast_arrays(a, b, x, y)
    found, low = np.empty(x.shape), x < 0.5
    betainc(a, b, x, out=found, where=low)
    betaincc(b, a, y, out=found, where=~low)
    return found


def _binomial(given: Given, trials: Values | float, successes: Values) -> Sides:
    p, q = given.mean, given.rest

    def tails(k):
        left = np.maximum(trials - k, _TINY)
        upto, above = _beta_of(left, k + 1, q, p), _beta_of(k + 1, left, p, q)
        return np.where(k < trials, upto, 1.0), np.where(k < trials, above, 0.0)

    return _discrete(tails, successes)


def _poisson_tails(k: Values, mu: Values) -> Tails:
    return gammaincc(k + 1, mu), gammainc(k + 1, mu)


def _nbinom_tails(k: Values, mu: Values, size: Values | float) -> Tails:
    few = size < _MANY
    if not np.any(few):
        return _poisson_tails(k, mu)
    known = np.where(few, size, 1.0)
    p, q = known / (known + mu), mu / (known + mu)
    upto, above = _beta_of(known, k + 1, p, q), _beta_of(k + 1, known, q, p)
    if np.all(few):
        return upto, above
    limit = _poisson_tails(k, mu)
    return np.where(few, upto, limit[0]), np.where(few, above, limit[1])


def _count_tails(given: Given, name: str) -> Callable[[Values], Tails]:
    """Of Poisson and negative binomial counts, by the name of the family."""
    mu = given.mean
    if name == "poisson":
        return lambda k: _poisson_tails(k, mu)
    size = given.own[0] if name == "nbinom2" else mu / given.own[0]
    return lambda k: _nbinom_tails(k, mu, size)


def _counts(given: Given) -> Sides:
    return _discrete(_count_tails(given, given.family.name), given.y)


def _truncated(given: Given) -> Sides:
    """Given that the count is not zero."""
    other = _count_tails(given, given.family.name.removeprefix("truncated_"))
    zero, positive = other(np.zeros_like(given.y))

    def tails(k):
        upto, above = other(k)
        return np.where(
            zero < 0.5, (upto - zero) / positive, 1 - above / positive
        ), above / positive

    return _discrete(tails, given.y, 1.0)


def _categories(masses: list[Values], y: Values) -> Sides:
    """Categories 1, 2, ... of these probabilities."""
    parts = [
        sum((np.where(chosen(k), mass, 0.0) for k, mass in enumerate(masses, 1)), np.zeros(()))
        for chosen in (lambda k: k < y, lambda k: k == y, lambda k: k > y)
    ]
    return Sides(*parts)


def _cumulative(given: Given) -> Sides:
    thresholds = np.array([-np.inf, *given.own, np.inf])
    below, above = _MEAN[given.family.link.name], _REST[given.family.link.name]

    def tails(k):
        z = thresholds[k.astype(int)] - given.eta
        return below(z), above(z)

    return _discrete(tails, given.y, 1.0)


def _continuation_ratio(given: Given) -> Sides:
    stop, go = _MEAN[given.family.link.name], _REST[given.family.link.name]
    masses, left = [], np.ones_like(given.eta)
    for threshold in given.own:
        masses.append(left * stop(threshold - given.eta))
        left = left * go(threshold - given.eta)
    return _categories([*masses, left], given.y)


def _adjacent_category(given: Given) -> Sides:
    steps = [np.zeros_like(given.eta), *(given.eta - threshold for threshold in given.own)]
    return _categories(list(softmax(np.cumsum(steps, 0), 0)), given.y)


def _known_to_lie(tails: Callable[[Values], Tails], y: Values) -> Sides:
    """Of responses with an upper end and a code, as `AbstractCensored` has them."""
    value, high, code = y
    (upto, above), (upto_high, above_high) = tails(value), tails(np.where(code == 2, high, value))
    between = np.where(upto_high < above, upto_high - upto, above - above_high)
    return Sides(
        np.where(code == -1, 0.0, upto),
        np.select([code == -1, code == 1, code == 2], [upto, above, between], 0.0),
        np.where(code == 1, 0.0, above_high),
    )


def _weibull_tails(log_y: Values, given: Given) -> Tails:
    cumulated = _exp((log_y - given.eta) * given.own[0])
    return -np.expm1(-cumulated), np.exp(-cumulated)


DISTRIBUTIONS: dict[str, Callable[[Given], Sides]] = {
    "gaussian": _gaussian,
    "student_t": _student,
    "skew_normal": _skew_normal,
    "gamma": _gamma,
    "inverse_gaussian": _inverse_gaussian,
    "lognormal": _lognormal,
    "beta": _beta,
    "ordbeta": _ordered_beta,
    "bernoulli": lambda given: _binomial(given, 1.0, given.y),
    "binomial": lambda given: _binomial(given, given.y[1], given.y[0]),
    "betabinomial": lambda given: Sides(
        *beta_binomial(given.y, given.mean, given.rest, 1 / np.asarray(given.own[0]))
    ),
    "poisson": _counts,
    "nbinom1": _counts,
    "nbinom2": _counts,
    "genpois": lambda given: Sides(*generalised_poisson(given.y, given.mean, given.own[0])),
    "compois": lambda given: Sides(*conway_maxwell_poisson(given.y, given.mean, given.own[0])),
    "truncated_poisson": _truncated,
    "truncated_nbinom1": _truncated,
    "truncated_nbinom2": _truncated,
    "cumulative": _cumulative,
    "continuation_ratio": _continuation_ratio,
    "adjacent_category": _adjacent_category,
    "censored_gaussian": lambda given: _known_to_lie(
        lambda y: _normal((y - given.eta) / given.own[0]), given.y
    ),
    "censored_lognormal": lambda given: _known_to_lie(
        lambda y: _normal((np.log(y) - given.eta) / given.own[0]), given.y
    ),
    "weibull": lambda given: _known_to_lie(lambda y: _weibull_tails(np.log(y), given), given.y),
}
"""The registry. Families that it lacks (tweedie, quasi-likelihoods, a user's own) have no
distribution function here."""
