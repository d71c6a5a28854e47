"""Each distribution against SciPy's, inside and outside of its support, and LKJ's volume against
integration."""

import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

import glmmjax as gj
from glmmjax import priors
from glmmjax.priors._distributions import DISTRIBUTIONS, MOST
from glmmjax.priors._prior import _log_volume

pytestmark = pytest.mark.usefixtures("float64")

EXACT = {
    "Normal": (priors.Normal(0.7, 2.5), scipy.stats.norm(0.7, 2.5)),
    "StudentT": (priors.StudentT(3.5, -0.4, 1.7), scipy.stats.t(3.5, -0.4, 1.7)),
    "Cauchy": (priors.Cauchy(0.3, 1.4), scipy.stats.cauchy(0.3, 1.4)),
    "DoubleExponential": (priors.DoubleExponential(0.3, 0.6), scipy.stats.laplace(0.3, 0.6)),
    "HalfNormal": (priors.HalfNormal(1.7), scipy.stats.halfnorm(scale=1.7)),
    "HalfStudentT": (
        priors.HalfStudentT(4.0, 0.8),
        scipy.stats.truncate(scipy.stats.make_distribution(scipy.stats.t)(df=4.0), lb=0) * 0.8,
    ),
    "HalfCauchy": (priors.HalfCauchy(2.2), scipy.stats.halfcauchy(scale=2.2)),
    "Exponential": (priors.Exponential(0.8), scipy.stats.expon(scale=1 / 0.8)),
    "Gamma": (priors.Gamma(2.5, 0.5), scipy.stats.gamma(2.5, scale=2)),
    "InverseGamma": (priors.InverseGamma(0.4, 0.3), scipy.stats.invgamma(0.4, scale=0.3)),
    "LogNormal": (priors.LogNormal(-0.5, 0.9), scipy.stats.lognorm(0.9, scale=np.exp(-0.5))),
    "Beta": (priors.Beta(1.5, 3.0), scipy.stats.beta(1.5, 3.0)),
    "Uniform": (priors.Uniform(-1.0, 2.5), scipy.stats.uniform(-1.0, 3.5)),
}
GRID = np.array([-30.0, -2.0, -1.0, -1e-9, 0.0, 1e-12, 1e-3, 0.2, 0.5, 0.99, 1.0, 1.3, 2.6, 40.0])


def log_prob(own, x):
    numbers = [getattr(own, name) for name in inspect.signature(type(own)).parameters]
    return type(own).log_prob(jnp.asarray(x), *numbers, *(1.0,) * (MOST - len(numbers)))


def test_every_distribution_has_a_law():
    assert set(EXACT) == set(DISTRIBUTIONS) - {"Flat"}


def test_flat_prefers_nothing():
    np.testing.assert_array_equal(log_prob(priors.Flat(), GRID), 0)


@pytest.mark.parametrize("name", EXACT)
def test_the_log_density_is_that_of_scipy(name):
    own, law = EXACT[name]
    np.testing.assert_allclose(log_prob(own, GRID), law.logpdf(GRID), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["Gamma", "Beta", "Exponential", "InverseGamma"])
