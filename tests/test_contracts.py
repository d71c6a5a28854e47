"""What every family and link promises, over the registries: a new entry gets every test."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from problems import slopes
from scipy.integrate import quad

import glmmjax as gj
from glmmjax.families import FAMILIES, LINKS, AbstractQuasi, log_prob

pytestmark = pytest.mark.usefixtures("float64")

TRIALS = 7.0
POSITIVE = ("identity", "inverse", "sqrt")  # links whose predictor is positive for positive means


def size(tau):
    return tau**-2


NATURAL = {  # of the parameters; the exponential of others
    "betabinomial": (size,),
    "genpois": (lambda tau: 1 + tau**2,),
    "nbinom1": (np.square,),
    "nbinom2": (size,),
    "student_t": (np.exp, size),
    "skew_normal": (np.exp, float),
    "truncated_nbinom1": (np.square,),
    "truncated_nbinom2": (size,),
}


def families():
    for kind in FAMILIES.values():
        # No densities or probabilities alone around a mean: tests/families/test_cumulative.py, test_tweedie.py...
        left_out = ("ordered", "nonnegative", "closed_unit", "censored", "censored_positive")
        if kind.response in left_out or issubclass(kind, AbstractQuasi):
            continue
        for link in LINKS:
            try:
                yield kind(link)
            except gj.ModelError:
                continue


ALL = [pytest.param(family, id=f"{family.name}-{family.link.name}") for family in families()]


CONTINUOUS = ("real", "positive", "unit")


def phi_of(family) -> np.ndarray:
    if family.name == "beta":
        return np.array([4.0])  # a density that quadrature can integrate
    return np.array([-0.4, 0.3][: len(family.dispersion_names)])


def predictors(family) -> np.ndarray:
    """Linear predictors inside the range of the link."""
    if family.response == "real" and family.link.name != "inverse":
        return np.array([-1.5, -0.2, 0.3, 2.0])
    if family.link.name in POSITIVE:
        return np.array([0.3, 0.8, 1.0, 2.5])
    return np.array([-2.0, -0.3, 0.0, 0.9, 1.4])


def responses(family) -> np.ndarray:
    """A few responses of the family's kind, (components, k) if it has several."""
    return {
        "real": np.array([-1.3, 0.4, 2.0]),
        "positive": np.array([0.05, 0.7, 3.1]),
        "unit": np.array([0.02, 0.4, 0.95]),
        "count": np.array([0.0, 1.0, 4.0, 11.0]),
        "positive_count": np.array([1.0, 2.0, 4.0, 11.0]),
        "binary": np.array([0.0, 1.0]),
        "proportion": np.stack([np.array([0.0, 2.0, 7.0]), np.full(3, TRIALS)]),
    }[family.response]


class AbstractCounts:
    """What scipy's distributions of counts have, from `logpmf`."""

    def pmf(self, y):
        return np.exp(self.logpmf(y))

    def stats(self, moments):
        """Mean, variance and kurtosis, by summation."""
        assert moments == "mvk"
        y = np.arange(4000.0)
        mean = (self.pmf(y) * y).sum()
        variance, fourth = ((self.pmf(y) * (y - mean) ** k).sum() for k in (2, 4))
        return mean, variance, fourth / variance**2 - 3


class GeneralisedPoisson(AbstractCounts):
    """Consul's distribution, of which scipy has none."""

    def __init__(self, theta, lam):
        self._theta, self._lam = theta, lam

    def logpmf(self, y):
        rate = self._theta + self._lam * y
        return np.log(self._theta) + (y - 1) * np.log(rate) - rate - scipy.special.gammaln(y + 1)


class ConwayMaxwellPoisson(AbstractCounts):
    """By its mean: `lambda` by bisection of plain sums."""

    _Y = np.arange(4000.0)

    def __init__(self, mu, phi):
        self._nu, self._theta = 1 / phi, np.zeros_like(mu, float)
        low, high = np.full_like(mu, -20.0, float), np.full_like(mu, 20.0, float)
        for _ in range(60):
            self._theta = 0.5 * (low + high)
            too_low = (np.exp(self.logpmf(self._column(mu))) * self._column(mu)).sum(0) < mu
            low, high = np.where(too_low, self._theta, low), np.where(too_low, high, self._theta)

    def logpmf(self, y):
        return self._log_mass(y) - scipy.special.logsumexp(self._log_mass(self._column(self._theta)), axis=0)

    def _log_mass(self, y):
        return y * self._theta - self._nu * scipy.special.gammaln(y + 1)

    def _column(self, like):
        return self._Y[(..., *[None] * np.ndim(like))]


