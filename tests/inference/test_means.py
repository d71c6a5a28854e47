"""Estimated marginal means and their comparisons, against emmeans."""

import numpy as np
import pandas as pd
import pytest
from answers import ANSWERS, answered

import glmmjax as gj

EMMEANS = ANSWERS["emmeans"]
ASYMPTOTIC = ("asymp.LCL", "asymp.UCL")


@pytest.mark.parametrize(
    ("name", "case", "specs", "settings", "estimate", "limits"),
    [
        ("cbpp", "cbpp", "period", {}, "emmean", ASYMPTOTIC),
        ("cbpp_response", "cbpp", "period", {"kind": "response"}, "prob", ASYMPTOTIC),
        ("epil", "epil", "trt", {"by": "V4", "at": {"V4": [0, 1]}}, "emmean", ASYMPTOTIC),
        ("uneven", "uneven", "late", {}, "emmean", ("lower.CL", "upper.CL")),
    ],
)
def test_means(name, case, specs, settings, estimate, limits):
    expected, found = EMMEANS[name], answered(case).means(specs, **settings)
    columns = {"estimate": estimate, "std_error": "SE"}
    columns |= dict(zip(["lower", "upper"], limits, strict=True))
    for own, theirs in columns.items():
        np.testing.assert_allclose(found[own], expected[theirs], rtol=1e-4)
    df = [np.inf if own == "Inf" else own for own in expected["df"]]
    np.testing.assert_allclose(found["df"], df, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "case", "specs", "adjust"),
    [
        ("cbpp_tukey", "cbpp", "period", "tukey"),
        ("cbpp_holm", "cbpp", "period", "holm"),
        ("uneven_tukey", "uneven", "late", "tukey"),
    ],
)
def test_pairs(name, case, specs, adjust):
    expected, found = EMMEANS[name], answered(case).means(specs).pairs(adjust)
    np.testing.assert_allclose(found["estimate"], expected["estimate"], rtol=1e-4)
    np.testing.assert_allclose(found["std_error"], expected["SE"], rtol=1e-4)
    np.testing.assert_allclose(found["p_value"], expected["p.value"], rtol=2e-4)


def test_ratios():
    expected = EMMEANS["epil_pairs_response"]
    table = answered("epil").means("trt", "V4", "response", at={"V4": [0, 1]})
    found = table.pairs()
    np.testing.assert_allclose(found["estimate"], expected["ratio"], rtol=1e-4)
    np.testing.assert_allclose(found["std_error"], expected["SE"], rtol=1e-4)
    np.testing.assert_allclose(found["p_value"], expected["p.value"], rtol=1e-3)
    assert found.index.tolist() == [(0, "placebo / progabide"), (1, "placebo / progabide")]


class TestUnbalanced:
    """Means are those of predictions over a balanced grid, each factor's levels alike."""

    @pytest.fixture
    def data(self):
        rng = np.random.default_rng(7)
        treatment, sex = rng.integers(0, 2, 90), rng.integers(0, 3, 90)
        keep = ~((treatment == 1) & (sex == 2))
        frame = pd.DataFrame(
            {
                "treatment": np.where(treatment, "drug", "placebo"),
                "sex": np.array(["a", "b", "c"])[sex],
                "dose": sex,
                "t": rng.uniform(1, 3, 90),
                "g": np.repeat(np.arange(15), 6),
                "y": rng.poisson(2 + treatment + sex),
            }
        )
        return frame.assign(empty=~keep)

    def test_over_a_grid(self, data):
        fit = gj.glmm("y ~ treatment * sex + offset(log(t)) + (1 | g)", data, "poisson").fit()
        grid = pd.DataFrame(
            [(a, b, data.t.mean()) for a in ("drug", "placebo") for b in "abc"],
            columns=["treatment", "sex", "t"],
        )
        predicted = fit.predict(grid, level="population", kind="link").to_numpy()
        found = fit.means("treatment")
        np.testing.assert_allclose(found["estimate"], predicted.reshape(2, 3).mean(1))
        both = fit.means(["sex"], by="treatment")
        np.testing.assert_allclose(both["estimate"], predicted)
        assert both.index.names == ["treatment", "sex"]
        assert len(both.pairs("none")) == 6

    def test_what_the_data_do_not_determine(self, data):
        fit = gj.glmm("y ~ treatment * sex + (1 | g)", data[~data["empty"]], "poisson").fit()
        found = fit.means("sex", by="treatment")["estimate"]
        assert found.isna().tolist() == [False, False, True, False, False, False]

    def test_numbers_that_are_levels(self, data):
        fit = gj.glmm("y ~ C(dose) + (1 | g)", data, "poisson").fit()
        assert fit.means("dose").index.tolist() == [0, 1, 2]

    def test_members(self, data):
        model = gj.glmm("~ treatment + t + (1 | g)", data, "poisson")
        batch = gj.fit_many(model, np.random.default_rng(1).poisson(3.0, (3, 90)))
        found = batch.means("treatment")
        np.testing.assert_allclose(found.loc[1], batch[1].means("treatment"), rtol=1e-6)
        assert found.pairs().index.names == ["member", "contrast"]


def test_refusals(golden):
    fit = golden("cbpp", "Laplace")
    with pytest.raises(gj.ModelError, match=r"no variable 'herd' among the fixed effects; they"):
        fit.means("herd")
    with pytest.raises(gj.ModelError, match="kind must be 'link' or 'response'"):
        fit.means("period", kind="mean")
    with pytest.raises(gj.ModelError, match="adjust must be 'tukey', 'holm' or 'none'"):
        fit.means("period").pairs("sidak")


class TestScales:
    """Means of the response are of the response, where these are not the inverse of the link."""

    def test_as_predicted(self):
        rng = np.random.default_rng(6)
        data = pd.DataFrame({"g": np.repeat(np.arange(10), 9), "a": np.tile(["u", "v", "w"], 30)})
        data["y"] = np.exp(rng.normal(size=90) / 2)
        grid = pd.DataFrame({"a": ["u", "v", "w"]})
        fit = gj.glmm("y ~ a + (1 | g)", data, "lognormal").fit()
        found = fit.means("a", kind="response")
        np.testing.assert_allclose(found["estimate"], fit.predict(grid, level="population"))
        link = fit.means("a")
        half = np.exp(fit.dispersion["sigma"] ** 2 / 2)
        np.testing.assert_allclose(found["lower"], np.exp(link["lower"]) * half)
        np.testing.assert_allclose(found["std_error"], found["estimate"] * link["std_error"])

    def test_ordered_categories_have_none(self, golden):
        with pytest.raises(gj.ModelError, match="compare levels by contrast"):
            golden("wine_ordinal", "Laplace").means("temp")
