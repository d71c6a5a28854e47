"""Fits with several linear predictors: integrals by brute force, known truth, statuses, files and
batches."""

import jax
import numpy as np
import pytest
import scipy.stats
from predictor_data import draw_counts
from problems import slopes
from scipy.special import expit, log_expit, logsumexp

import glmmjax as gj
from glmmjax.batch import SharedDesign, as_responses
from glmmjax.model import pack, unpack


@pytest.fixture(scope="module")
def small():
    """Three groups of six rows, and a point."""
    model = gj.glmm("y ~ x + (1 | g)", draw_counts(3, 3, 6), "poisson", ziformula="~ x + (1 | g)")
    return model, gj.Params(
        np.array([0.5, 0.3, -0.6, 0.4]), (np.array([0.6]), np.array([0.9])), np.zeros(0)
    )


def test_the_integral_is_that_of_brute_force(small):
    """Over the two random effects of a group, on a product of Gauss-Hermite rules around zero."""
    model, at = small
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    u, v = (axis[..., None] for axis in np.meshgrid(nodes, nodes))
    log_weights = np.log(np.outer(weights, weights) / (2 * np.pi))
    total = 0.0
    for _, rows in model.core.design.frame.groupby("g"):
        y, x = rows.y.to_numpy(), rows.x.to_numpy()
        mu, of_zero = np.exp(0.5 + 0.3 * x + 0.6 * u), -0.6 + 0.4 * x + 0.9 * v
        positive = log_expit(-of_zero) + scipy.stats.poisson.logpmf(y, mu)
        terms = np.where(
            y == 0, np.logaddexp(log_expit(of_zero), log_expit(-of_zero) - mu), positive
        )
        total += logsumexp(terms.sum(-1) + log_weights)
    with gj.float64():
        found = [float(model.log_marginal(at, gj.AGHQ(points))) for points in (15, 31)]
    assert found[1] == pytest.approx(total, abs=1e-9)
    assert found[0] == pytest.approx(total, abs=1e-6)


def test_the_integral_of_a_dispersion_model(small):
    """Random effects in the mean and in the logarithm of the size."""
    data = small[0].core.design.frame
    model = gj.glmm("y ~ x + (1 | g)", data, "nbinom2", dispformula="~ x + (1 | g)")
    at = gj.Params(np.array([0.5, 0.3, 0.8, -0.4]), (np.array([0.6]), np.array([0.5])), np.zeros(0))
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    u, v = (axis[..., None] for axis in np.meshgrid(nodes, nodes))
    log_weights = np.log(np.outer(weights, weights) / (2 * np.pi))
    total = 0.0
    for _, rows in data.groupby("g"):
        y, x = rows.y.to_numpy(), rows.x.to_numpy()
        mu, size = np.exp(0.5 + 0.3 * x + 0.6 * u), np.exp(0.8 - 0.4 * x + 0.5 * v)
        terms = scipy.stats.nbinom.logpmf(y, size, size / (size + mu)).sum(-1)
        total += logsumexp(terms + log_weights)
    with gj.float64():
        assert float(model.log_marginal(at, gj.AGHQ(25))) == pytest.approx(total, abs=1e-7)


def test_gradient_and_hessian(small):
    model, at = small
    with gj.float64():
        vector = np.asarray(pack(at))

        def value(v):
            return model.log_marginal(unpack(model.core.glmm, v), gj.Laplace())

        gradient = jax.jit(jax.grad(value))
        np.testing.assert_allclose(
            gradient(vector), slopes(jax.jit(value), vector), rtol=1e-6, atol=1e-7
        )
        np.testing.assert_allclose(
            jax.jit(jax.hessian(value))(vector), slopes(gradient, vector), rtol=1e-5, atol=1e-6
        )


def test_estimates_are_near_the_truth(zip_fit):
    assert zip_fit.converged
    assert zip_fit.df == 6
    found = np.concatenate([zip_fit.params.beta, *map(np.abs, zip_fit.params.theta)])
    truth = np.array([0.8, 0.4, -0.7, 0.6, 0.5, 0.8])
    assert (np.abs(found - truth) < 3 * np.sqrt(np.diag(zip_fit.solution.vcov))).all()


def test_names(zip_fit, hetero_fit):
    assert list(zip_fit.fixef.index) == list(zip_fit.zi.index) == ["Intercept", "x"]
    assert list(zip_fit.varcorr().term1) == ["Intercept", "zi_Intercept"]
    assert set(zip_fit.ranef().term) == {"Intercept", "zi_Intercept"}
    np.testing.assert_allclose(zip_fit.confint(part="zi").mean(axis=1), zip_fit.zi, rtol=1e-12)
    text = str(zip_fit.summary())
    assert "  Zeros: ~ x + (1 | g)" in text and "Zero-inflation model (log odds):" in text
    assert "Dispersion model (log of sigma):" in str(hetero_fit.summary())
    assert zip_fit.disp.empty
    with pytest.raises(
        gj.ModelError, match=r"linear predictors of the model \(mean, zi\), not 'disp'"
    ):
        zip_fit.coefficients("disp")
    with pytest.raises(gj.ModelError, match="not 'count'"):
        zip_fit.coefficients("count")