class ZeroTruncated(AbstractCounts):
    """A distribution of counts given that they are not zero: the member with mean `mu` of scipy's `whole(mean)`."""

    def __init__(self, whole, mu):
        low, high = np.full_like(mu, 1e-9), np.array(mu, float)
        for _ in range(100):  # bisection for the mean of all counts
            middle = np.sqrt(low * high)
            too_low = middle < mu * -np.expm1(whole(middle).logpmf(0))
            low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
        self._whole = whole(low)
        self._positive = -np.expm1(self._whole.logpmf(0))

    def logpmf(self, y):
        return np.where(y > 0, self._whole.logpmf(y) - np.log(self._positive), -np.inf)


def reference(family, mu, phi):
    """scipy's distribution with mean `mu` (for proportions the probability)."""
    if family.response == "positive_count":
        return ZeroTruncated(lambda mean: reference(family.other, mean, phi), mu)
    sigma = np.exp(phi[0]) if len(phi) else None
    return {
        "gaussian": lambda: scipy.stats.norm(mu, sigma),
        "gamma": lambda: scipy.stats.gamma(sigma**-2, scale=mu * sigma**2),
        "poisson": lambda: scipy.stats.poisson(mu),
        "genpois": lambda: GeneralisedPoisson(mu / np.hypot(1, phi[0]), 1 - 1 / np.hypot(1, phi[0])),
        "compois": lambda: ConwayMaxwellPoisson(np.asarray(mu), sigma),
        "nbinom1": lambda: scipy.stats.nbinom(mu / phi[0] ** 2, 1 / (1 + phi[0] ** 2)),
        "nbinom2": lambda: scipy.stats.nbinom(phi[0] ** -2, 1 / (1 + phi[0] ** 2 * mu)),
        "lognormal": lambda: scipy.stats.lognorm(sigma, scale=mu * np.exp(-(sigma**2) / 2)),
        "beta": lambda: scipy.stats.beta(mu * sigma, (1 - mu) * sigma),
        "inverse_gaussian": lambda: scipy.stats.invgauss(mu * sigma**2, scale=sigma**-2),
        "student_t": lambda: scipy.stats.t(phi[1] ** -2, mu, sigma),
        "skew_normal": lambda: skew_normal(mu, sigma, phi[1]),
        "bernoulli": lambda: scipy.stats.bernoulli(mu),
        "betabinomial": lambda: scipy.stats.betabinom(int(TRIALS), mu / phi[0] ** 2, (1 - mu) / phi[0] ** 2),
        "binomial": lambda: scipy.stats.binom(int(TRIALS), mu),
    }[family.name]()


def skew_normal(mu, sigma, alpha):
    """scipy's distribution by its mean and standard deviation."""
    shift, variance = scipy.stats.skewnorm.stats(alpha)
    omega = sigma / np.sqrt(variance)
    return scipy.stats.skewnorm(alpha, mu - omega * shift, omega)


def ends(family, mu, phi):
    """Where the tails hold next to nothing."""
    if family.name == "inverse_gaussian":  # scipy does not find its quantiles
        return 0.01, 10 * mu + 80 * mu**2 * np.exp(2 * phi[0])
    return reference(family, mu, phi).ppf([1e-15, 1 - 1e-15])


def pairs(family):
    """Every response with every predictor: y (components, k, m), eta (k, m)."""
    y, eta = responses(family), predictors(family)
    return np.broadcast_to(y[..., None], (*y.shape, len(eta))), np.broadcast_to(eta, (y.shape[-1], len(eta)))


def expectation(family, function, mu, phi) -> float:
    """Mean of `function(y)` over the family's distribution, by summation or integration with scipy's density."""
    distribution = reference(family, mu, phi)
    if family.response in CONTINUOUS:
        low, high = ends(family, mu, phi)
        return quad(lambda y: function(np.array(y)) * distribution.pdf(y), low, high, epsrel=1e-10, limit=200)[0]
    support = np.arange(2 if family.response == "binary" else TRIALS + 1 if family.response == "proportion" else 400)
    y = np.stack([support, np.full(len(support), TRIALS)]) if family.response == "proportion" else support.astype(float)
    return float((function(y) * distribution.pmf(support)).sum())


def elementwise(function, eta):
    """Derivative of an elementwise function."""
    return jax.jvp(function, (eta,), (jnp.ones_like(eta),))[1]


