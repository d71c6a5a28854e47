"""What a fit promises: the maximum, from anywhere, and a status where there is none."""

import dataclasses

import jax
import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.stats
from golden import INFERENCE, method_of, model_of, read_case
from problems import dense_z, model, table

import glmmjax as gj


def grouped(groups: int = 12, each: int = 6, seed: int = 0) -> pd.DataFrame:
    """A balanced table with a covariate that has nothing to do with the groups."""
    rng = np.random.default_rng(seed)
    n = groups * each
    return pd.DataFrame(
        {"g": np.repeat(np.arange(groups), each), "x": rng.normal(size=n), "e": rng.normal(size=n)}
    )


class TestStart:
    """The maximum does not depend on where the search starts."""

    @pytest.mark.parametrize(
        ("beta", "theta"),
        [([0.0, 0.0], 0.05), ([5.0, -4.0], 6.0), ([-8.0, 3.0], -0.5)],
        ids=["small", "far", "mirrored"],
    )
    def test_laplace(self, golden, beta, theta):
        fit = golden("spinal", "Laplace")
        start = gj.Params(np.array(beta), (np.array([theta]),), np.zeros(0))
        other = fit.model.fit(start=start)
        assert other.converged
        assert other.loglik == pytest.approx(fit.loglik, abs=1e-8)
        np.testing.assert_allclose(other.fixef, fit.fixef, atol=1e-5)
        assert other.params.theta[0] == pytest.approx(
            fit.params.theta[0], abs=1e-5
        )  # the mirror image is turned

    @pytest.mark.parametrize("theta", [[0.01, 0.0, 0.01], [30.0, -20.0, 5.0]], ids=["small", "far"])
    def test_reml(self, golden, theta):
        fit = golden("sleepstudy", "REML")
        start = gj.Params(np.zeros(2), (np.array(theta),), np.array([0.0]))
        other = fit.model.fit(reml=True, start=start)
        assert other.converged
        assert other.loglik == pytest.approx(fit.loglik, abs=1e-8)
        np.testing.assert_allclose(other.params.theta[0], fit.params.theta[0], rtol=1e-4, atol=1e-4)

    def test_its_own_end_is_a_fixed_point(self, golden):
        fit = golden("spinal", "Laplace")
        again = fit.model.fit(start=fit.params)
        np.testing.assert_allclose(again.fixef, fit.fixef, atol=1e-7)
        assert again.iterations <= 4

    def test_starting_values_are_the_model_without_random_effects(self, golden):
        start = golden("spinal", "Laplace").model.start()
        counts = model_of("spinal").core.design
        by_visit = [counts.y[counts.fixed.x[:, 1] == visit].mean() for visit in (0, 1)]
        logits = np.log(by_visit) - np.log1p(-np.array(by_visit))
        np.testing.assert_allclose(start.beta, [logits[0], logits[1] - logits[0]], atol=0.01)
        assert start.theta[0] > 0


def test_the_gradient_is_zero_at_the_estimate(golden):
    fit = golden("cbpp", "Laplace")
    with gj.float64():
        gradient = jax.grad(fit.model.log_marginal)(fit.params)
    error = np.sqrt(np.diag(fit.solution.vcov))
    scaled = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(gradient)]) * error
    assert np.abs(scaled).max() < 1e-5
    assert fit.scaled_gradient < 1e-5


def test_the_value_and_the_covariance_are_those_of_log_marginal(golden):
    fit = golden("cbpp", "Laplace")

    def value(beta, theta):
        return fit.model.log_marginal(gj.Params(beta, (theta,), np.zeros(0)))

    with gj.float64():
        at = (fit.params.beta, fit.params.theta[0])
        assert float(value(*at)) == pytest.approx(fit.loglik, rel=1e-12)
        (bb, bt), (tb, tt) = jax.hessian(value, (0, 1))(*at)
    information = -np.block([[np.asarray(bb), np.asarray(bt)], [np.asarray(tb), np.asarray(tt)]])
    np.testing.assert_allclose(fit.solution.vcov, np.linalg.inv(information), rtol=1e-6)