class TestDispersionModel:
    def test_without_random_effects_it_is_maximum_likelihood(self, counts):
        """At the estimates the score by numerical differences of scipy's density is zero."""
        fit = gj.glmm("real ~ x", counts, dispformula="~ x").fit()
        design = np.column_stack([np.ones(len(counts)), counts.x])

        def loglik(v):
            return scipy.stats.norm.logpdf(
                counts.real, design @ v[:2], np.exp(design @ v[2:])
            ).sum()

        at = np.concatenate([fit.fixef, fit.disp])
        assert fit.loglik == pytest.approx(loglik(at), abs=1e-8)
        assert np.abs(slopes(loglik, at)).max() < 1e-3
        information = -slopes(lambda v: slopes(loglik, v, 1e-4), at, 1e-4)
        np.testing.assert_allclose(
            fit.coefficients("disp").std_error,
            np.sqrt(np.diag(np.linalg.inv(information)))[2:],
            rtol=1e-4,
        )

    def test_the_likelihood_is_that_of_the_normal_distribution(self, counts, hetero_fit):
        """Laplace's approximation is exact: `y ~ N(X beta, diag(sigma^2) + s^2 Z Z')`."""
        x = np.column_stack([np.ones(len(counts)), counts.x])
        same = counts.g.to_numpy()[:, None] == counts.g.to_numpy()
        sigma, sd = np.exp(x @ hetero_fit.disp), hetero_fit.params.theta[0][0]
        expected = scipy.stats.multivariate_normal.logpdf(
            counts.real, x @ hetero_fit.fixef, np.diag(sigma**2) + sd**2 * same
        )
        assert hetero_fit.loglik == pytest.approx(expected, abs=1e-7)

    def test_estimates_are_near_the_truth(self, hetero_fit):
        assert hetero_fit.converged and hetero_fit.dispersion == {}
        found = np.concatenate([hetero_fit.params.beta, np.abs(hetero_fit.params.theta[0])])
        off = found - np.array([1.0, 0.5, -0.3, 0.5, 0.7])
        assert (np.abs(off) < 3 * np.sqrt(np.diag(hetero_fit.solution.vcov))).all()

    def test_a_constant_is_the_plain_model(self, counts):
        """With prior weights, which are precisions in both."""
        plain = gj.glmm("real ~ x + (1 | g)", counts, weights="w").fit()
        fit = gj.glmm("real ~ x + (1 | g)", counts, dispformula="~ 1", weights="w").fit()
        assert fit.loglik == pytest.approx(plain.loglik, abs=1e-7)
        np.testing.assert_allclose(fit.disp, np.log(plain.dispersion["sigma"]), atol=1e-5)
        np.testing.assert_allclose(fit.fixef, plain.fixef, atol=1e-5)
        assert fit.simulate(2).shape == (2, len(counts))

    def test_draws_with_rows_that_are_not_there(self, counts):
        model = gj.glmm(
            "real ~ x + (1 | g)", counts, dispformula="~ x", weights=np.r_[0.0, np.full(719, 2.0)]
        )
        at = model.params(
            fixef={"Intercept": 1, "x": 0.5}, disp={"Intercept": 0.0, "x": 0.0}, sd=0.1
        )
        assert model.simulate(at, 50).std() == pytest.approx(np.sqrt(0.5 + 0.25 + 0.01), rel=0.05)


class TestLimits:
    def test_no_extra_zeros(self, counts):
        """Poisson counts: the probability of an extra zero goes to zero, and the fit is the Poisson
        one."""
        rng = np.random.default_rng(4)
        data = counts.assign(y=rng.poisson(np.exp(2.5 + 0.2 * counts.x)))
        plain, fit = (
            gj.glmm("y ~ x + (1 | g)", data, "poisson", ziformula=zi).fit() for zi in (None, "~ 1")
        )
        assert fit.status.startswith(gj.Status.LIMIT.value) and fit.converged
        assert fit.status.endswith(
            "zi_Intercept ran off: there are no extra zeros, so leave ziformula out."
        )
        assert fit.loglik == pytest.approx(plain.loglik, abs=1e-6)
        np.testing.assert_allclose(fit.std_errors, plain.std_errors, rtol=1e-4)

    def test_no_extra_variance(self, counts):
        rng = np.random.default_rng(5)
        data = counts.assign(
            y=rng.binomial(20, expit(0.3 * counts.x))
        )  # less variance than Poisson
        fit = gj.glmm("y ~ x", data, "nbinom2", dispformula="~ 1").fit()
        plain = gj.glmm("y ~ x", data, "poisson").fit()
        assert fit.solution.status is gj.Status.LIMIT
        assert "disp_Intercept ran off" in fit.status and "compois" in fit.status
        assert fit.loglik == pytest.approx(plain.loglik, abs=1e-6)


