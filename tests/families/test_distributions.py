"""Distribution functions of the families: against the densities that they sum, SciPy's, and far out
against mpmath."""

import mpmath
import numpy as np
import pytest
from family_cases import CASES, law
from laws import CUTS, INVERSE, TRIALS, ConwayMaxwellPoisson
from scipy import stats

import glmmjax as gj
from glmmjax.families import (
    FAMILIES,
    AbstractOrdinal,
    Dispersed,
    ZeroInflated,
    as_family,
    has_distribution,
    sides,
)

pytestmark = pytest.mark.usefixtures("float64")

WITH = [name for name in FAMILIES if name not in ("tweedie", "quasipoisson", "quasibinomial")]
CONTINUOUS = ("real", "positive", "unit", "closed_unit")


def family_of(name):
    kind = FAMILIES[name]
    return kind(categories=4) if issubclass(kind, AbstractOrdinal) else kind()


def at(name, y, eta, **changed):
    """`sides` at the parameters of the family's case."""
    family = changed.get("family") or family_of(name)
    phi = np.array(CASES[name].phi)[: len(family.dispersion_names)]
    own = tuple(float(value) for value in family.dispersion(phi))
    return sides(family, np.asarray(y, float), np.asarray(eta, float)[None], own)


def predictors(family):
    positive = family.link.name == "sqrt" or not family.traits.covers_line
    return (0.4, 1.0, 2.5) if positive else (-1.5, 0.0, 1.4)


def test_families_without_one():
    assert [name for name in FAMILIES if not has_distribution(family_of(name))] == [
        "tweedie",
        "quasipoisson",
        "quasibinomial",
    ]
    assert not has_distribution(ZeroInflated(as_family("tweedie")))
    assert has_distribution(ZeroInflated(Dispersed(as_family("nbinom2"))))
    assert not has_distribution(gj.CustomFamily(lambda y, eta, phi: -((y - eta) ** 2)))


