"""The parametric bootstrap against theory and against its own formulas."""

import numpy as np
import pandas as pd
import pytest
from study_cases import N, balanced

import glmmjax as gj


def made_up(estimates: pd.DataFrame, failed: int = 0) -> gj.Bootstrap:
    original = estimates.iloc[0].rename("truth")
    return gj.Bootstrap(original, estimates, pd.Series([failed], index=["separation"]), ())


class TestLinearModel:
    def test_spread_is_the_models_standard_error(self, bootstrap, fit):
        for name in fit.fixef.index:
            error = fit.std_errors[name]
            assert abs(bootstrap.std_errors[name] - error) < 4 * error / np.sqrt(2 * (N - 1))
            assert abs(bootstrap.bias[name]) < 4 * error / np.sqrt(N)

    def test_quantities_are_those_of_the_fit(self, bootstrap, fit):
        assert list(bootstrap.estimates) == ["Intercept", "treated", "sd(Intercept|g)", "sigma"]
        np.testing.assert_allclose(bootstrap.original[:2], fit.fixef)
        np.testing.assert_allclose(bootstrap.original[2:], fit.varcorr()["sdcor"], rtol=1e-12)
        member = bootstrap.batch[3]
        np.testing.assert_allclose(bootstrap.estimates.iloc[3, :2], member.fixef, rtol=1e-12)
        np.testing.assert_allclose(
            bootstrap.estimates.iloc[3, 2:], member.varcorr()["sdcor"], rtol=1e-12
        )

    def test_members_are_fits_of_the_draws_by_the_method_of_the_fit(self, bootstrap, fit):
        assert repr(bootstrap) == f"<Bootstrap of {N} refits, 0 failed>"
        member = bootstrap.batch[0]
        assert member.solution.method.is_restricted
        np.testing.assert_array_equal(member.model.core.design.y, fit.simulate(N, seed=2)[0])

    def test_the_seed_repeats_it(self, bootstrap, fit):
        pd.testing.assert_frame_equal(fit.bootstrap(N, seed=2).estimates, bootstrap.estimates)
        assert not fit.bootstrap(N, seed=3).estimates.equals(bootstrap.estimates)


def test_a_singular_fit_does_not_hold_its_refits_at_zero(linear):
    """A variance of zero is a stationary point of every likelihood, so refits must not start
    there."""
    at_zero = linear.params(fixef={"Intercept": 0, "treated": 0}, sd=0, dispersion=1)
    y = next(draw for draw in linear.simulate(at_zero, 20, seed=1) if _is_singular(draw))
    fit = gj.glmm("y ~ treated + (1 | g)", balanced(12, 4).assign(y=y)).fit(reml=True)
    found = fit.bootstrap(N)
    assert found.failed == 0
    assert (found.estimates["sd(Intercept|g)"] > 0.1).mean() > 0.2


def _is_singular(y: np.ndarray) -> bool:
    """Whether the mean squares between groups, within arms, are below those within groups."""
    groups = y.reshape(12, 4)
    means = groups.mean(1)
    between = 4 * sum(means[arm::2].var(ddof=0) * 6 for arm in (0, 1)) / 10
    return bool(between < 0.9 * groups.var(axis=1, ddof=1).mean())


def test_an_interrupted_one_holds_the_batch(fit, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("glmmjax.batch._run._fit_slice", stop)
    with pytest.raises(gj.Interrupted) as stopped:
        fit.bootstrap(4)
    assert isinstance(stopped.value.batch, gj.Batch)
    assert set(stopped.value.batch.status) == {gj.Status.NOT_RUN.value}


class TestIntervals:
    def test_they_are_quantiles_of_the_refits_that_are_there(self):
        rng = np.random.default_rng(0)
        values = pd.DataFrame(rng.normal(size=(101, 2)), columns=["a", "b"])
        values.iloc[5] = np.nan
        found = made_up(values, failed=1)
        low, high = np.nanquantile(values, [0.05, 0.95], axis=0)
        percentile, basic = found.confint(level=0.9), found.confint("basic", level=0.9)
        np.testing.assert_allclose(percentile, np.column_stack([low, high]), rtol=1e-13)
        original = values.iloc[0].to_numpy()
        np.testing.assert_allclose(
            basic, np.column_stack([2 * original - high, 2 * original - low]), rtol=1e-13
        )
        assert found.failed == percentile.attrs["failed"] == 1
        np.testing.assert_allclose(found.bias, np.nanmean(values, 0) - original)
        np.testing.assert_allclose(found.std_errors, np.nanstd(values, 0, ddof=1))

    def test_parameters_at_infinity_have_them(self):
        found = made_up(pd.DataFrame({"phi": [1.0, 2.0, 3.0, *[np.inf] * 7]}))
        assert found.confint(level=0.5).loc["phi"].tolist() == [np.inf, np.inf]
        assert found.confint(level=0.99).loc["phi", "lower"] < 2

    def test_nothing_has_none(self):
        found = made_up(pd.DataFrame({"a": [np.nan] * 3}))
        assert found.confint().isna().all(axis=None)


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "sentence"),
        [
            (lambda found: found.confint("bca"), "has methods 'percentile' and 'basic', not 'bca'"),
            (lambda found: found.confint(level=1.5), r"level must lie between 0 and 1, not 1\.5"),
        ],
    )
    def test_intervals(self, bootstrap, call, sentence):
        with pytest.raises(gj.ModelError, match=sentence):
            call(bootstrap)

    def test_a_fit_that_failed(self):
        data = pd.DataFrame({"y": [0, 0, 0, 0, 1, 1, 1, 1], "x": [0, 0, 0, 0, 1, 1, 1, 1]})
        failed = gj.glmm("y ~ x", data, "bernoulli").fit()
        with pytest.raises(gj.ModelError, match=r"nothing to draw from.*Separation"):
            failed.bootstrap(10)