def test_files(zip_fit, tmp_path):
    zip_fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert again.loglik == zip_fit.loglik
    np.testing.assert_array_equal(again.zi, zip_fit.zi)
    np.testing.assert_allclose(
        again.predict(kind="zero_probability"), zip_fit.predict(kind="zero_probability")
    )
    found = zip_fit.to_dict()
    assert (found["family"], found["ziformula"], found["dispformula"]) == (
        "poisson",
        "~ x + (1 | g)",
        None,
    )
    assert [row["term"] for row in found["zi"]] == ["Intercept", "x"]


class TestBatches:
    def test_many_responses(self, zip_fit):
        responses = np.concatenate([zip_fit.model.core.design.y[None], zip_fit.simulate(2, seed=3)])
        batch = gj.fit_many(zip_fit.model, responses, progress=False)
        assert batch.converged.all()
        assert batch.loglik[0] == pytest.approx(zip_fit.loglik, abs=1e-7)
        np.testing.assert_allclose(batch.zi.iloc[0], zip_fit.zi, atol=1e-5)
        np.testing.assert_allclose(batch[0].fixef, zip_fit.fixef, atol=1e-5)
        assert list(batch.to_frame().term[:4]) == ["Intercept", "x", "zi_Intercept", "zi_x"]
        np.testing.assert_allclose(batch.vcov[0], zip_fit.vcov, rtol=1e-3)

    def test_offsets_and_weights_of_members(self, zip_fit, hetero_fit):
        """The argument `offset` is the mean's, whatever other linear predictors there are."""
        n = zip_fit.nobs
        responses, offset = (
            zip_fit.simulate(2, seed=3),
            np.stack([np.zeros(n), np.linspace(-1, 1, n)]),
        )
        model = zip_fit.model.core
        members = SharedDesign(
            model, as_responses(responses, model.design.frame.index, pairs=False), None, offset
        )
        loaded = members.load(np.arange(2), np.arange(2)).working.glmm.offset
        np.testing.assert_array_equal(
            model.layout.to_rows(loaded), np.stack([offset, np.zeros_like(offset)], 1)
        )
        with pytest.raises(
            gj.ModelError,
            match=r"weights of a gaussian model with dispformula are arguments of gj.glmm",
        ):
            gj.fit_many(hetero_fit.model, hetero_fit.simulate(2), weights=np.ones(n))

    def test_by_group(self, counts):
        data = counts.assign(half=counts.g % 2)
        batch = gj.fit_by("real ~ x + (1 | g)", data, "half", dispformula="~ x", progress=False)
        one = gj.glmm("real ~ x + (1 | g)", data[data.half == 1], dispformula="~ x").fit()
        assert batch.loglik[1] == pytest.approx(one.loglik, abs=1e-7)
        np.testing.assert_allclose(batch.disp.loc[1], one.disp, atol=1e-5)


def test_parameters_by_name(zip_fit):
    model = zip_fit.model
    at = model.params(
        fixef={"Intercept": 0.8, "x": 0.4},
        zi={"Intercept": -0.7, "x": 0.6},
        sd={"Intercept": 0.5, "zi_Intercept": 0.8},
    )
    np.testing.assert_array_equal(at.beta, [0.8, 0.4, -0.7, 0.6])
    with pytest.raises(gj.ModelError, match="zi lacks Intercept, x"):
        model.params(fixef={"Intercept": 0.8, "x": 0.4}, sd={"Intercept": 0.5, "zi_Intercept": 0.8})
    with pytest.raises(gj.ModelError, match="no dispformula"):
        model.params(
            fixef={"Intercept": 0.8, "x": 0.4}, zi={"Intercept": -0.7, "x": 0.6}, disp=1.0, sd={}
        )


@pytest.mark.parametrize(
    ("formulas", "family", "message"),
    [
        ({"ziformula": "~ nothing"}, "poisson", "Column 'nothing' is not in data"),
        ({"ziformula": "y ~ x"}, "poisson", "ziformula takes no response: leave y out"),
        ({"ziformula": "x"}, "poisson", "ziformula: The formula has no '~'"),
        ({"dispformula": "~ x"}, "poisson", "dispersion parameter, which poisson lacks"),
        ({"ziformula": "~ x"}, "gaussian", "which gaussian is not for"),
        ({"ziformula": "~ x"}, "bernoulli", "which bernoulli is not for"),
        ({"ziformula": "~ 0"}, "poisson", "ziformula ~ 0 has no terms: leave ziformula out"),
        (
            {"dispformula": "~ x"},
            "genpois",
            "may be any positive number, which phi of genpois may not",
        ),
        (
            {"dispformula": "~ x"},
            gj.CustomFamily(lambda y, eta, phi: -((y - eta) ** 2)),
            "which custom lacks",
        ),
        ({"ziformula": 3}, "poisson", "must be text, not int"),
        ({"ziformula": "~ x + (1 | g) + (x | g)"}, "poisson", "cannot be told apart"),
    ],
)
def test_refusals(counts, formulas, family, message):
    with pytest.raises(gj.ModelError, match=message):
        gj.glmm("y ~ x + (1 | g)", counts, family, **formulas)