@functools.cache
def derivatives(family):
    """Compiled score and observed curvature of (y, eta, phi)."""

    def score(y, eta, phi):
        return elementwise(lambda e: family.kernel(y, e, phi), eta)

    def curvature(y, eta, phi):
        return -elementwise(lambda e: score(y, e, phi), eta)

    return jax.jit(score), jax.jit(curvature)


@pytest.mark.parametrize("family", ALL)
class TestFamilies:
    def test_log_prob_is_that_of_scipy(self, family):
        y, eta = pairs(family)
        phi = phi_of(family)
        mu = np.asarray(family.mean(jnp.asarray(eta), phi))
        distribution = reference(family, mu, phi)
        log_density = distribution.logpdf if family.response in CONTINUOUS else distribution.logpmf
        expected = log_density(y[0] if family.response == "proportion" else y)
        np.testing.assert_allclose(log_prob(family, y, eta, phi), expected, rtol=1e-10, atol=1e-12)

    def test_unconstrained_is_the_inverse_of_dispersion(self, family):
        natural = tuple(jnp.array([1.3, 1.7][: len(family.dispersion_names)]))
        np.testing.assert_allclose(family.dispersion(family.unconstrained(natural)), natural, rtol=1e-14)

    def test_the_density_sums_to_one(self, family):
        phi = phi_of(family)
        for eta in predictors(family)[:, None]:
            mu = float(family.mean(eta, phi)[0])
            if family.response in CONTINUOUS:
                low, high = ends(family, mu, phi)
                density = jax.jit(lambda y, eta=eta: jnp.exp(log_prob(family, y, eta, phi))[0])
                total = quad(lambda y, f=density: float(f(np.array([y]))), low, high, epsrel=1e-9, limit=200)[0]
            else:
                support = {"binary": 2, "proportion": int(TRIALS) + 1}.get(family.response, 400)
                y = np.arange(family.response == "positive_count", support, dtype=float)
                y = np.stack([y, np.full(support, TRIALS)]) if family.response == "proportion" else y
                total = float(jnp.exp(log_prob(family, y, eta, phi)).sum())
            assert total == pytest.approx(1, abs=1e-8)

    def test_score_and_curvature_are_derivatives(self, family):
        y, eta = pairs(family)
        phi, (score, curvature) = phi_of(family), derivatives(family)
        step = 1e-5
        of_kernel = (family.kernel(y, eta + step, phi) - family.kernel(y, eta - step, phi)) / (2 * step)
        np.testing.assert_allclose(score(y, eta, phi), of_kernel, rtol=1e-7, atol=1e-7)
        of_score = (score(y, eta + step, phi) - score(y, eta - step, phi)) / (2 * step)
        np.testing.assert_allclose(curvature(y, eta, phi), -of_score, rtol=1e-7, atol=1e-7)

    def test_derivatives_by_phi(self, family):
        y, eta = pairs(family)

        def total(phi):
            return log_prob(family, y, eta, phi).sum()

        phi = phi_of(family)
        if len(phi):
            np.testing.assert_allclose(jax.grad(total)(phi), slopes(total, phi), rtol=1e-6)

    def test_expected_curvature_is_the_mean_of_the_observed_one(self, family):
        phi, (_, curvature) = phi_of(family), derivatives(family)
        trials = np.array([0.0, TRIALS]) if family.response == "proportion" else np.array(0.0)
        if not family.traits.has_expectation:
            y, eta = pairs(family)
            np.testing.assert_allclose(family.expected_curvature(y, eta, phi), np.abs(curvature(y, eta, phi)))
            return
        for eta in predictors(family):
            mu = float(family.mean(jnp.asarray(eta), phi))

            def observed(y, eta=eta):
                return np.asarray(curvature(y, np.full(y.shape[-1:], eta), phi))

            expected = expectation(family, observed, mu, phi)
            found = float(family.expected_curvature(trials, jnp.asarray(eta), phi))
            assert found > 0
            assert found == pytest.approx(expected, rel=1e-6)

    def test_the_score_has_mean_zero(self, family):
        phi, (score, _) = phi_of(family), derivatives(family)
        for eta in predictors(family):
            mu = float(family.mean(jnp.asarray(eta), phi))
            mean = expectation(family, lambda y, e=eta: np.asarray(score(y, np.full(y.shape[-1:], e), phi)), mu, phi)
            assert mean == pytest.approx(0, abs=1e-6)

    def test_log_concave_means_what_it_says(self, family):
        y, eta = pairs(family)
        _, curvature = derivatives(family)
        lowest = float(curvature(y, eta, phi_of(family)).min())
        assert not family.traits.log_concave or lowest >= 0

    def test_everything_is_finite_far_out(self, family):
        """At predictors of 30 and (unless the link is for positive ones) -30."""
        ends = (30.0,) if family.link.name in POSITIVE else (30.0, -30.0)
        y, phi, (score, curvature) = responses(family), phi_of(family), derivatives(family)
        for end in ends:
            eta = np.full(y.shape[-1], end)
            for value in (log_prob(family, y, eta, phi), score(y, eta, phi), curvature(y, eta, phi)):
                assert np.isfinite(value).all(), f"eta = {end}"
            assert np.isfinite(family.expected_curvature(y, eta, phi)).all(), f"expected curvature at eta = {end}"

    def test_samples_have_the_mean_and_variance(self, family):
        phi, count = phi_of(family), 40_000
        for k, eta in enumerate(predictors(family)[[0, -1]]):
            mu = float(family.mean(jnp.asarray(eta), phi))
            distribution = reference(family, mu, phi)
            y = np.zeros(count)
            y = np.stack([y, np.full(count, TRIALS)]) if family.response == "proportion" else y
            draws = family.sample(jax.random.key(k), y, jnp.full(count, eta), phi, np.ones(count))
            assert draws.shape == y.shape
            assert draws.dtype == np.float64
            if family.response == "proportion":
                assert (draws[1] == TRIALS).all()
                draws = draws[0]
            mean, variance, kurtosis = distribution.stats("mvk")
            assert float(draws.mean()) == pytest.approx(mean, abs=4.5 * np.sqrt(variance / count))
            spread = variance * np.sqrt((kurtosis + 2) / count)
            assert float(draws.var()) == pytest.approx(variance, abs=4.5 * spread + 1e-12)

    def test_starting_means_are_in_range(self, family):
        y = responses(family)
        start = family.start_mean(jnp.asarray(y))
        assert np.isfinite(family.link.link(start)).all()

    def test_dispersion_is_on_its_natural_scale(self, family):
        phi = phi_of(family)
        assert len(family.dispersion(phi)) == len(family.dispersion_names)
        scales = NATURAL.get(family.name, (np.exp,) * len(phi))
        for value, scale, own in zip(family.dispersion(phi), scales, phi, strict=True):
            assert float(value) == pytest.approx(scale(own))

    def test_a_weight_multiplies_the_log_density(self, family):
        """Except for gaussian, where it is a precision."""
        y, eta = pairs(family)
        phi = phi_of(family)
        weighted = 3.0 * family.kernel(y, eta, phi) + family.base(y, phi, 3.0)
        if family.name == "gaussian":
            mu = family.mean(eta, phi)
            expected = scipy.stats.norm.logpdf(y, mu, np.exp(phi[0]) / np.sqrt(3))
        else:
            expected = 3 * log_prob(family, y, eta, phi)
        np.testing.assert_allclose(weighted, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LINKS)
