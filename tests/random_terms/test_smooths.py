"""Smooths s(x) against mgcv and dense algebra, their predictions, bands and draws."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from dense import exact, laplace, mode, restricted
from smooth_data import table, truth

import glmmjax as gj

REFERENCE = json.loads(pathlib.Path(__file__).with_name("smooth_fits.json").read_text())
NEW = pd.DataFrame({"x": REFERENCE["x"], "f": REFERENCE["f"]})


@pytest.fixture(scope="module")
def gaussian():
    return gj.glmm("y ~ s(x, k=10)", table()).fit(reml=True)


@pytest.fixture(scope="module")
def by():
    return gj.glmm("two ~ f + s(x, k=8, by=f)", table()).fit(reml=True)


@pytest.fixture(scope="module")
def poisson():
    return gj.glmm("count ~ s(x, k=10)", table(), "poisson").fit()


def smoothing(fit):
    """mgcv's lambda, for the penalty by x; ours is by x scaled to [0, 1], whose integral is
    `length^3` times it."""
    variances = fit.varcorr().query("group != 'Residual'").vcov.to_numpy()
    length = np.ptp(table()["x"])
    return fit.dispersion.get("sigma", 1.0) ** 2 / variances * length**3


def covariance_of_rows(fit):
    """What the curves add to the covariance of the rows."""
    variances = fit.varcorr().query("group != 'Residual'").vcov
    terms = fit.solution.model.design.random
    return sum(
        variance * term.z @ term.z.T for variance, term in zip(variances, terms, strict=True)
    )


class TestAgainstMgcv:
    @pytest.mark.parametrize("name", ["gaussian", "by"])
    def test_reml(self, name, request):
        fit, expected = request.getfixturevalue(name), REFERENCE["fits"][name]
        assert fit.converged
        np.testing.assert_allclose(fit.predict(), expected["fitted"], atol=1e-5)
        assert fit.dispersion["sigma"] == pytest.approx(expected["sigma"], rel=1e-5)
        np.testing.assert_allclose(smoothing(fit), np.atleast_1d(expected["lambda"]), rtol=1e-3)

    @pytest.mark.parametrize("name", ["gaussian", "by"])
    def test_new_rows(self, name, request):
        """Outside the range too, where the curve is a line. Errors of mgcv lack the uncertainty of
        lambda."""
        fit, expected = request.getfixturevalue(name), REFERENCE["fits"][name]
        found = fit.predict(NEW, level="population", se=True)
        np.testing.assert_allclose(found.estimate, expected["new"], atol=1e-5)
        assert (found.std_error > (1 - 1e-6) * np.array(expected["new_se"])).all()
        np.testing.assert_allclose(found.std_error, expected["new_se"], rtol=0.1)

    def test_knots(self, gaussian):
        term, x = gaussian.solution.model.design.random[0], table()["x"]
        knots = x.min() + np.ptp(x) * term.columns.knots
        np.testing.assert_allclose(knots, REFERENCE["fits"]["gaussian"]["knots"], rtol=1e-10)

    def test_counts(self, poisson):
        """mgcv's ML puts the line at the penalised estimate, so it is a little off the maximum."""
        expected = REFERENCE["fits"]["poisson"]
        assert smoothing(poisson)[0] == pytest.approx(expected["lambda"], rel=0.01)
        found = poisson.predict(NEW, level="population", kind="link", se=True)
        assert (np.abs(found.estimate - expected["new"]) < 0.1 * np.array(expected["new_se"])).all()
        np.testing.assert_allclose(found.std_error, expected["new_se"], rtol=0.05)


class TestAgainstDenseAlgebra:
    @pytest.mark.parametrize("name", ["gaussian", "by"])
    def test_restricted_likelihood(self, name, request):
        fit = request.getfixturevalue(name)
        design = fit.solution.model.design
        v = covariance_of_rows(fit) + fit.dispersion["sigma"] ** 2 * np.eye(len(design.y))
        assert fit.loglik == pytest.approx(restricted(design.y, design.fixed.x, v), abs=1e-6)
        with gj.float64():
            value = float(fit.model.log_marginal(fit.params, gj.Exact()))
        assert value == pytest.approx(
            exact(design.y, design.fixed.x, v, fit.fixef.to_numpy()), abs=1e-6
        )

    def test_laplace(self, poisson):
        design, m = poisson.solution.model.design, covariance_of_rows(poisson)
        eta = design.fixed.x @ poisson.fixef.to_numpy()
        assert poisson.loglik == pytest.approx(laplace(design.y, eta, m), abs=1e-6)
        curve = eta + m @ mode(design.y, eta, m)
        np.testing.assert_allclose(poisson.predict(level="population"), np.exp(curve), rtol=1e-6)


class TestCurves:
    def test_the_curve_is_part_of_every_level(self, gaussian, poisson):
        for fit in (gaussian, poisson):
            expected = fit.predict(NEW, se=True)
            for level in ("population", "marginal"):
                found = fit.predict(NEW, level=level, se=True)
                np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_the_fitted_rows_give_the_fitted_values(self, by):
        pd.testing.assert_frame_equal(by.predict(table(), se=True), by.predict(se=True), rtol=1e-6)

    def test_the_band_covers_the_truth(self, gaussian):
        """Draws of one model with the true curve: a 95 % band covers it at 95 % of the points on
        average."""
        rng, data = np.random.default_rng(1), table()
        mean = 1 + truth(data["x"].to_numpy())
        batch = gj.fit_many(
            gaussian.model, mean + 0.4 * rng.normal(size=(12, len(data))), reml=True
        )
        assert batch.converged.all()
        inside = []
        for fit in batch:
            band = fit.predict(level="population", se=True)
            inside.append((np.abs(band.estimate - mean) < 1.96 * band.std_error).mean())
        assert 0.88 < np.mean(inside) <= 1

    def test_draws_keep_the_curve(self, gaussian):
        draws = gaussian.simulate(2000, seed=1)
        error = gaussian.dispersion["sigma"] / np.sqrt(len(draws))
        assert np.abs(draws.mean(0) - gaussian.predict(level="population")).max() < 5 * error
        np.testing.assert_allclose(draws.std(0).mean(), gaussian.dispersion["sigma"], rtol=0.01)

    def test_a_level_without_a_curve_is_refused(self, by):
        with pytest.raises(gj.ModelError, match="not fitted to: 'c'"):
            by.predict(pd.DataFrame({"x": [0.0], "f": ["c"]}), level="population")

    def test_the_summary_names_the_smooths(self, by):
        text = str(by.summary())
        assert " s(x, k=8, by=f)[b]  smooth" in text
        assert "groups:" not in text
        assert by.to_dict()["groups"] == {}