class TestSingular:
    """A variance of zero is a valid maximum, and is called singular."""

    def test_gaussian(self):
        data = grouped()
        data["y"] = data["x"] + data["e"] - data.groupby("g")["e"].transform("mean")
        for reml in (False, True):
            fit = gj.glmm("y ~ x + (1 | g)", data).fit(reml=reml)
            assert fit.solution.status is gj.Status.SINGULAR
            assert fit.converged
            assert fit.varcorr().sdcor[0] < 1e-3
            assert np.isfinite(fit.std_errors).all()
        plain = gj.glmm("y ~ x", data).fit()
        mixed = gj.glmm("y ~ x + (1 | g)", data).fit()
        assert mixed.loglik == pytest.approx(plain.loglik, abs=1e-6)
        np.testing.assert_allclose(mixed.fixef, plain.fixef, atol=1e-6)

    def test_poisson(self):
        """Every group has the same counts, so there is less variation between groups than chance
        gives."""
        data = grouped()
        data["y"] = np.tile([0, 1, 2, 3, 1, 2], 12)
        data["x"] = np.tile(data["x"][:6], 12)
        fit = gj.glmm("y ~ x + (1 | g)", data, "poisson").fit()
        assert fit.solution.status is gj.Status.SINGULAR
        assert fit.converged
        assert fit.varcorr().sdcor[0] < 1e-3
        assert np.isfinite(fit.std_errors).all()

    def test_correlation_of_one(self):
        """Slopes are a multiple of intercepts: `lam` has rank one."""
        data = grouped(groups=30, each=8, seed=1)
        u = np.random.default_rng(2).normal(size=30)[data["g"]]
        data["y"] = 1 + u + (0.5 + 0.7 * u) * data["x"] + 0.3 * data["e"]
        fit = gj.glmm("y ~ x + (1 + x | g)", data).fit()
        free = fit.varcorr().query("term2 != '' or group != 'Residual'")
        assert fit.converged
        assert free.query("term1 == 'Intercept' and term2 == 'x'").sdcor.item() > 0.98


class TestSeparation:
    @pytest.mark.parametrize("method", [gj.Laplace(), gj.AGHQ(5)], ids=lambda m: m.name)
    def test_complete(self, method):
        data = grouped()
        data["y"] = (data["x"] > 0).astype(int)
        fit = gj.glmm("y ~ x + (1 | g)", data, "bernoulli").fit(method)
        assert fit.solution.status is gj.Status.SEPARATION
        assert not fit.converged
        assert "Separation suspected" in fit.status

    def test_of_one_level(self):
        """All responses of one level are successes: only its coefficient runs off."""
        data = grouped()
        data["x"] = np.tile([0, 0, 1, 1, 1, 2], 12)
        y = np.random.default_rng(1).integers(0, 2, len(data))
        data["y"] = np.where(data["x"] == 2, 1, y)
        fit = gj.glmm("y ~ C(x) + (1 | g)", data, "bernoulli").fit()
        assert fit.solution.status is gj.Status.SEPARATION
        assert fit.std_errors["C(x)[T.2]"] > 20
        assert fit.std_errors["C(x)[T.1]"] < 2
        assert np.isfinite(fit.loglik)

    def test_counts_of_zero(self):
        data = grouped()
        data["x"] = np.tile([0, 0, 0, 1, 1, 1], 12)
        data["y"] = np.where(data["x"] == 1, 0, np.random.default_rng(1).poisson(2, len(data)))
        fit = gj.glmm("y ~ x + (1 | g)", data, "poisson").fit()
        assert fit.solution.status is gj.Status.SEPARATION


