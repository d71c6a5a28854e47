"""What a user holds: tables, text, files, and the data that come in."""

import html
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from golden import CASES, read_case
from problems import model, table
from scipy.special import ndtri

import glmmjax as gj

SLEEPSTUDY = """\
Linear mixed model fit by restricted maximum likelihood (REML)
 Family: gaussian (identity)
Formula: Reaction ~ Days + (Days | Subject)

    AIC     BIC  logLik  REML crit.  df.resid
 1755.6  1774.8  -871.8      1743.6       174

Random effects:
 Groups    Name       Variance  Std.Dev.  Corr
 Subject   Intercept     612.1     24.74
           Days          35.07     5.922   0.07
 Residual                654.9     25.59

Number of obs: 180, groups: Subject, 18

Fixed effects:
            Estimate  Std. Error    df  t value  Pr(>|t|)
 Intercept    251.41       6.825  17.0   36.838    <2e-16
 Days          10.47       1.546  17.0    6.771  3.26e-06
t and F with Satterthwaite's degrees of freedom: estimates are taken as normal,
their estimated variances as multiples of chi-squared.

Converged.
Scaled gradient G after N evaluations.
"""

CBPP = """\
Generalised linear mixed model fit by maximum likelihood (Laplace approximation)
 Family: binomial (logit)
Formula: incidence/size ~ period + (1 | herd)

   AIC    BIC  logLik  -2*log(L)  df.resid
 194.1  204.2   -92.0      184.1        51

Random effects:
 Groups  Name       Variance  Std.Dev.
 herd    Intercept    0.4125    0.6423

Number of obs: 56, groups: herd, 15

Fixed effects:
              Estimate  Std. Error  z value  Pr(>|z|)
 Intercept     -1.3985      0.2325   -6.016  1.79e-09
 period[T.2]   -0.9923      0.3066   -3.236   0.00121
 period[T.3]   -1.1287      0.3266   -3.455  0.000549
 period[T.4]   -1.5803      0.4274   -3.697  0.000218
Wald: estimates over their standard errors are taken as normal, which needs
many groups or observations.

Odds ratios:
              exp(Estimate)    2.5 %  97.5 %
 Intercept           0.2470  0.15658  0.3895
 period[T.2]         0.3707  0.20325  0.6762
 period[T.3]         0.3235  0.17053  0.6136
 period[T.4]         0.2059  0.08909  0.4759

Converged.
Scaled gradient G after N evaluations.
"""


def without_counts(summary) -> str:
    """The text less the two numbers that rounding may change."""
    return re.sub(r"gradient \S+ after \d+", "gradient G after N", str(summary))


