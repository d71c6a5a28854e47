"""Quantile residuals by exact distribution functions, and tests of them."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, ndtri

import glmmjax as gj
from glmmjax.families import sides
from glmmjax.prediction._effects import variance_of_effects
from glmmjax.prediction._quantile import sides_of_rows, with_drawn_effects
from glmmjax.prediction._rows import fitted_rows


def grouped(groups: int, size: int, seed: int = 1):
    """A covariate, and the linear predictor with an intercept of each group."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {"g": np.repeat(np.arange(groups), size), "x": rng.normal(size=groups * size)}
    )
    return rng, data.assign(eta=0.5 + 0.5 * data["x"] + 0.8 * rng.normal(size=groups)[data["g"]])


@pytest.fixture(scope="module")
def counts():
    rng, data = grouped(20, 10)
    return data.assign(y=rng.poisson(np.exp(data["eta"])), where=np.tile(["a", "b"], 100))


@pytest.fixture(scope="module")
def poisson(counts):
    return gj.glmm("y ~ x + (1 | g)", counts, family="poisson").fit()


def by_brute_force(fit, rows: int = 12):
    """Sides of the first rows, averaged over many even steps of the random effect."""
    solution = fit.solution
    own = fitted_rows(solution.model)
    eta, sd = own.fixed(solution.params.beta), np.sqrt(variance_of_effects(solution, own))
    u = np.linspace(-12, 12, 200_001)
    weight = stats.norm.pdf(u) * (u[1] - u[0])
    found = []
    for k in range(rows):
        y = solution.model.design.y.T[..., [k]]
        at = sides(solution.model.family, y, eta[:, [k]] + sd[:, [k]] * u, solution.dispersion)
        found.append([(part * weight).sum() for part in at])
    return np.array(found).T


class TestGiven:
    def test_between_the_distribution_functions(self, poisson, counts):
        found = poisson.residuals("quantile", effects="given", seed=4)
        mu, y = poisson.predict().to_numpy(), counts["y"].to_numpy()
        within = np.random.default_rng(4).uniform(size=len(y))
        below, upto = stats.poisson(mu).cdf(y - 1), stats.poisson(mu).cdf(y)
        np.testing.assert_allclose(found, ndtri(below + within * (upto - below)), atol=1e-9)
        assert found.attrs["method"].startswith("distribution function of each row given the cond")

    def test_far_out_on_both_sides(self, poisson):
        """A count of 60 at a mean near one, whose distribution function rounds to one."""
        model = poisson.model.core
        y = model.design.y.copy()
        y[0] = 60.0
        design = dataclasses.replace(model.design, y=y)
        fits = poisson.fits
        members = type(fits.members)(dataclasses.replace(model, design=design))
        solution = gj.Fit(dataclasses.replace(fits, members=members, known=fits.modes))
        mu = poisson.predict().iloc[0]
        found = solution.residuals("quantile", effects="given").iloc[0]
        below, upto = -ndtri(stats.poisson(mu).sf([59, 60]))
        assert 8 < below < found < upto

    def test_a_linear_model_has_its_scaled_residuals(self, golden):
        fit = golden("sleepstudy", "ML")
        found = fit.residuals("quantile", effects="given")
        np.testing.assert_allclose(found, fit.residuals("pearson"), rtol=1e-9)

    def test_censored_responses_lie_within_their_limits(self):
        rng, data = grouped(30, 10)
        time = np.exp(data["eta"]) * rng.weibull(1.5, len(data))
        data = data.assign(time=np.minimum(time, 2.0), state=np.where(time > 2, "right", "none"))
        fit = gj.glmm("cens(time, state) ~ x + (1 | g)", data, family="weibull").fit()
        found = fit.residuals("quantile", effects="given")
        scale = np.exp(fit.predict(kind="link").to_numpy())
        low = stats.weibull_min(fit.dispersion["shape"], scale=scale).cdf(data["time"])
        right = (data["state"] == "right").to_numpy()
        np.testing.assert_allclose(found[~right], ndtri(low[~right]), atol=1e-9)
        assert (found[right] > ndtri(low[right])).all()
        assert stats.kstest(fit.residuals("quantile", effects="drawn"), "norm").pvalue > 0.01