class TestGaussian:
    @pytest.mark.parametrize("reml", [False, True])
    def test_against_dense_generalised_least_squares(self, reml):
        """Weights, an offset and a random slope: estimates and covariance from the dense matrix
        `V`."""
        mixed = model("gaussian", "identity", "(1 + x | g)", weights="w", offset="o")
        fit = mixed.fit(reml=reml)
        assert fit.converged
        data, (z, _) = table(), dense_z(mixed)
        x = np.stack([np.ones(len(data)), data["x"]], -1)
        y = (data["real"] - data["o"]).to_numpy()

        def covariance(cov, sigma):
            return np.diag(sigma**2 / data["w"]) + z @ np.kron(np.eye(6), cov) @ z.T

        sigma = fit.dispersion["sigma"]
        inverse = np.linalg.inv(covariance(fit.solution.covariance[0], sigma))
        information = x.T @ inverse @ x
        beta = np.linalg.solve(information, x.T @ inverse @ y)
        np.testing.assert_allclose(fit.fixef, beta, rtol=1e-8)
        np.testing.assert_allclose(fit.vcov, np.linalg.inv(information), rtol=1e-6)
        mode = np.kron(np.eye(6), fit.solution.covariance[0]) @ z.T @ inverse @ (y - x @ beta)
        np.testing.assert_allclose(fit.ranef()["mode"], mode, rtol=1e-6, atol=1e-9)

        def loglik(vector):
            l = np.array([[vector[0], 0], [vector[1], vector[2]]])
            v = covariance(l @ l.T, np.exp(vector[3]))
            w = np.linalg.inv(v)
            m = x.T @ w @ x
            r = y - x @ np.linalg.solve(m, x.T @ w @ y)
            extra = np.linalg.slogdet(m)[1] - 2 * np.log(2 * np.pi) if reml else 0.0
            return -0.5 * (np.linalg.slogdet(v)[1] + r @ w @ r + len(y) * np.log(2 * np.pi) + extra)

        start = [*(sigma * fit.params.theta[0]), np.log(sigma)]
        assert fit.loglik == pytest.approx(loglik(start), rel=1e-10)
        better = scipy.optimize.minimize(
            lambda v: -loglik(v), np.array(start) + 0.1, method="Nelder-Mead", tol=1e-10
        )
        assert fit.loglik >= -better.fun - 1e-7

    def test_reml_of_no_random_effects_is_least_squares(self):
        fit = model("gaussian", "identity", "").fit(reml=True)
        data = table()
        x = np.stack([np.ones(len(data)), data["x"]], -1)
        beta, squares, *_ = np.linalg.lstsq(x, data["real"])
        assert fit.dispersion["sigma"] == pytest.approx(
            np.sqrt(squares[0] / (len(data) - 2)), rel=1e-6
        )
        np.testing.assert_allclose(fit.fixef, beta, rtol=1e-10)
        np.testing.assert_allclose(
            fit.vcov, squares[0] / (len(data) - 2) * np.linalg.inv(x.T @ x), rtol=1e-6
        )
        np.testing.assert_allclose(fit.coefficients().df, len(data) - 2, rtol=1e-6)

    def test_satterthwaite(self, golden):
        expected = INFERENCE["denominator_df"]["sleepstudy_REML"]
        table = golden("sleepstudy", "REML").coefficients()
        np.testing.assert_allclose(table.df, expected["satterthwaite_df"], rtol=1e-5)
        np.testing.assert_allclose(table.statistic, expected["t"], rtol=1e-5)
        np.testing.assert_allclose(table.p_value, expected["p_satterthwaite"], rtol=1e-3)


class TestNoRandomEffects:
    """A model without random terms is a GLM, by the same code."""

    def test_poisson_with_a_binary_covariate_is_in_closed_form(self):
        data = table().assign(x=(table()["x"] > 0).astype(float))
        fit = model("poisson", "log", "", data=data).fit()
        counts = data.groupby("x")["count"]
        log_mean, variance = np.log(counts.mean()), 1 / counts.sum()
        np.testing.assert_allclose(fit.fixef, [log_mean[0], log_mean[1] - log_mean[0]], atol=1e-6)
        np.testing.assert_allclose(
            fit.std_errors, np.sqrt([variance[0], variance.sum()]), rtol=1e-6
        )
        mu = counts.transform("mean")
        assert fit.loglik == pytest.approx(
            scipy.stats.poisson.logpmf(data["count"], mu).sum(), rel=1e-12
        )
        assert fit.df == 2
        assert fit.ranef().empty
        assert fit.varcorr().empty
        np.testing.assert_allclose(fit.predict(), mu, rtol=1e-6)

    def test_gamma_against_a_general_optimiser(self):
        data = table()
        fit = model("gamma", "log", "").fit()

        def negative(v):
            shape = np.exp(-2 * v[2])
            mu = np.exp(v[0] + v[1] * data["x"])
            return -scipy.stats.gamma.logpdf(data["amount"], shape, scale=mu / shape).sum()

        best = scipy.optimize.minimize(
            negative, [0.0, 0.0, 0.0], method="BFGS", options={"gtol": 1e-8}
        )
        np.testing.assert_allclose([*fit.fixef, *fit.params.phi], best.x, atol=1e-5)
        assert fit.loglik == pytest.approx(-best.fun, abs=1e-8)

    def test_every_method_agrees(self):
        mixed = model("poisson", "log", "")
        laplace, aghq = mixed.fit(), mixed.fit(gj.AGHQ(5))
        assert aghq.loglik == pytest.approx(laplace.loglik, rel=1e-12)


