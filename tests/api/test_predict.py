"""Predictions and their standard errors, and simulated responses."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pandas as pd
import pytest
from golden import read_case
from problems import model, slopes, table

import glmmjax as gj
from glmmjax.fit import Modes
from glmmjax.methods import conditional_mode
from glmmjax.model import scaled_factor, unpack


def logistic(eta):
    return 1 / (1 + np.exp(-eta))


def fixed_part(fit):
    design = fit.solution.model.design
    return design.fixed.x @ fit.fixef.to_numpy() + design.offset


class TestLevels:
    def test_conditional_is_fixed_plus_random(self, cbpp, sleep):
        design = cbpp.solution.model.design
        modes = cbpp.ranef().set_index("level")["mode"]
        eta = fixed_part(cbpp) + modes.loc[list(design.frame["herd"])].to_numpy()
        np.testing.assert_allclose(cbpp.predict(kind="link"), eta, rtol=1e-12)
        np.testing.assert_allclose(cbpp.predict(), logistic(eta), rtol=1e-12)
        modes = sleep.ranef().pivot(index="level", columns="term", values="mode")
        data = sleep.solution.model.design.frame
        own = modes.loc[list(data["Subject"])]
        expected = (
            fixed_part(sleep)
            + own["Intercept"].to_numpy()
            + own["Days"].to_numpy() * data["Days"].to_numpy()
        )
        np.testing.assert_allclose(sleep.predict(), expected, rtol=1e-12)

    def test_population_is_the_fixed_part(self, cbpp):
        np.testing.assert_allclose(
            cbpp.predict(level="population", kind="link"), fixed_part(cbpp), rtol=1e-12
        )
        np.testing.assert_allclose(
            cbpp.predict(level="population"), logistic(fixed_part(cbpp)), rtol=1e-12
        )

    def test_marginal_is_the_mean_over_random_effects(self, golden):
        """Against Monte Carlo, with a large variance and a random slope."""
        spinal = golden("spinal", "Laplace")
        draws = np.random.default_rng(0).normal(size=400_000) * spinal.varcorr().sdcor[0]
        for row, eta in enumerate(fixed_part(spinal)[:2]):
            means = logistic(eta + draws)
            assert spinal.predict(level="marginal").iloc[row] == pytest.approx(
                means.mean(), abs=4 * means.std() / np.sqrt(len(draws))
            )
        slope = golden("epil_slope", "Laplace")
        term = slope.solution.model.design.random[0]
        variance = np.einsum("nq,qr,nr->n", term.z, slope.solution.covariance[0], term.z)
        expected = np.exp(fixed_part(slope) + variance / 2)  # the mean of a log-normal variable
        np.testing.assert_allclose(slope.predict(level="marginal"), expected, rtol=1e-10)

    def test_marginal_of_a_log_link_needs_no_group(self):
        fit = model("poisson", "log").fit()
        found = fit.predict({"x": [0.3]}, level="marginal")
        variance = fit.varcorr().vcov[0]
        assert float(found[0]) == pytest.approx(
            np.exp(fit.fixef @ [1, 0.3] + variance / 2), rel=1e-12
        )

    def test_marginal_means_hold_for_large_variances(self, golden):
        fit = golden("spinal", "AGHQ25")
        fine = np.linspace(-12, 12, 200_001)
        weight = np.exp(-0.5 * fine**2)
        eta = fit.fixef["Intercept"] + np.sqrt(fit.varcorr().vcov[0]) * fine
        brute = (weight / (1 + np.exp(-eta))).sum() / weight.sum()
        found = fit.predict({"visit": [0]}, level="marginal")
        assert float(found[0]) == pytest.approx(brute, rel=1e-9)

    def test_marginal_coefficients_are_glmmadaptives(self, golden):
        """GLMMadaptive 0.9's `marginal_coefs` of the spinal trial (Monte Carlo: three digits), from
        inference.json."""
        fit = golden("spinal", "AGHQ25")
        link = fit.predict({"visit": [0, 1]}, level="marginal", kind="link").to_numpy()
        assert [link[0], link[1] - link[0]] == pytest.approx([0.5201, -0.1337], abs=2e-3)

    def test_marginal_of_an_identity_link_is_the_population(self, sleep):
        np.testing.assert_allclose(
            sleep.predict(level="marginal"), sleep.predict(level="population"), rtol=1e-12
        )

    def test_marginal_link_is_the_link_of_the_mean(self, cbpp):
        mean = cbpp.predict(level="marginal")
        np.testing.assert_allclose(
            cbpp.predict(level="marginal", kind="link"), np.log(mean / (1 - mean)), rtol=1e-10
        )


class TestNewData:
    def test_the_fitted_rows_give_the_fitted_values(self, cbpp, sleep):
        for fit, case in ((cbpp, "cbpp"), (sleep, "sleepstudy")):
            for level in ("conditional", "population", "marginal"):
                new = fit.predict(read_case(case), level=level)
                np.testing.assert_allclose(new, fit.predict(level=level), rtol=1e-12)

    def test_rows_keep_their_labels(self, cbpp):
        new = read_case("cbpp").iloc[[5, 2, 40]]
        found = cbpp.predict(new)
        assert list(found.index) == [5, 2, 40]
        np.testing.assert_allclose(found, cbpp.predict().iloc[[5, 2, 40]])

    def test_a_level_not_seen_has_no_random_effect(self, cbpp):
        new = pd.DataFrame({"herd": ["1", "never", "15"], "period": ["2", "2", "2"]})
        found, population = cbpp.predict(new), cbpp.predict(new, level="population")
        assert found[1] == population[1]
        assert found[0] != population[0]
        assert population.nunique() == 1

    def test_population_needs_no_group(self, cbpp):
        assert cbpp.predict({"period": ["1", "4"]}, level="population").shape == (2,)

    def test_the_standard_error_of_a_level_not_seen_has_the_variance_of_a_level(self, cbpp):
        new = pd.DataFrame({"herd": ["1", "never"], "period": ["2", "2"]})
        conditional = cbpp.predict(new, kind="link", se=True)
        population = cbpp.predict(new, level="population", kind="link", se=True)
        expected = population.std_error[1] ** 2 + cbpp.varcorr().vcov[0]
        assert conditional.std_error[1] ** 2 == pytest.approx(expected, rel=1e-8)
        assert conditional.std_error[0] < conditional.std_error[1]

    def test_refusals(self, cbpp):
        with pytest.raises(gj.ModelError, match="period"):
            cbpp.predict({"herd": ["1"]})
        with pytest.raises(gj.ModelError, match="herd"):
            cbpp.predict({"period": ["1"]})
        with pytest.raises(gj.ModelError, match="levels the model was not fitted to: '9'"):
            cbpp.predict({"period": ["9"], "herd": ["1"]})
        with pytest.raises(
            gj.ModelError, match="level must be one of conditional, population, marginal"
        ):
            cbpp.predict(level="group")
        with pytest.raises(gj.ModelError, match="kind must be one of response, link"):
            cbpp.predict(kind="mean")

    def test_offsets(self):
        fit = model("poisson", "log", offset="o").fit()
        new = table().iloc[:3]
        moved = fit.predict(new.assign(o=new["o"] + 1))
        np.testing.assert_allclose(moved, np.e * fit.predict(new), rtol=1e-10)
        array = model("poisson", "log", offset=table()["o"].to_numpy()).fit()
        with pytest.raises(gj.ModelError, match="The offset was an array"):
            array.predict(new)


class TestMissingValues:
    """A row that misses a value is NaN where it stands, and changes no other."""

    @staticmethod
    def new(**changed):
        new = (
            read_case("sleepstudy")
            .iloc[[150, 3, 70, 12, 44]]
            .astype({"Days": float, "Subject": object})
        )
        return new.assign(**changed)

    @pytest.mark.parametrize("level", ["conditional", "population", "marginal"])
    def test_a_value(self, sleep, level):
        expected = sleep.predict(self.new(), level=level, se=True)
        new = self.new(Days=[0.0, np.nan, 0.0, np.nan, 4.0])
        found = sleep.predict(new, level=level, se=True)
        assert list(found.index) == [150, 3, 70, 12, 44]
        assert found.isna().all(axis=1).tolist() == [False, True, False, True, False]
        assert found.iloc[4].to_numpy() == pytest.approx(expected.iloc[4].to_numpy(), rel=1e-12)
        assert sleep.predict(new, level=level).equals(found.estimate.rename("prediction"))
        with pytest.raises(
            gj.ModelError, match=r"^Column 'Days' of newdata has 2 missing value\(s\)\.$"
        ):
            sleep.predict(new, level=level, missing="raise")

    def test_a_level_is_one_not_seen(self, sleep):
        groups = self.new().Subject
        found, never = (
            sleep.predict(
                self.new(Subject=groups.where([True, False, True, True, False], label)), se=True
            )
            for label in (None, "never")
        )
        pd.testing.assert_frame_equal(found, never)
        with pytest.raises(gj.ModelError, match="Column 'Subject' of newdata has 5 missing"):
            sleep.predict(self.new(Subject=None), missing="raise")
        assert (
            sleep.predict(self.new(Subject=None), level="population", missing="raise").notna().all()
        )

    def test_every_row(self, sleep):
        for level in ("conditional", "population", "marginal"):
            found = sleep.predict(
                self.new(Days=np.nan).set_axis(list("abcde")), level=level, se=True
            )
            assert found.isna().all().all() and found.shape == (5, 2)
            assert list(found.index) == list("abcde")
        assert sleep.predict({"Days": [None], "Subject": ["308"]}).isna().tolist() == [True]

    def test_an_offset(self):
        fit = model("poisson", "log", offset="o").fit()
        new = table().iloc[:3].assign(o=[0.1, np.nan, 0.0])
        assert fit.predict(new).isna().tolist() == [False, True, False]

    @pytest.mark.parametrize("missing", ["drop", "NaN"])
    def test_other_words(self, sleep, missing):
        for new in (None, self.new()):
            with pytest.raises(gj.ModelError, match=r"^missing must be 'nan' or 'raise', not"):
                sleep.predict(new, missing=missing)


@eqx.filter_jit
def modes_at(glmm, params):
    """Conditional modes `u` (groups, q) of the one grouping factor at `params`."""
    (b,) = conditional_mode(glmm, params, glmm.structure.no_effects(params.beta.dtype)).b
    return (scaled_factor(glmm, params)[0].values[..., 0] @ b).T


def moved_to(fit: gj.Fit, vector: np.ndarray) -> gj.Fit:
    """The fit at other parameters, its conditional modes moved along."""
    solution = fit.solution
    glmm = solution.model.glmm
    with gj.float64():
        params = jax.tree.map(np.asarray, unpack(glmm, vector))
        mode = np.asarray(modes_at(glmm, params))[: len(solution.model.design.random[0].levels)]
    row = {"beta": params.beta[None], "phi": params.phi[None]}
    row["theta"] = tuple(theta[None] for theta in params.theta)
    modes = Modes((mode,), solution.mode_cov)
    outcome = fit.fits.outcome._replace(**row)
    return gj.Fit(dataclasses.replace(fit.fits, outcome=outcome, known=modes))


@pytest.mark.parametrize("level", ["conditional", "population", "marginal"])
@pytest.mark.parametrize(("case", "method"), [("cbpp", "Laplace"), ("sleepstudy", "REML")])
def test_standard_errors_are_the_delta_method(golden, case, method, level):
    """`J vcov J'` with `J` by finite differences, plus the conditional variance of the random
    effects."""
    fit = golden(case, method)
    at = np.concatenate([fit.params.beta, *fit.params.theta, fit.params.phi])

    def both_kinds(vector):
        moved = moved_to(fit, vector)
        return np.stack([moved.predict(level=level, kind=kind) for kind in ("link", "response")])

    jacobian = slopes(both_kinds, at)
    variance = np.einsum("kna,ab,knb->kn", jacobian, fit.solution.vcov, jacobian)
    if level == "conditional":
        (term,) = fit.solution.model.design.random
        given = np.einsum("nq,nqr,nr->n", term.z, fit.solution.mode_cov[0][term.refs], term.z)
        mu = fit.predict().to_numpy()
        slope = mu * (1 - mu) if case == "cbpp" else np.ones_like(mu)
        variance = variance + np.stack([given, slope**2 * given])
    for kind, expected in zip(("link", "response"), np.sqrt(variance), strict=True):
        found = fit.predict(level=level, kind=kind, se=True)
        assert list(found.columns) == ["estimate", "std_error"]
        np.testing.assert_allclose(found.estimate, fit.predict(level=level, kind=kind))
        np.testing.assert_allclose(found.std_error, expected, rtol=1e-5)


def test_standard_errors_of_a_singular_fit():
    """Variances that are not identified leave the fixed part as it is."""
    rng = np.random.default_rng(0)
    g, x = np.repeat(np.arange(12), 6), np.tile(np.linspace(-1, 1, 6), 12)
    e = rng.normal(size=(12, 6))
    basis = np.stack([np.ones(6), x[:6]], -1)
    e -= (
        e @ basis @ np.linalg.solve(basis.T @ basis, basis.T)
    )  # no intercepts and no slopes of groups
    fit = gj.glmm("y ~ x + (1 + x | g)", {"y": x + e.ravel(), "x": x, "g": g}).fit()
    assert fit.solution.status is gj.Status.SINGULAR
    found = fit.predict(level="population", se=True)
    design = fit.solution.model.design.fixed.x
    expected = np.sqrt(np.einsum("np,pq,nq->n", design, fit.vcov.to_numpy(), design))
    np.testing.assert_allclose(found.std_error, expected, rtol=1e-6)


def test_predictions_without_random_effects_agree():
    fit = model("poisson", "log", "").fit()
    frames = [
        fit.predict(level=level, se=True) for level in ("conditional", "population", "marginal")
    ]
    for frame in frames[1:]:
        np.testing.assert_allclose(frame, frames[0], rtol=1e-10)


def test_residuals(cbpp, sleep):
    """Of proportions, and of a linear model."""
    successes, trials = cbpp.solution.model.design.y.T
    p = cbpp.predict()
    np.testing.assert_allclose(cbpp.residuals("response"), successes / trials - p)
    np.testing.assert_allclose(
        cbpp.residuals(), (successes - trials * p) / np.sqrt(trials * p * (1 - p))
    )
    left = sleep.solution.model.design.y - sleep.predict()
    np.testing.assert_allclose(sleep.residuals("pearson"), left / sleep.dispersion["sigma"])


class TestSimulate:
    def test_shape_and_seed(self, cbpp):
        draws = cbpp.simulate(5, seed=1)
        assert draws.shape == (5, 56)
        assert draws.dtype == np.float64
        np.testing.assert_array_equal(draws, cbpp.simulate(5, seed=1))
        assert (draws != cbpp.simulate(5, seed=2)).any()
        assert len(np.unique(draws, axis=0)) == 5

    def test_successes_of_the_trials(self, cbpp):
        draws, trials = cbpp.simulate(200, seed=3), cbpp.solution.model.design.y[:, 1]
        assert ((draws >= 0) & (draws <= trials)).all()
        assert (draws == np.round(draws)).all()
        means = draws.mean(0) / trials
        error = (draws / trials).std(0) / np.sqrt(200)
        assert (np.abs(means - cbpp.predict(level="marginal")) < 4.5 * error).all()

    def test_moments_of_a_linear_model(self, sleep):
        """Mean, variance of every row, and covariance within a group."""
        draws = sleep.simulate(4000, seed=4)
        (term,) = sleep.solution.model.design.random
        cov = (
            term.z[:10] @ sleep.solution.covariance[0] @ term.z[:10].T
            + np.eye(10) * sleep.dispersion["sigma"] ** 2
        )
        error = np.sqrt(np.diag(cov) / 4000)
        assert (
            np.abs(draws[:, :10].mean(0) - sleep.predict(level="population")[:10]) < 4.5 * error
        ).all()
        scale = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
        assert (np.abs(np.cov(draws[:, :10].T) - cov) / scale).max() < 4.5 * np.sqrt(2 / 4000)
        assert abs(np.corrcoef(draws[:, 0], draws[:, 10])[0, 1]) < 4.5 / np.sqrt(
            4000
        )  # two subjects

    def test_a_simulated_response_can_be_fitted(self, cbpp):
        data = read_case("cbpp").assign(incidence=cbpp.simulate(1, seed=6)[0].astype(int))
        assert gj.glmm("incidence/size ~ period + (1 | herd)", data, "binomial").fit().converged

    def test_refusals(self, cbpp):
        for n in (0, -1, True):
            with pytest.raises(gj.ModelError, match="number of simulations"):
                cbpp.simulate(n)
        with pytest.raises(gj.ModelError, match="prior weights"):
            model("poisson", "log", weights="w").fit().simulate()

    def test_weights_of_a_linear_model_are_precisions(self):
        data = table().assign(w=np.where(np.arange(26) % 2, 1.0, 100.0))
        fit = model("gaussian", "identity", "", data=data, weights="w").fit()
        spread = fit.simulate(500, seed=0).std(0)
        ratio = spread[data["w"] == 1].mean() / spread[data["w"] == 100].mean()
        assert ratio == pytest.approx(10, rel=0.05)