class TestSummary:
    def test_the_whole_text_of_a_linear_model(self, sleep):
        assert without_counts(sleep.summary()) == SLEEPSTUDY

    def test_the_whole_text_of_a_generalised_model(self, cbpp):
        assert without_counts(cbpp.summary(ratios=True)) == CBPP
        without_ratios = re.sub(r"Odds ratios:\n(.+\n)+\n", "", CBPP)
        assert without_counts(cbpp.summary()) == without_ratios

    def test_other_parts(self, golden):
        gamma = str(golden("sim_gamma", "Laplace").summary(ratios=True))
        assert "Dispersion: sigma = 0.5526" in gamma
        assert "Ratios of means:" in gamma
        assert "(adaptive Gauss-Hermite quadrature, 25 points)" in str(
            golden("spinal", "AGHQ25").summary()
        )
        expected = str(golden("cbpp_cloglog", "Laplace-expected").summary(ratios=True))
        assert "(Laplace approximation, expected curvature)" in expected
        assert "Hazard ratios:" in expected
        uncorrelated = str(golden("sleepstudy_zc", "ML").summary())
        assert "Corr" not in uncorrelated
        assert "maximum likelihood (exact)" in uncorrelated

    def test_weights_and_offset_are_named(self):
        text = str(model("poisson", "log", weights="w", offset="o").fit().summary())
        assert "Weights: w\n Offset: o\n" in text
        array = model("poisson", "log", weights=table()["w"].to_numpy(), offset="o").fit()
        assert "Weights: given as an array" in str(array.summary())

    def test_in_a_notebook(self, cbpp):
        text = cbpp.summary()
        assert text._repr_html_() == f"<pre>{html.escape(str(text))}</pre>"
        assert "&lt;" not in str(text)
        assert cbpp._repr_html_() == text._repr_html_()
        assert repr(text) == str(text)

    def test_missing_rows_are_counted(self):
        data = table().astype({"x": float})
        data.loc[[3, 11], "x"] = np.nan
        fit = model("poisson", "log", data=data).fit()
        assert fit.nobs == 24
        assert "Number of obs: 24, groups: g, 6 (2 rows with missing values dropped)" in str(
            fit.summary()
        )
        assert fit.to_dict()["dropped_rows"] == 2
        np.testing.assert_array_equal(fit.predict().index, data.dropna().index)

    def test_short_forms(self, cbpp):
        assert (
            repr(cbpp) == "<Fit 'incidence/size ~ period + (1 | herd)', loglik -92.026: Converged.>"
        )
        assert (
            repr(cbpp.model)
            == "<Model 'incidence/size ~ period + (1 | herd)', binomial (logit), 56 rows>"
        )

    def test_plan(self, sleep):
        assert sleep.model.plan.splitlines() == [
            "180 observations in 18 blocks of 10 (100% filled)",
            "Subject: 18 levels, H is one 2 x 2 block a level",
            "  (Days | Subject): us(Intercept, Days)",
        ]
        assert model("poisson", "log", "").plan.endswith("no random effects")


class TestTables:
    def test_names_and_types(self, sleep):
        assert isinstance(sleep.fixef, pd.Series)
        assert (
            list(sleep.fixef.index)
            == list(sleep.std_errors.index)
            == list(sleep.vcov.index)
            == ["Intercept", "Days"]
        )
        assert list(sleep.varcorr().columns) == ["group", "term1", "term2", "vcov", "sdcor"]
        assert list(sleep.ranef().columns) == ["group", "level", "term", "mode", "std_error"]
        assert len(sleep.ranef()) == 36
        assert list(sleep.coefficients().columns) == [
            "estimate",
            "std_error",
            "statistic",
            "df",
            "p_value",
        ]
        assert isinstance(sleep.loglik, float)
        assert isinstance(sleep.converged, bool)
        assert sleep.status == "Converged."

    def test_variances_covariances_and_residual(self, sleep):
        frame = sleep.varcorr()
        assert list(frame.group) == ["Subject", "Subject", "Subject", "Residual"]
        assert list(frame.term2) == ["", "", "Days", ""]
        covariance = frame.vcov[2]
        assert covariance == pytest.approx(frame.sdcor[2] * frame.sdcor[0] * frame.sdcor[1])
        assert frame.sdcor[3] == sleep.dispersion["sigma"]

    def test_tests_of_a_generalised_model_are_normal(self, cbpp):
        frame = cbpp.coefficients()
        assert np.isinf(frame.df).all()
        np.testing.assert_allclose(frame.statistic, cbpp.fixef / cbpp.std_errors)
        assert frame.p_value["period[T.2]"] == pytest.approx(0.001211, rel=1e-3)

    def test_expected_curvature_gives_lme4s_conditional_deviations(self):
        """lme4 1.1-31: `glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp,
        binomial("probit"))`."""
        cbpp = gj.datasets.load("cbpp")
        model = gj.glmm("incidence / size ~ period + (1 | herd)", cbpp, gj.Binomial("probit"))
        modes = model.fit(gj.Laplace(curvature="expected")).ranef()
        assert modes.std_error[:3].to_numpy() == pytest.approx(
            [0.19183, 0.18905, 0.16162], abs=2e-5
        )

    def test_confidence_intervals(self, cbpp):
        wald = cbpp.confint()
        assert list(wald.columns) == ["lower", "upper"]
        np.testing.assert_allclose(wald.lower, cbpp.fixef - ndtri(0.975) * cbpp.std_errors)
        np.testing.assert_allclose(wald.upper, cbpp.fixef + ndtri(0.975) * cbpp.std_errors)
        narrow = cbpp.confint(level=0.5)
        np.testing.assert_allclose(narrow.upper - narrow.lower, 2 * ndtri(0.75) * cbpp.std_errors)
        with pytest.raises(gj.ModelError, match="methods 'wald', 'profile' and 'bootstrap'"):
            cbpp.confint("bayes")
        for level in (0.0, 1.0, 95.0):
            with pytest.raises(gj.ModelError, match="between 0 and 1"):
                cbpp.confint(level=level)