class TestFixedPart:
    def test_no_fixed_effects(self):
        fit = gj.glmm("count ~ 0 + (1 | g)", table(), "poisson").fit()
        assert fit.converged
        assert len(fit.fixef) == 0
        assert fit.vcov.shape == (0, 0)
        assert fit.df == 1
        assert len(fit.ranef()) == 6
        assert "Fixed effects" not in str(fit.summary())

    def test_no_fixed_effects_in_a_linear_model(self):
        for reml in (False, True):
            fit = gj.glmm("real ~ 0 + (1 | g)", table()).fit(reml=reml)
            assert fit.converged
            assert fit.df == 2
            assert len(fit.coefficients()) == 0

    def test_columns_that_are_linear_combinations_are_dropped_and_named(self):
        data = table().assign(double=2 * table()["x"] + 1)
        fit = gj.glmm("count ~ x + double + (1 | g)", data, "poisson").fit()
        assert list(fit.fixef.index) == ["Intercept", "x"]
        assert fit.converged
        assert "Columns dropped (linear combinations of others): double" in str(fit.summary())
        assert fit.to_dict()["dropped_columns"] == ["double"]
        assert fit.loglik == pytest.approx(model("poisson", "log").fit().loglik, abs=1e-8)

    def test_offsets_of_formula_and_argument_add(self):
        data = table()
        one = gj.glmm("count ~ x + offset(o) + (1 | g)", data, "poisson").fit()
        other = gj.glmm("count ~ x + (1 | g)", data, "poisson", offset="o").fit()
        array = gj.glmm("count ~ x + (1 | g)", data, "poisson", offset=data["o"].to_numpy()).fit()
        half = data.assign(half=data["o"] / 2)
        both = gj.glmm("count ~ x + offset(half) + (1 | g)", half, "poisson", offset="half").fit()
        for fit in (other, array, both):
            assert fit.loglik == pytest.approx(one.loglik, rel=1e-12)

    def test_an_offset_of_a_linear_model_is_taken_from_the_response(self):
        data = table()
        one = gj.glmm("real ~ x + (1 | g)", data, offset="o").fit()
        other = gj.glmm("real ~ x + (1 | g)", data.assign(real=data["real"] - data["o"])).fit()
        assert one.loglik == pytest.approx(other.loglik, rel=1e-10)
        np.testing.assert_allclose(one.predict(), other.predict() + data["o"], rtol=1e-8)


class TestScale:
    """No scale or origin of a covariate reaches the optimiser."""

    @pytest.mark.parametrize(
        ("case", "method", "column"),
        [
            ("epil_slope", "Laplace", "visit"),
            ("sleepstudy", "ML", "Days"),
            ("sleepstudy", "REML", "Days"),
        ],
    )
    def test_a_badly_scaled_covariate(self, golden, case, method, column):
        plain = golden(case, method)
        data = read_case(case)
        data[column] = 5e4 + 1e3 * data[column]
        formula, family = plain.model.core.design.formula.text, plain.model.core.family
        far = gj.glmm(formula, data, family).fit(method_of(method))
        assert far.converged
        volume = (
            np.log(1e3) if method == "REML" else 0.0
        )  # a restricted density is one over other coefficients
        assert far.loglik == pytest.approx(plain.loglik - volume, abs=1e-5)
        off = (far.fixef[column] * 1e3 - plain.fixef[column]) / plain.std_errors[column]
        assert abs(off) < 1e-3
        assert far.std_errors[column] * 1e3 == pytest.approx(plain.std_errors[column], rel=1e-4)
        slope = "term1 == @column and term2 == ''"
        assert far.varcorr().query(slope).sdcor.item() * 1e3 == pytest.approx(
            plain.varcorr().query(slope).sdcor.item(), rel=1e-4
        )
        np.testing.assert_allclose(far.predict(), plain.predict(), rtol=1e-5)

    def test_a_badly_scaled_response(self):
        plain = model("gaussian", "identity").fit()
        tiny = model("gaussian", "identity", data=table().assign(real=1e-6 * table()["real"])).fit()
        assert tiny.converged
        assert tiny.dispersion["sigma"] == pytest.approx(1e-6 * plain.dispersion["sigma"], rel=1e-5)
        assert tiny.loglik == pytest.approx(plain.loglik + 26 * np.log(1e6), rel=1e-9)


