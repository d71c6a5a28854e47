"""Power against the closed form of a balanced linear model, and what the tests agree on."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from study_cases import EFFECTS, N, balanced, standard_error

import glmmjax as gj
from glmmjax.assembly import without_coefficients
from glmmjax.study._power import clopper_pearson

FORMULA = "~ treated + (1 | g)"


def power(model, **settings):
    return gj.power(model, model.params(**EFFECTS), "treated", **({"n": N, "seed": 4} | settings))


def curve(groups=(6, 12), **settings):
    given = {"groups": groups, "per_group": 4, "n": N, "seed": 4, "reml": True} | EFFECTS | settings
    return gj.power_curve(FORMULA, balanced, "treated", **given)


@pytest.fixture(scope="module")
def curves():
    return curve()


class TestPower:
    def test_it_is_that_of_a_noncentral_t(self, linear):
        """Between-group comparison in a balanced design by REML: an exact t-test on the means of
        the groups."""
        found = power(linear, reml=True)
        edge = scipy.stats.t.ppf(0.975, 10)
        beyond = scipy.stats.nct(10, EFFECTS["fixef"]["treated"] / standard_error())
        exact = beyond.sf(edge) + beyond.cdf(-edge)
        assert found.lower < exact < found.upper
        assert found.power == (found.p_values < 0.05).mean()
        assert (found.n, found.failed) == (N, 0)

    def test_the_seed_repeats_it(self, linear):
        np.testing.assert_array_equal(
            power(linear, reml=True).p_values, power(linear, reml=True).p_values
        )

    def test_likelihood_ratio_and_wald_agree(self, linear):
        ratio, wald = power(linear, test="lrt"), power(linear)
        assert abs(ratio.power - wald.power) < 0.1
        assert np.corrcoef(np.log(ratio.p_values), np.log(wald.p_values))[0, 1] > 0.98

    def test_the_likelihood_ratio_of_one_data_set(self, linear):
        found = power(linear, test="lrt")
        y = linear.simulate(linear.params(**EFFECTS), N, seed=4)[0]
        table = balanced(12, 4).assign(y=y)
        full, null = (
            gj.glmm(f"y ~ {right} + (1 | g)", table).fit().loglik for right in ("treated", "1")
        )
        assert found.p_values[0] == pytest.approx(
            scipy.stats.chi2.sf(2 * (full - null), 1), rel=1e-6
        )

    def test_a_smaller_alpha_finds_less(self, linear):
        assert power(linear, reml=True, alpha=0.001).power < power(linear, reml=True).power

    def test_short_form(self):
        shown = repr(gj.Power(0.8, 0.74, 0.85, 200, 3, np.zeros(200)))
        assert shown == "<Power 0.800, 95 % interval 0.740 to 0.850, 200 data sets, 3 failed>"


@pytest.mark.parametrize("successes", [0, 1, 37, 49, 50])
def test_the_interval_is_clopper_and_pearsons(successes):
    exact = scipy.stats.binomtest(successes, 50).proportion_ci(method="exact")
    np.testing.assert_allclose(clopper_pearson(successes, 50), (exact.low, exact.high), rtol=1e-8)


def test_the_model_without_a_term_has_the_other_columns(linear):
    smaller = without_coefficients(linear.core, np.array([False, True]))
    assert smaller.design.fixed.names == ("Intercept",)
    np.testing.assert_array_equal(smaller.glmm.x[0], linear.core.glmm.x[0][:1])


class TestPowerCurve:
    def test_more_groups_more_power(self, curves):
        assert list(curves) == ["groups", "per_group", "power", "lower", "upper", "failed"]
        assert curves["groups"].tolist() == [6, 12]
        assert curves["power"].is_monotonic_increasing
        assert (curves["lower"] < curves["power"]).all()
        assert (curves["power"] < curves["upper"]).all()

    def test_a_point_is_the_power_of_its_design(self, curves, linear):
        found = power(linear, reml=True)
        assert curves.iloc[1, 2:].tolist() == [found.power, found.lower, found.upper, 0]

    def test_finished_points_are_kept(self, curves, tmp_path):
        first = curve(groups=12, checkpoint=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["12-4"]
        pd.testing.assert_frame_equal(curve(groups=12, checkpoint=tmp_path), first)


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"test": "score"}, "test must be 'wald' or 'lrt', not 'score'"),
            ({"alpha": 5}, "alpha must lie between 0 and 1, not 5"),
            (
                {"test": "lrt", "reml": True},
                "Restricted likelihoods of different fixed effects cannot be compared",
            ),
            (
                {"test": "lrt", "method": gj.Exact(reml=True)},
                "Restricted likelihoods of different fixed effects",
            ),
        ],
    )
    def test_settings(self, linear, settings, sentence):
        with pytest.raises(gj.ModelError, match=sentence):
            power(linear, **settings)

    @pytest.mark.parametrize(
        ("term", "settings", "sentence"),
        [
            ("dose", {}, r"There is no coefficient 'dose'; the model has Intercept, treated\."),
            (3, {}, "term must be the name of a coefficient"),
            ([], {}, "term must be the name of a coefficient"),
            (["Intercept", "treated"], {}, "several are tested together by test='lrt'"),
            (["Intercept", "treated"], {"test": "lrt"}, "has no fixed effects to fit"),
        ],
    )
    def test_terms(self, linear, term, settings, sentence):
        with pytest.raises(gj.ModelError, match=sentence):
            gj.power(linear, linear.params(**EFFECTS), term, n=5, **settings)

    def test_sizes_and_data(self):
        with pytest.raises(
            gj.ModelError, match=r"groups must be whole numbers of at least 1, not 2\.5"
        ):
            curve(groups=2.5)
        with pytest.raises(gj.ModelError, match="make_data must be a function"):
            gj.power_curve(FORMULA, balanced(4, 2), "treated", groups=4, per_group=2, **EFFECTS)