def plain(value) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize(
    ("case", "method"), [("cbpp", "Laplace"), ("sleepstudy", "REML"), ("sim_gamma", "Laplace")]
)
class TestFiles:
    def test_a_dictionary_is_plain(self, golden, case, method):
        fit = golden(case, method)
        result = fit.to_dict()
        assert plain(result)
        written = json.loads(json.dumps(result, allow_nan=False))
        assert written["loglik"] == fit.loglik
        assert (written["coefficients"][0]["df"] is None) == (case != "sleepstudy")
        assert result["formula"] == CASES[case]["formula"]
        assert result["df"] == fit.df
        assert {row["term"]: row["estimate"] for row in result["coefficients"]} == dict(fit.fixef)
        np.testing.assert_array_equal(result["vcov"], fit.vcov)

    def test_round_trip(self, golden, case, method, tmp_path):
        fit, path = golden(case, method), tmp_path / "fit.json"
        fit.save(path)
        loaded = gj.load(path)
        for name in (
            "loglik",
            "aic",
            "bic",
            "df",
            "nobs",
            "converged",
            "status",
            "scaled_gradient",
            "dispersion",
        ):
            assert getattr(loaded, name) == getattr(fit, name)
        assert str(loaded.summary(ratios=True)) == str(fit.summary(ratios=True))
        assert loaded.to_dict() == fit.to_dict()
        for name in ("fixef", "std_errors", "vcov"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(fit, name))
        for name in ("varcorr", "ranef", "coefficients", "confint", "predict"):
            pd_equal(getattr(loaded, name)(), getattr(fit, name)())
        pd_equal(loaded.predict(se=True, level="marginal"), fit.predict(se=True, level="marginal"))
        pd_equal(
            loaded.predict(read_case(case).head(3), se=True),
            fit.predict(read_case(case).head(3), se=True),
        )
        np.testing.assert_array_equal(loaded.simulate(2, seed=1), fit.simulate(2, seed=1))

    def test_the_file_is_json(self, golden, case, method, tmp_path):
        path = tmp_path / "fit.json"
        golden(case, method).save(path)

        def refuse(name):
            raise AssertionError(f"{name} is not JSON")

        document = json.loads(path.read_text(), parse_constant=refuse)
        assert document["format"] == "glmmjax fit"
        assert document["result"]["nobs"] == CASES[case]["nrow"]


def pd_equal(one, other):
    assert type(one) is type(other)
    assert one.equals(other)
    assert list(one.index) == list(other.index)