class TestRefusals:
    """What cannot be fitted is refused in one sentence that names it."""

    def refuses(self, match, mixed, *args, **options):
        with pytest.raises(gj.ModelError, match=match) as caught:
            mixed.fit(*args, **options)
        assert "\n" not in str(caught.value)

    def test_reml_by_another_method(self):
        message = "no restricted likelihood by"
        self.refuses(message, model("poisson", "log"), gj.AGHQ(5), reml=True)
        self.refuses(message, model("gaussian", "identity"), gj.Laplace(), reml=True)

    def test_exact_of_a_generalised_model(self):
        self.refuses("exact likelihood needs the gaussian", model("poisson", "log"), gj.Exact())

    def test_too_many_nodes(self):
        data = table().assign(**{f"x{k}": np.roll(table()["x"], k) for k in range(1, 5)})
        mixed = gj.glmm("count ~ x + (1 + x1 + x2 + x3 + x4 | g)", data, "poisson")
        self.refuses(
            r"11\^5 nodes a level for \(1 \+ x1 \+ x2 \+ x3 \+ x4 \| g\)", mixed, gj.AGHQ(11)
        )

    def test_quadrature_where_nodes_would_leave_the_range_of_the_mean(self):
        sentence = "AGHQ needs a mean for every linear predictor"
        self.refuses(sentence, model("gamma", "identity"), gj.AGHQ(5))

    def test_families_and_links(self):
        with pytest.raises(gj.ModelError, match="no family 'normall'"):
            gj.glmm("count ~ x + (1 | g)", table(), "normall")
        with pytest.raises(
            gj.ModelError, match="no link 'logit'; choose one of log, identity, sqrt"
        ):
            gj.Poisson(link="logit")


def test_two_terms_of_one_factor(golden):
    """`(1 | g) + (0 + x | g)` is `(1 + x || g)`."""
    fit = golden("sleepstudy_zc", "ML")
    data = fit.solution.model.design.frame
    split = gj.glmm("Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)", data).fit()
    assert split.loglik == pytest.approx(fit.loglik, rel=1e-10)
    assert split.df == fit.df
    np.testing.assert_allclose(split.varcorr().sdcor, fit.varcorr().sdcor, rtol=1e-5)
    np.testing.assert_allclose(
        split.ranef().pivot(index="level", columns="term", values="mode"),
        fit.ranef().pivot(index="level", columns="term", values="mode"),
        rtol=1e-4,
        atol=1e-6,
    )


def test_a_second_data_set_of_about_the_same_shape_does_not_compile_again(golden, compilations):
    fit = golden("spinal", "Laplace")
    data = fit.solution.model.design.frame
    fewer = data[~data["patient"].isin(data["patient"].unique()[:2])]
    gj.glmm(
        "success ~ visit + (1 | patient)", data, "bernoulli"
    ).fit()  # its programs may have been let go
    before = compilations()
    other = gj.glmm("success ~ visit + (1 | patient)", fewer, "bernoulli").fit()
    assert other.converged
    assert other.nobs == fit.nobs - 4
    assert compilations() == before


def test_zero_weights_leave_a_row_out():
    data = table()
    w = np.where(np.arange(len(data)) % 5 == 0, 0.0, 1.0)
    whole = model("poisson", "log", data=data.assign(w=w), weights="w").fit()
    part = model("poisson", "log", data=data[w > 0]).fit()
    assert whole.nobs == part.nobs == int(w.sum())
    assert whole.loglik == pytest.approx(part.loglik, abs=1e-8)
    assert whole.bic == pytest.approx(part.bic, abs=1e-7)


def test_statuses_are_sentences():
    for status in gj.Status:
        assert status.value.endswith(".")
        assert "\n" not in status.value
    assert {status for status in gj.Status if status.ok} == {
        gj.Status.CONVERGED,
        gj.Status.SINGULAR,
        gj.Status.LIMIT,
    }


def test_a_solution_is_not_changed_by_who_reads_it(golden):
    fit = golden("cbpp", "Laplace")
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.solution.loglik = 0.0
