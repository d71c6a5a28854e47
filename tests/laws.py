"""Distributions written with scipy and by themselves, and sums over them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.stats
from scipy.special import expit, gammaln, logsumexp, ndtr

TRIALS = 7.0
NODES = 2048
CUTS = np.array(
    [-0.9, 0.2, 0.7]
)  # of a censored response: left below, known between, an interval, right above
COUNTS = np.arange(400.0)


class Law(NamedTuple):
    """A distribution of responses (components, k).

    Attributes:
        log_density: of responses; that of a quasi-likelihood belongs to a variable with its mean
            and variance.
        y: responses to sum over.
        weight: what belongs to each: one where there is mass, else the length of an interval.
    """

    log_density: Callable[[np.ndarray], np.ndarray]
    y: np.ndarray
    weight: np.ndarray

    def expectation(self, values: np.ndarray) -> float:
        """Mean of what is `values` at `y`."""
        return float((self.weight * np.exp(self.log_density(self.y)) * values).sum())

    @property
    def moments(self) -> tuple[float, float, float]:
        """Mean, variance and fourth central moment of the response."""
        y = self.y[0] if self.y.ndim == 2 else self.y
        mean = self.expectation(y)
        return mean, *(self.expectation((y - mean) ** k) for k in (2, 4))


INVERSE = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "inverse": lambda eta: 1 / eta,
    "sqrt": np.square,
    "softplus": lambda eta: np.logaddexp(0, eta),
    "logit": expit,
    "probit": ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "cauchit": lambda eta: 0.5 + np.arctan(eta) / np.pi,
}
COMPLEMENT = {
    "logit": lambda x: expit(-x),
    "probit": lambda x: ndtr(-x),
    "cloglog": lambda x: np.exp(-np.exp(x)),
}


def sum_over(of, response: str) -> Law:
    """One of scipy's distributions on its support."""
    if response in ("count", "positive_count", "binary"):
        y = {"count": COUNTS, "positive_count": COUNTS[1:], "binary": np.arange(2.0)}[response]
        return Law(of.logpmf, y, np.ones_like(y))
    if response == "proportion":
        y = np.arange(TRIALS + 1)
        return Law(
            lambda y: of.logpmf(y[0]), np.stack([y, np.full_like(y, TRIALS)]), np.ones_like(y)
        )
    make = {
        "real": lambda: _line(of.mean(), of.std()),
        "positive": lambda: _half_line(of.mean()),
        "unit": _unit,
    }
    return Law(of.logpdf, *make[response]())


def _steps(low: float, high: float, count: int = NODES):
    """Nodes of the trapezoidal rule, which converges faster than any power where an integrand ends
    like this."""
    t = np.linspace(low, high, count)
    return t, t[1] - t[0]


def _line(centre: float, scale: float):
    t, step = _steps(-7, 7)
    return centre + scale * np.sinh(t), scale * np.cosh(t) * step


def _half_line(scale: float, low: float = -30.0, count: int = NODES):
    t, step = _steps(low, 7, count)
    return scale * np.exp(t), scale * np.exp(t) * step


def _unit(count: int = NODES):
    t, step = _steps(-34, 34, count)
    return expit(t), expit(t) * expit(-t) * step


def uncensored(of, low: float, high: float) -> Law:
    y, weight = _half_line(of.mean()) if np.isfinite(low) else _line(of.mean(), of.std())
    assert high == np.inf
    return Law(lambda y: of.logpdf(y[0]), np.stack([y, y, np.zeros_like(y)]), weight)


def censored(of, cuts: np.ndarray) -> Law:
    """Responses below the first limit, between it and the second (known), up to the third, and
    above it."""
    low, middle, high = cuts
    x, weight = np.polynomial.legendre.leggauss(60)
    y = low + (middle - low) * (x + 1) / 2
    limits = np.array([[low, low, -1.0], [middle, high, 2.0], [high, high, 1.0]]).T
    known = np.stack([y, y, np.zeros_like(y)])

    def log_density(y):
        with np.errstate(divide="ignore"):
            sides = {-1: of.logcdf(y[0]), 1: of.logsf(y[0]), 2: np.log(of.cdf(y[1]) - of.cdf(y[0]))}
            return np.select(
                [y[2] == code for code in sides], list(sides.values()), of.logpdf(y[0])
            )

    return Law(
        log_density,
        np.concatenate([known, limits], 1),
        np.concatenate([weight * (middle - low) / 2, np.ones(3)]),
    )


class AbstractCounts:
    """What of scipy's distributions of counts is wanted, from `log_mass` up to a constant."""

    def logpmf(self, y):
        return self.log_mass(y) - logsumexp(self.log_mass(self.support()))

    def support(self):
        return COUNTS


class GeneralisedPoisson(AbstractCounts):
    """Consul's distribution, of which scipy has none."""

    def __init__(self, mu, phi):
        root = np.sqrt(1 + phi[0] ** 2)
        self._theta, self._lam = mu / root, 1 - 1 / root

    def log_mass(self, y):
        rate = self._theta + self._lam * y
        return (y - 1) * np.log(rate) - rate - gammaln(y + 1)