class TestOtherFiles:
    @pytest.mark.parametrize(
        "text", ["", "not json", "[1, 2]", "{}", '{"format": "something else"}', "\0\1"]
    )
    def test_what_is_no_fit_is_refused(self, tmp_path, text):
        path = tmp_path / "file.json"
        path.write_text(text)
        with pytest.raises(gj.ModelError, match="not a saved fit"):
            gj.load(path)

    def test_a_newer_file_is_refused(self, cbpp, tmp_path):
        path = tmp_path / "fit.json"
        cbpp.save(path)
        path.write_text(path.read_text().replace('"version": 3', '"version": 99'))
        with pytest.raises(gj.ModelError, match="newer glmmjax"):
            gj.load(path)

    def test_weights_offset_missing_rows_and_labels_survive(self, tmp_path):
        data = (
            table().assign(b=table()["x"] > 0).set_index(pd.Index([f"row {k}" for k in range(26)]))
        )
        data.loc["row 3", "x"] = np.nan
        fit = gj.glmm(
            "count ~ x + b + (1 | g)", data, "poisson", weights="w", offset=data["o"].to_numpy()
        ).fit()
        path = tmp_path / "fit.json"
        fit.save(path)
        loaded = gj.load(path)
        assert loaded.to_dict() == fit.to_dict()
        pd_equal(loaded.predict(), fit.predict())
        assert loaded.predict().index[3] == "row 4"
        assert "(1 rows with missing values dropped)" in str(loaded.summary())

    def test_a_fit_without_random_effects(self, tmp_path):
        fit = model("poisson", "log", "").fit()
        fit.save(tmp_path / "fit.json")
        assert gj.load(tmp_path / "fit.json").to_dict() == fit.to_dict()
        pd_equal(gj.load(tmp_path / "fit.json").predict(se=True), fit.predict(se=True))


class TestTablesThatComeIn:
    """pandas, polars, pyarrow and dictionaries of arrays give the same fit."""

    @pytest.mark.parametrize(
        "convert",
        [
            pl.from_pandas,
            pa.Table.from_pandas,
            lambda data: {name: column.to_numpy() for name, column in data.items()},
            lambda data: {name: column.tolist() for name, column in data.items()},
        ],
        ids=["polars", "pyarrow", "arrays", "lists"],
    )
    def test_same_fit(self, convert):
        data = table().astype({"g": str})
        expected = model("poisson", "log", data=data).fit()
        fit = model("poisson", "log", data=convert(data)).fit()
        # Not to the bit: a program that has been called often is compiled again, optimised.
        assert fit.loglik == pytest.approx(expected.loglik, rel=1e-13)
        np.testing.assert_allclose(fit.fixef, expected.fixef, rtol=1e-12)
        assert list(fit.ranef().level) == list(expected.ranef().level)
        np.testing.assert_allclose(fit.predict(convert(data)), expected.predict(), rtol=1e-12)


class TestDatasets:
    def test_they_are_those_of_the_reference(self, golden):
        for name in ("spinal", "cbpp", "sleepstudy", "epil"):
            given = CASES[name]
            data = gj.datasets.load(name)
            assert len(data) == given["nrow"]
            mixed = gj.glmm(given["formula"], data, given["family"])
            expected = golden(name, "ML" if name == "sleepstudy" else "Laplace")
            np.testing.assert_allclose(mixed.fit().fixef, expected.fixef, rtol=1e-8)

    def test_all_have_a_source(self):
        for name, source in gj.datasets.SOURCES.items():
            assert len(gj.datasets.load(name)) > 50
            assert source.endswith(".")

    def test_unknown(self):
        with pytest.raises(gj.ModelError, match="no data set 'mtcars'; choose one of spinal"):
            gj.datasets.load("mtcars")


def test_the_compilation_cache_is_where_it_is_told(tmp_path):
    names = [
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    ]
    before = {name: getattr(jax.config, name) for name in names}
    try:
        assert gj.enable_compilation_cache(tmp_path / "cache") == tmp_path / "cache"
        assert (tmp_path / "cache").is_dir()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "cache")
        assert gj.enable_compilation_cache() == tmp_path / "cache"  # the user's own is kept
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def test_float64_is_a_context():
    assert jnp.ones(1).dtype == jnp.float32
    with gj.float64():
        assert jnp.ones(1).dtype == jnp.float64
    assert jnp.ones(1).dtype == jnp.float32


def test_a_fit_leaves_the_configuration_of_jax_alone(cbpp):
    before = jax.config.jax_enable_x64
    cbpp.predict(se=True)
    cbpp.simulate()
    assert jax.config.jax_enable_x64 == before
    for leaf in (cbpp.params.beta, cbpp.params.theta[0], cbpp.fixef.to_numpy()):
        assert type(leaf) is np.ndarray
        assert leaf.dtype == np.float64