class TestLinks:
    def eta(self, name):
        return np.array([0.2, 1.0, 3.0]) if name in POSITIVE else np.array([-2.5, -0.3, 0.0, 1.2])

    def test_link_undoes_inverse(self, name):
        link, eta = LINKS[name], self.eta(name)
        np.testing.assert_allclose(link.link(link.inverse(eta)), eta, rtol=1e-12, atol=1e-12)

    def test_logarithms(self, name):
        link, eta = LINKS[name], self.eta(name)
        np.testing.assert_allclose(link.log_inverse(eta), np.log(link.inverse(eta)), rtol=1e-12, atol=1e-14)
        if hasattr(link, "log_complement"):
            np.testing.assert_allclose(link.log_complement(eta), np.log1p(-link.inverse(eta)), rtol=1e-12)

    def test_means_are_in_range(self, name):
        link = LINKS[name]
        mu = link.inverse(self.eta(name))
        assert (mu > 0).all()
        assert not hasattr(link, "log_complement") or (mu < 1).all()


def test_families_are_called_by_name():
    for name, kind in FAMILIES.items():
        assert type(gj.families.as_family(name.upper())) is kind
        assert gj.families.as_family(name).name == name
    probit = gj.families.as_family("binomial", "probit")
    assert probit.link.name == "probit"
    assert gj.families.as_family(probit) is probit