class TestNew:
    @pytest.mark.parametrize(
        ("case", "method"),
        [
            *[(case, "Laplace") for case in ("cbpp", "epil", "epil_nb2", "sim_gamma")],
            *[("sim_beta", "Laplace"), ("wine_ordinal", "Laplace"), ("sleepstudy", "ML")],
        ],
    )
    def test_averaged_over_the_effects(self, golden, case, method):
        """Against even steps; of sleepstudy each day has a variance of its own."""
        fit = golden(case, method)
        expected, found = by_brute_force(fit), sides_of_rows(fit.solution, averaged=True)
        np.testing.assert_allclose(np.stack(found)[:, :12], expected, rtol=1e-9, atol=1e-14)

    @pytest.mark.parametrize("mean", [1e2, 1e6])
    def test_of_counts_that_tell_nearly_all(self, mean):
        """Within the spread of the random effects the distribution function is all but a step."""
        rng, data = grouped(15, 4)
        data = data.assign(y=rng.poisson(mean * np.exp(data["eta"])))
        fit = gj.glmm("y ~ x + (1 | g)", data, family="poisson").fit()
        found = sides_of_rows(fit.solution, averaged=True)
        np.testing.assert_allclose(
            np.stack(found)[:, :12], by_brute_force(fit), rtol=1e-8, atol=1e-12
        )

    def test_probit_has_a_closed_form(self, counts):
        data = counts.assign(won=(counts["y"] > 2).astype(int))
        fit = gj.glmm("won ~ x + (1 | g)", data, gj.Bernoulli("probit")).fit()
        found = sides_of_rows(fit.solution, averaged=True)
        wide = np.sqrt(1 + fit.varcorr()["vcov"].iloc[0])
        p = stats.norm.cdf(fit.predict(level="population", kind="link") / wide)
        np.testing.assert_allclose(found.at, np.where(data["won"] == 1, p, 1 - p), rtol=1e-10)

    def test_agrees_with_simulated_responses(self, poisson, counts):
        drawn = poisson.simulate(4000, seed=3)
        found = sides_of_rows(poisson.solution, averaged=True)
        y = counts["y"].to_numpy()
        error = 5 * np.sqrt(0.25 / len(drawn))
        assert np.abs((drawn < y).mean(0) - found.below).max() < error
        assert np.abs((drawn == y).mean(0) - found.at).max() < error

    def test_smooths_keep_their_curve(self):
        rng, data = grouped(20, 10)
        data = data.assign(y=np.sin(2 * data["x"]) + rng.normal(size=200))
        fit = gj.glmm("y ~ s(x) + (1 | g)", data, family="gaussian").fit()
        left = data["y"] - fit.predict(level="population")
        wide = np.sqrt(
            fit.dispersion["sigma"] ** 2 + fit.varcorr().query("group == 'g'")["vcov"].sum()
        )
        np.testing.assert_allclose(fit.residuals("quantile"), left / wide, rtol=1e-8)

    def test_effects_in_two_predictors_are_simulated(self, counts):
        data = counts.assign(y=np.where(np.arange(200) % 3 == 0, 0, counts["y"]))
        model = gj.glmm("y ~ x + (1 | g)", data, family="poisson", ziformula="~ 1 + (1 | g)")
        found = model.fit().residuals("quantile")
        assert found.attrs["method"].startswith("place among 250 simulated responses with new")


class TestDrawn:
    def test_draws_have_the_modes_and_their_covariance(self, golden):
        """Of crossed factors, in a linear model, whose distribution given the data is normal."""
        fit = golden("penicillin", "ML")
        solution = fit.solution
        draws = [with_drawn_effects(solution, seed).mode for seed in range(400)]
        for k, (mode, cov) in enumerate(zip(solution.mode, solution.mode_cov, strict=True)):
            own = np.array([draw[k] for draw in draws])[..., 0]
            sd = np.sqrt(cov[:, 0, 0])
            assert np.abs(own.mean(0) - mode[:, 0]).max() < 4.5 * (sd / np.sqrt(400)).max()
            np.testing.assert_allclose(own.std(0), sd, rtol=0.2)

    def test_independent_within_groups_where_others_are_not(self):
        """Groups of two: those of new effects share them, those given the modes are too small."""
        rng, data = grouped(400, 2)
        data = data.assign(y=rng.poisson(np.exp(data["eta"])))
        fit = gj.glmm("y ~ x + (1 | g)", data, family="poisson").fit()
        found = {
            effects: fit.residuals("quantile", effects=effects).to_numpy()
            for effects in ("new", "given", "drawn")
        }
        correlation = {k: np.corrcoef(own[::2], own[1::2])[0, 1] for k, own in found.items()}
        assert correlation["new"] > 0.3
        assert abs(correlation["drawn"]) < 0.12
        assert found["given"].std() < 0.93 < 0.95 < found["drawn"].std() < 1.05