@pytest.mark.parametrize("name", WITH)
def test_the_density_sums_to_the_distribution_function(name):
    """Sums of the law's masses, or integrals of its density, below and above each response."""
    family = family_of(name)
    for eta in predictors(family):
        phi = np.array(CASES[name].phi)[: len(family.dispersion_names)]
        own = law(family, eta, phi, is_censored=False)
        value = own.y[0] if own.y.ndim == 2 else own.y
        mass = own.weight * np.exp(own.log_density(own.y))
        order = np.argsort(value, kind="stable")
        value, mass, y = value[order], mass[order], own.y[..., order]
        found = at(name, y, np.full(len(value), eta))
        upto = np.cumsum(mass)
        if family.response in CONTINUOUS or family.response.startswith("censored"):
            # The trapezoid rule to a node counts half of it; ends have mass of their own.
            inside = np.asarray(found.at) == 0
            middle = found.below - (upto - mass / 2)
            bound = 2 * np.abs(np.gradient(np.where(inside, mass, 0.0))).max()
            assert np.abs(middle[inside]).max() < bound
            np.testing.assert_allclose(found.at[~inside], mass[~inside], rtol=1e-10)
        else:
            np.testing.assert_allclose(found.at, mass, rtol=1e-8, atol=1e-13)
            np.testing.assert_allclose(found.below, upto - mass, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(sum(found), 1.0, rtol=1e-12)


def reference(name, eta):
    """SciPy's distribution where there is one."""
    family = family_of(name)
    phi = np.array(CASES[name].phi)[: len(family.dispersion_names)]
    return CASES[name].law(INVERSE[family.link.name](eta), phi, family.link.name, eta)


SCIPY = (
    *("gaussian", "student_t", "gamma", "inverse_gaussian", "lognormal", "beta", "bernoulli"),
    *("binomial", "betabinomial", "poisson", "nbinom1", "nbinom2"),
    *("censored_gaussian", "censored_lognormal", "weibull"),
)


@pytest.mark.parametrize("name", SCIPY)
def test_against_scipy(name):
    family = family_of(name)
    for eta in predictors(family):
        of = reference(name, eta)
        discrete = hasattr(of.dist, "pmf")
        value = np.unique(of.ppf(np.array([1e-9, 1e-4, 0.03, 0.3, 0.6, 0.97, 1 - 1e-6])))
        y = {
            "proportion": np.stack([value, np.full_like(value, TRIALS)]),
            "censored": np.stack([value, value, 0 * value]),
            "censored_positive": np.stack([value, value, 0 * value]),
        }.get(family.response, value)
        found = at(name, y, np.full(len(value), eta))
        below = of.cdf(value - 1) if discrete else of.cdf(value)
        np.testing.assert_allclose(found.below, below, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found.above, of.sf(value), rtol=1e-9, atol=1e-15)
        if discrete:
            np.testing.assert_allclose(found.at, of.pmf(value), rtol=1e-9, atol=1e-15)


def test_censored_responses_are_at_all_that_they_may_be():
    y = np.stack([np.repeat(CUTS, 4), np.repeat(CUTS, 4) + 0.6, np.tile([0.0, 1, -1, 2], 3)])
    of, found = reference("censored_gaussian", 0.3), at("censored_gaussian", y, np.full(12, 0.3))
    code = y[2]
    expected = np.select(
        [code == 0, code == 1, code == -1],
        [0.0, of.sf(y[0]), of.cdf(y[0])],
        of.cdf(y[1]) - of.cdf(y[0]),
    )
    np.testing.assert_allclose(found.at, expected, rtol=1e-12)
    np.testing.assert_allclose(sum(found), 1, rtol=1e-12)


class TestFarOut:
    """Both tails by themselves, where one less the other would be zero."""

    def test_skew_normal(self):
        alpha = np.array([3.0, 3.0, -3.0, -3.0, 0.4, 30.0])
        z = np.array([-4.0, 9.0, 5.0, -12.0, -20.0, -0.9])
        family, found = as_family("skew_normal"), []
        for own, value in zip(alpha, z, strict=True):
            shift = np.sqrt(2 / np.pi) * own / np.sqrt(1 + own**2)
            y = (value - shift) / np.sqrt(1 - shift**2)
            found.append(sides(family, np.array([y]), np.zeros((1, 1)), (1.0, own)))
        with mpmath.workdps(30):
            for parts, own, value in zip(found, alpha, z, strict=True):

                def density(t, own=own):
                    return 2 * mpmath.npdf(t) * mpmath.ncdf(own * t)

                lower = mpmath.quad(density, [-40, value - 6, value - 1, value - 0.1, value])
                upper = mpmath.quad(density, [value, value + 0.1, value + 1, value + 6, 40])
                assert parts.below[0] == pytest.approx(float(lower), rel=1e-8)
                assert parts.above[0] == pytest.approx(float(upper), rel=1e-8)

    def test_inverse_gaussian(self):
        y = np.array([0.01, 60.0, 200.0])
        found = sides(as_family("inverse_gaussian"), y, np.zeros((1, 3)), (0.8,))
        of = stats.invgauss(0.64, scale=1 / 0.64)
        np.testing.assert_allclose(found.below[0], of.cdf(0.01), rtol=1e-10)
        with mpmath.workdps(40):
            for k in (1, 2):
                lam, x = 1 / mpmath.mpf("0.64"), mpmath.mpf(y[k])
                root = mpmath.sqrt(lam / x)
                upper = mpmath.ncdf(-root * (x - 1)) - mpmath.exp(2 * lam) * mpmath.ncdf(
                    -root * (x + 1)
                )
                assert found.above[k] == pytest.approx(float(upper), rel=1e-8)

    @pytest.mark.parametrize(
        ("name", "own"),
        [("nbinom2", 1e14), ("nbinom2", np.inf), ("nbinom1", 0.0), ("genpois", 1.0)],
    )
    def test_limits_are_poisson(self, name, own):
        y = np.array([0.0, 3.0, 90.0])
        found = sides(as_family(name), y, np.full((1, 3), 1.2), (own,))
        poisson = sides(as_family("poisson"), y, np.full((1, 3), 1.2), ())
        np.testing.assert_allclose(found, poisson, rtol=1e-9)
        assert poisson.above[2] == pytest.approx(stats.poisson(np.exp(1.2)).sf(90), rel=1e-9)

    def test_limits_of_others(self):
        y, eta = np.array([[0.0, 3.0], [9.0, 9.0]]), np.full((1, 2), -0.4)
        np.testing.assert_allclose(
            sides(as_family("betabinomial"), y, eta, (np.inf,)),
            sides(as_family("binomial"), y, eta, ()),
            rtol=1e-12,
        )
        y = np.array([-9.0, 0.3])
        np.testing.assert_allclose(
            sides(as_family("student_t"), y, eta, (0.8, np.inf)),
            sides(as_family("gaussian"), y, eta, (0.8,)),
            rtol=1e-12,
        )

    def test_counts_in_their_tail(self):
        mu, phi = np.exp(1.0), 1.3
        y = np.array([25.0, 40.0])
        found = sides(as_family("compois"), y, np.full((1, 2), 1.0), (phi,))
        tail = np.arange(400.0)
        log_mass = ConwayMaxwellPoisson(mu, [np.log(phi)]).logpmf(tail)
        for k, own in enumerate(y):
            assert found.above[k] == pytest.approx(np.exp(log_mass[tail > own]).sum(), rel=1e-7)


class TestComposites:
    def test_extra_zeros(self):
        """`P(Y <= y) = p + (1 - p) F(y)`."""
        y, p = np.array([0.0, 1.0, 5.0]), 0.3
        eta = np.stack([np.full(3, 0.7), np.full(3, np.log(p / (1 - p)))])
        found = sides(ZeroInflated(as_family("poisson")), y, eta, ())
        of = stats.poisson(np.exp(0.7))
        np.testing.assert_allclose(found.below + found.at, p + (1 - p) * of.cdf(y), rtol=1e-12)
        np.testing.assert_allclose(found.at, (1 - p) * of.pmf(y) + p * (y == 0), rtol=1e-12)
        np.testing.assert_allclose(found.above, (1 - p) * of.sf(y), rtol=1e-12)

    def test_hurdle(self):
        y, p = np.array([0.0, 0.2, 2.0]), 0.3
        eta = np.stack([np.full(3, 0.7), np.full(3, np.log(p / (1 - p)))])
        found = sides(ZeroInflated(as_family("gamma", "log")), y, eta, (0.5,))
        of = stats.gamma(4, scale=np.exp(0.7) / 4)
        np.testing.assert_allclose(found.below, np.where(y > 0, p + (1 - p) * of.cdf(y), 0))
        np.testing.assert_allclose(found.at, np.where(y == 0, p, 0.0), rtol=1e-12)
        np.testing.assert_allclose(found.above, (1 - p) * of.sf(y), rtol=1e-12)

    def test_dispersion_of_its_own(self):
        y, eta = np.array([0.0, 4.0]), np.array([[0.7, 0.7], [0.2, -0.9]])
        found = sides(Dispersed(as_family("nbinom2")), y, eta, ())
        for k in (0, 1):
            alone = sides(as_family("nbinom2"), y[[k]], eta[:1, [k]], (np.exp(eta[1, k]),))
            np.testing.assert_allclose([part[k] for part in found], np.ravel(alone), rtol=1e-14)


def test_weights_of_a_gaussian_model_are_precisions():
    y, eta = np.array([0.4, -2.0]), np.zeros((1, 2))
    found = sides(as_family("gaussian"), y, eta, (0.8,), np.array([4.0, 0.5]))
    expected = stats.norm(0, 0.8 / np.sqrt([4.0, 0.5])).cdf(y)
    np.testing.assert_allclose(found.below, expected, rtol=1e-12)