def test_at_the_bounds_of_the_support(name):
    """Where a power of zero is one, and where the density is infinite."""
    bounds = np.array([0.0, 1.0])
    for first in (0.5, 1.0, 2.0):
        own = DISTRIBUTIONS[name](first) if name != "Beta" else priors.Beta(first, 1.0)
        law = {
            "Gamma": scipy.stats.gamma(first),
            "Beta": scipy.stats.beta(first, 1.0),
            "Exponential": scipy.stats.expon(scale=1 / first),
            "InverseGamma": scipy.stats.invgamma(first),
        }[name]
        np.testing.assert_allclose(
            log_prob(own, bounds), law.logpdf(bounds), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("name", EXACT)
def test_derivatives_are_finite(name):
    """Wherever the density is; outside they are zero."""
    own, law = EXACT[name]

    @jax.jit
    @jax.vmap
    def slopes(x):
        slope = jax.grad(lambda x: log_prob(own, x))
        return slope(x), jax.grad(slope)(x)

    slope, curvature = slopes(jnp.asarray(GRID))
    is_inside = law.logpdf(GRID) > -np.inf
    assert np.isfinite(slope[is_inside]).all()
    assert np.isfinite(curvature[is_inside]).all()
    np.testing.assert_array_equal(slope[(GRID < 0) & ~is_inside], 0)
    x, step = np.array([0.2, 0.5, 0.9]), 1e-6
    expected = (law.logpdf(x + step) - law.logpdf(x - step)) / (2 * step)
    np.testing.assert_allclose(slopes(jnp.asarray(x))[0], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", EXACT)
def test_it_is_normalised(name):
    """By integration of what is computed here, between quantiles of the law."""
    own, law = EXACT[name]
    quantile = law.ppf if hasattr(law, "ppf") else law.icdf
    low, high = quantile(1e-4), quantile(1 - 1e-4)
    is_positive = own.bounds[0] == 0
    bend, unbend = (np.log, np.exp) if is_positive else (np.arcsinh, np.sinh)
    x, weights = panels(bend(low), bend(0.3), bend(high))
    slope = unbend(x) if is_positive else np.cosh(x)
    total = (np.exp(log_prob(own, unbend(x))) * slope * weights).sum()
    assert total == pytest.approx(1 - 2e-4, abs=1e-9)


def panels(*ends):
    """Nodes and weights of Gauss and Legendre's rule, twenty panels between each two ends."""
    nodes, weights = np.polynomial.legendre.leggauss(12)
    cuts = np.concatenate(
        [np.linspace(a, b, 21)[: 20 + (b == ends[-1])] for a, b in itertools.pairwise(ends)]
    )
    half = np.diff(cuts)[:, None] / 2
    return (cuts[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


class TestCorrelations:
    @pytest.mark.parametrize("eta", [0.5, 1.0, 2.0, 7.5])
    def test_of_two_effects_they_are_beta(self, eta):
        r = np.linspace(-0.9, 0.9, 7)
        expected = scipy.stats.beta(eta, eta, loc=-1, scale=2).logpdf(r)
        found = (eta - 1) * np.log1p(-(r**2)) - _log_volume(2, jnp.asarray(eta))
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    @pytest.mark.parametrize("eta", [0.7, 1.0, 2.0, 3.5])
    def test_of_three_effects_by_integration(self, eta):
        """Of correlations `a, b` and `c = a b + h t`, `h^2 = (1 - a^2) (1 - b^2)`, the determinant
        is `h^2 (1 - t^2)`, and all `t` between -1 and 1 are possible."""
        a, b, t = 0.3, -0.6, 0.4
        h = np.sqrt((1 - a**2) * (1 - b**2))
        matrix = [[1, a, b], [a, 1, a * b + h * t], [b, a * b + h * t, 1]]
        assert np.linalg.det(matrix) == pytest.approx(h**2 * (1 - t**2), rel=1e-12)

        def integral(power):
            return scipy.integrate.quad(lambda r: (1 - r * r) ** power, -1, 1)[0]

        total = integral(eta - 0.5) ** 2 * integral(eta - 1)
        assert _log_volume(3, jnp.asarray(eta)) == pytest.approx(np.log(total), abs=1e-8)

    @pytest.mark.parametrize("q", [2, 3, 4, 6])
    def test_all_alike_are_the_volume_of_correlation_matrices(self, q):
        """Joe (2006, J. Multivariate Anal. 97, theorem 4): the volume is a product over `k < q` of
        `Beta(1/2, (k + 1) / 2)^k`."""
        k = np.arange(1, q)
        expected = (k * scipy.special.betaln(0.5, (k + 1) / 2)).sum()
        assert _log_volume(q, jnp.asarray(1.0)) == pytest.approx(expected, rel=1e-12)

    def test_its_parameter_is_positive(self):
        with pytest.raises(gj.ModelError, match="eta of LKJ must be a positive finite number"):
            gj.LKJ(0)