class TestRefused:
    def test_what_has_no_distribution(self, counts):
        quasi = gj.glmm("y ~ x + (1 | g)", counts, family="quasipoisson").fit()
        weighted = gj.glmm(
            "y ~ x + (1 | g)", counts, family="poisson", weights=np.repeat([1.0, 2.0], 100)
        ).fit()
        for effects in ("new", "given", "drawn"):
            with pytest.raises(gj.ModelError, match="has no distribution to draw from"):
                quasi.residuals("quantile", effects=effects)
            with pytest.raises(gj.ModelError, match="prior weights has no distribution"):
                weighted.residuals("quantile", effects=effects)

    def test_arguments(self, poisson):
        with pytest.raises(gj.ModelError, match="seed must be a whole number"):
            poisson.residuals("quantile", seed=-1)
        with pytest.raises(gj.ModelError, match="effects must be one of new, given, drawn"):
            poisson.residuals("quantile", effects="old")
        with pytest.raises(gj.ModelError, match="by must be a grouping factor or a column"):
            poisson.residual_tests("nothing")


@pytest.fixture(scope="module")
def batch(counts):
    rng = np.random.default_rng(5)
    y = rng.poisson(np.exp(np.tile(counts["eta"], (3, 1)))).astype(float)
    y[1] = 0.0
    return gj.fit_many(gj.glmm("~ x + (1 | g)", counts, family="poisson"), y)


class TestOfMembers:
    @pytest.mark.parametrize("kind", ["pearson", "response", "deviance", "quantile"])
    def test_residuals(self, batch, kind):
        found = batch.residuals(kind)
        assert list(found.index.names) == ["member", "row"]
        assert len(found) == 600
        assert found.loc[1].isna().all()
        for k in (0, 2):
            np.testing.assert_array_equal(found.loc[k], batch[k].residuals(kind))
        assert ("method" in found.attrs) == (kind == "quantile")

    def test_tests(self, batch):
        found = batch.residual_tests()
        assert found.index.get_level_values("member").unique().tolist() == [0, 2]
        pd.testing.assert_frame_equal(
            found.loc[2].drop(columns="p_adjusted"), batch[2].residual_tests()
        )


class TestTests:
    def test_columns(self, poisson):
        whole, split = poisson.residual_tests(), poisson.residual_tests("g")
        assert list(whole.columns) == ["test", "statistic", "p_value"]
        assert list(split.columns) == [*("level", "test", "statistic", "p_value", "p_adjusted")]
        assert len(split) == 60
        adjusted = stats.false_discovery_control(split.query("test == 'dispersion'")["p_value"])
        np.testing.assert_allclose(split.query("test == 'dispersion'")["p_adjusted"], adjusted)
        assert "drawn once from their normal approximation" in whole.attrs["method"]
        assert "over the levels of a test" in split.attrs["method"]

    def test_of_the_residuals(self, poisson):
        left = poisson.residuals("quantile", effects="drawn", seed=2).to_numpy()
        found = poisson.residual_tests(seed=2).set_index("test")
        distance, far = stats.kstest(left, "norm"), int((np.abs(left) > ndtri(0.995)).sum())
        assert found["statistic"]["uniformity"] == distance.statistic
        assert found["p_value"]["uniformity"] == distance.pvalue
        assert found["statistic"]["dispersion"] == pytest.approx((left**2).mean())
        assert found["statistic"]["outliers"] == far
        assert found["p_value"]["outliers"] == stats.binomtest(far, 200, 0.01).pvalue

    def test_a_wrong_family_is_found_and_the_right_one_is_not(self):
        rng, data = grouped(30, 20)
        y = rng.poisson(np.exp(data["eta"]) * rng.gamma(2, 1 / 2, len(data)))
        fits = [
            gj.glmm("y ~ x + (1 | g)", data.assign(y=y), family=family).fit()
            for family in ("poisson", "nbinom2")
        ]
        wrong, right = (fit.residual_tests().set_index("test")["p_value"] for fit in fits)
        assert (wrong < 1e-4).all()
        assert (right > 0.05).all()

    def test_by_a_column_finds_where_the_variance_is_another(self):
        rng, data = grouped(20, 20)
        side = np.tile(["left", "right"], 200)
        y = data["eta"] + np.where(side == "left", 0.5, 1.5) * rng.normal(size=400)
        fit = gj.glmm(
            "y ~ x + side + (1 | g)", data.assign(y=y, side=side), family="gaussian"
        ).fit()
        found = fit.residual_tests("side").set_index(["test", "level"])
        assert found["p_adjusted"]["dispersion"].max() < 1e-6
        assert (
            found["statistic"]["dispersion", "left"] < 1 < found["statistic"]["dispersion", "right"]
        )

    def test_uniform_under_the_truth(self):
        """Rows of few trials, where all depends on the randomisation."""
        rng, data = grouped(60, 20)
        data = data.assign(y=rng.binomial(1, expit(data["eta"])))
        fit = gj.glmm("y ~ x + (1 | g)", data, family="bernoulli").fit()
        assert (fit.residual_tests()["p_value"] > 0.05).all()
