"""Every table of p-values or intervals says how they were made; those of batches have adjusted ones
beside them; what takes long shows where it is, and stops."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

import glmmjax as gj
from glmmjax.inference import _profile


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(np.arange(10), 6)})
    frame["a"] = np.tile(["u", "v", "w"], 20)
    return frame


@pytest.fixture(scope="module")
def counts(data):
    """Of five members, the third of which has no maximum."""
    rng, x = np.random.default_rng(4), data["x"].to_numpy()
    effects = rng.normal(0, 0.4, (5, 10))[:, data["g"].to_numpy()]
    y = rng.poisson(np.exp(0.5 + 0.3 * x + effects))
    y[2] = 0
    return y


@pytest.fixture(scope="module")
def batch(data, counts):
    return gj.fit_many(gj.glmm("~ x + a + (1 | g)", data, family="poisson"), counts)


TABLES = {
    "coefficients": (lambda f: f.coefficients(), "Wald"),
    "of few groups": (lambda f: f.coefficients(ddf="satterthwaite"), "Satterthwaite"),
    "counted": (lambda f: f.contrast("x", ddf="between-within"), "between-within"),
    "interval": (lambda f: f.confint(), "Wald"),
    "profile": (lambda f: f.confint("profile", parm="x"), "Profile"),
    "terms": (lambda f: f.anova(), "Type 2. Wald"),
    "refits": (lambda f: f.anova(3, "lrt"), "Type 3. Likelihood ratio"),
    "means": (lambda f: f.means("a"), "Wald"),
    "pairs": (lambda f: f.means("a").pairs(), "Tukey"),
    "pairs of few": (lambda f: f.means("a").pairs("holm"), "Holm"),
    "residuals": (lambda f: f.residual_tests(), "Kolmogorov-Smirnov"),
    "dispersion": (lambda f: f.overdispersion(20), "20 data sets"),
    "zeros": (lambda f: f.zero_inflation(20), "20 data sets"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_how_it_was_made(batch, name):
    make, words = TABLES[name]
    for table in (make(batch[0]), make(batch)):
        assert words in str(table.attrs["method"])
        assert words in " ".join(repr(table).split())
        if isinstance(table, pd.DataFrame):
            assert words in str(table._repr_html_())


@pytest.mark.parametrize(
    "name", [own for own in TABLES if own not in ("interval", "profile", "residuals")]
)
def test_p_values_of_members_are_adjusted_within_each_test(batch, name):
    table = TABLES[name][0](batch)
    if "p_value" not in table:
        assert "p_adjusted" not in table
        return
    assert "p_adjusted" in table.attrs["method"]
    tests = [own for own in table.index.names if own != "member"]
    groups = table.groupby(tests) if tests else [(None, table)]
    for _, own in groups:
        known = own["p_value"].dropna()
        expected = false_discovery_control(known)
        np.testing.assert_allclose(own.loc[known.index, "p_adjusted"], expected, rtol=1e-12)
        assert own["p_adjusted"].isna().sum() == len(own) - len(known)


def test_of_residuals_and_of_nested_models(batch, data, counts):
    found = batch.residual_tests()
    for _, own in found.groupby("test"):
        np.testing.assert_allclose(own["p_adjusted"], false_discovery_control(own["p_value"]))
    smaller = gj.fit_many(gj.glmm("~ a + (1 | g)", data, family="poisson"), counts)
    table = gj.compare(smaller, batch).xs(1, level="fit")
    known = table["p_value"].dropna()
    np.testing.assert_allclose(table["p_adjusted"].dropna(), false_discovery_control(known))
    assert "p_adjusted" not in gj.compare(smaller[0], batch[0])


def test_a_member_that_failed_has_no_interval(batch):
    assert batch.confint(parm="all").loc[2].isna().all(axis=None)


def test_type_3_with_interactions_depends_on_contrasts(data, counts):
    fit = gj.glmm("y ~ a * x + (1 | g)", data.assign(y=counts[0]), "poisson").fit()
    assert "contrasts" in fit.anova(3).attrs["method"]
    assert "contrasts" not in fit.anova(2).attrs["method"]


def test_linear_models_have_one_p_value(golden):
    """Of a term with one coefficient, by default, whether as a coefficient or as a term."""
    fit = golden("sleepstudy", "REML")
    table = fit.coefficients().loc["Days"]
    assert fit.anova().loc["Days", "p_value"] == pytest.approx(table["p_value"], rel=1e-10)
    assert fit.anova().loc["Days", "df_denom"] == pytest.approx(table["df"], rel=1e-10)


def test_the_summary_says_so(batch):
    assert "Wald: estimates over their standard errors" in str(batch[0].summary())


@pytest.mark.parametrize(
    "work",
    [
        lambda b: b.profile("x", progress=True),
        lambda b: b.confint("profile", parm="x", progress=True),
        lambda b: b.anova(test="lrt", progress=True),
        lambda b: b.influence("g", progress=True),
    ],
    ids=["profile", "confint", "anova", "influence"],
)
def test_a_batch_shows_where_it_is(batch, work, capsys):
    work(batch)
    assert re.search(r"(\d+)/\1 ", capsys.readouterr().err)


def test_a_profile_stops(batch, monkeypatch):
    turns = []

    def stop(self, rows):
        turns.append(len(rows))
        raise KeyboardInterrupt

    monkeypatch.setattr(_profile._Walk, "_step", stop)
    with pytest.raises(KeyboardInterrupt):
        batch.profile("x", progress=True)
    assert turns == [8]