class ConwayMaxwellPoisson(AbstractCounts):
    """By its mean: `log lambda` by bisection of plain sums."""

    def __init__(self, mu, phi):
        self._nu, low, high = np.exp(-phi[0]), -20.0, 20.0
        for _ in range(60):
            self._theta = 0.5 * (low + high)
            too_low = (np.exp(self.logpmf(COUNTS)) * COUNTS).sum() < mu
            low, high = (self._theta, high) if too_low else (low, self._theta)

    def log_mass(self, y):
        return y * self._theta - self._nu * gammaln(y + 1)


class ZeroTruncated(AbstractCounts):
    """One of scipy's distributions of counts given that they are not zero."""

    def __init__(self, whole):
        self._whole = whole

    def log_mass(self, y):
        return self._whole.logpmf(y)

    def support(self):
        return COUNTS[1:]


def nbinom1(mu, phi):
    """Variance `(1 + alpha) mu`, `alpha = phi[0]^2`."""
    return scipy.stats.nbinom(mu / phi[0] ** 2, 1 / (1 + phi[0] ** 2))


def nbinom2(mu, phi):
    """Variance `mu + alpha mu^2`, `alpha = phi[0]^2`."""
    return scipy.stats.nbinom(phi[0] ** -2, 1 / (1 + phi[0] ** 2 * mu))


def skew_normal(mu, phi):
    """By its mean and standard deviation."""
    sigma, alpha = np.exp(phi[0]), phi[1]
    shift, variance = scipy.stats.skewnorm.stats(alpha)
    omega = sigma / np.sqrt(variance)
    return scipy.stats.skewnorm(alpha, mu - omega * shift, omega)


def betabinomial(mu, phi):
    """The precision is `phi[0]^-2`."""
    return scipy.stats.betabinom(int(TRIALS), mu / phi[0] ** 2, (1 - mu) / phi[0] ** 2)


def tweedie(mu, phi) -> Law:
    """A Poisson number of gamma variables: mass at zero, and a sum over that number."""
    scale, power = np.exp(phi[0]), 1 + expit(phi[1])
    rate, shape = mu ** (2 - power) / (scale * (2 - power)), (2 - power) / (power - 1)
    of_one = scale * (power - 1) * mu ** (power - 1)
    number = np.arange(1.0, 200.0)[:, None]

    def log_density(y):
        above = np.where(y > 0, y, 1.0)
        own = scipy.stats.poisson(rate).logpmf(number) + scipy.stats.gamma(
            number * shape, scale=of_one
        ).logpdf(above)
        return np.where(y > 0, logsumexp(own, axis=0), -rate)

    y, weight = _half_line(mu, -50.0, NODES - 1)
    return Law(log_density, np.append(y, 0.0), np.append(weight, 1.0))


def ordered_beta(mu, phi, eta) -> Law:
    """Masses at the ends by thresholds on the logistic scale, and a beta distribution between."""
    phi_, below, upto = np.exp(phi[0]), expit(phi[1] - eta), expit(phi[1] + np.exp(phi[2]) - eta)
    between = scipy.stats.beta(mu * phi_, (1 - mu) * phi_)

    def log_density(y):
        inside = np.where((y > 0) & (y < 1), y, 0.5)
        density = np.log(upto - below) + between.logpdf(inside)
        return np.select([y == 0, y == 1], [np.log(below), np.log1p(-upto)], density)

    y, weight = _unit(NODES - 2)
    return Law(log_density, np.append(y, [0.0, 1.0]), np.append(weight, [1.0, 1.0]))


def _ordered(mass: np.ndarray) -> Law:
    """Categories 1, ..., K with these probabilities."""
    y = np.arange(1.0, len(mass) + 1)
    return Law(lambda y: np.log(mass[y.astype(int) - 1]), y, np.ones_like(y))


def cumulative(phi, link: str, eta) -> Law:
    """`P(y <= k) = F(t_k - eta)`."""
    thresholds = np.cumsum([phi[0], *np.exp(phi[1:])]) - eta
    below, above = INVERSE[link](thresholds), COMPLEMENT[link](thresholds)
    upto, beyond = np.append(below, 1.0), np.insert(above, 0, 1.0)
    return _ordered(np.where(upto < 0.5, np.diff(upto, prepend=0.0), -np.diff(beyond, append=0.0)))


def continuation_ratio(phi, link: str, eta) -> Law:
    """`P(y = k | y >= k) = F(t_k - eta)`."""
    stop, go = np.append(INVERSE[link](phi - eta), 1.0), np.cumprod(COMPLEMENT[link](phi - eta))
    return _ordered(np.insert(go, 0, 1.0) * stop)


def adjacent_category(phi, eta) -> Law:
    """`P(y = k + 1) / P(y = k) = exp(eta - t_k)`."""
    odds = np.exp(np.cumsum([0.0, *(eta - phi)]))
    return _ordered(odds / odds.sum())


def two_values(mean: float, variance: float, trials: float | None = None) -> Law:
    """A variable with this mean and variance."""
    y = mean + np.sqrt(variance) * np.array([-1.0, 1.0])
    y = y if trials is None else np.stack([y, np.full(2, trials)])
    return Law(lambda y: np.full(y.shape[-1], np.log(0.5)), y, np.ones(2))
