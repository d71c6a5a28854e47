"""Priors go with a fit: into its summary, files and reports, its refits, and models made of its
own."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax.assembly import without_coefficients

PRIORS = gj.Priors(
    coefficients={"x": gj.Normal(0, 0.1)},
    sd=gj.HalfNormal(0.5),
    corr={"g": gj.LKJ(3)},
    other=gj.priors.LogNormal(0.2, 1.5),
)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(15), 6)
    x, z = rng.normal(size=(2, 90))
    eta = 0.4 + 0.5 * x + rng.normal(size=15)[g] / 2
    return pd.DataFrame({"y": rng.poisson(np.exp(eta)), "x": x, "z": z, "g": g})


@pytest.fixture(scope="module")
def model(table):
    return gj.glmm("y ~ x + z + (1 | g)", table, "poisson")


@pytest.fixture(scope="module")
def priors():
    return dataclasses.replace(PRIORS, corr=None)


@pytest.fixture(scope="module")
def fit(model, priors):
    return model.fit(priors=priors)


BLOCK = """Priors:
 Intercept        Normal({centre}, 2.5)
 x                Normal(0, 0.1)
 z                Normal(0, {scale})
 sd(Intercept|g)  HalfNormal(0.5)
"""


def block(table):
    """The centre is at the mean of where iterations start, `y + 0.1` for counts."""
    return BLOCK.format(
        centre=f"{np.log(table.y.mean() + 0.1):.4g}", scale=f"{2.5 / table.z.std(ddof=0):.4g}"
    )


def test_the_summary_says_what_was_taken(fit, model, table):
    text = str(fit.summary())
    assert "fit by penalised maximum likelihood (Laplace approximation)" in text
    assert block(table) in text
    assert "Priors" not in str(model.fit().summary())


def test_of_many_parameters_the_first_are_listed(table):
    wide = table.assign(f=pd.Categorical(np.arange(90) % 15))
    found = gj.glmm("y ~ f", wide, "poisson").fit(priors=gj.Priors())
    text = str(found.summary())
    assert "model fit by penalised maximum likelihood\n" in text
    listed = text.split("Priors:\n")[1].split("\n\n")[0].splitlines()
    assert len(listed) == 13
    assert listed[-1] == " and 3 more: fit.model.priors() has them"
    assert len(found.model.priors()) == 15


def test_the_model_of_a_fit_has_them(fit, model, priors):
    pd.testing.assert_frame_equal(fit.model.priors(), model.priors(priors))
    assert "with priors>" in repr(fit.model)
    assert "with priors: Converged." in repr(fit)
    assert "priors" not in repr(model)


def test_a_file_keeps_them(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    loaded = gj.load(tmp_path / "fit.json")
    assert loaded.model.core.priors == fit.model.core.priors
    assert loaded.to_dict() == fit.to_dict()
    assert str(loaded.summary()) == str(fit.summary())
    assert loaded.model.fit().loglik == pytest.approx(fit.loglik, abs=1e-8)


@pytest.mark.parametrize("priors", [PRIORS, gj.Priors(coefficients=gj.Firth())], ids=str)
def test_every_kind_survives_a_file(table, priors, tmp_path):
    data = table.assign(won=table.y > 1, t=np.tile([0.0, 0.5, 0.7, 1.0, 2.0, 2.5], 15))
    formula = "won ~ x + (1 + x | g)" if priors is PRIORS else "won ~ x"
    fit = gj.glmm(formula, data, "bernoulli").fit(priors=priors)
    fit.save(tmp_path / "fit.json")
    assert gj.load(tmp_path / "fit.json").model.core.priors == priors


def test_plain_values_have_them(fit, model):
    kept = fit.to_dict()["priors"]
    assert list(kept) == ["Intercept", "x", "z", "sd(Intercept|g)"]
    assert kept["x"] == "Normal(0, 0.1)"
    assert model.fit().to_dict()["priors"] is None


def test_the_report_says_what_was_taken(fit, tmp_path):
    fit.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "penalised maximum likelihood" in text
    assert "<code>sd(Intercept|g)</code> HalfNormal(0.5)" in text


def test_refits_have_them(fit, table):
    """A draw of a bootstrap is fitted as it would be by itself."""
    draws = fit.simulate(2, seed=3)
    boot = fit.bootstrap(2, seed=3)
    own = gj.glmm("y ~ x + z + (1 | g)", table.assign(y=draws[0]), "poisson").fit(
        priors=fit.model.core.priors
    )
    np.testing.assert_allclose(boot.batch.fixef.iloc[0], own.fixef, atol=1e-6)


def test_a_group_left_out_is_fitted_with_them(fit, table):
    found = fit.influence("g", exact=True)
    own = gj.glmm("y ~ x + z + (1 | g)", table[table.g != 0], "poisson").fit(
        priors=fit.model.core.priors
    )
    names = list(own.fixef.index)
    np.testing.assert_allclose(found[names].iloc[0], own.fixef - fit.fixef, atol=1e-5)


def test_a_model_without_coefficients_keeps_the_rest(fit):
    core = fit.model.core
    rest = without_coefficients(core, np.array([False, True, False]))
    assert rest.priors.coefficients == {}
    assert rest.priors.sd == core.priors.sd
    assert rest.glmm.prior is not None
    kept = without_coefficients(core, np.array([False, False, True]))
    assert kept.priors == core.priors


def test_other_rows_have_the_numbers_of_the_first(fit, table):
    half = fit.model.with_data(table[:40])
    np.testing.assert_array_equal(half.core.glmm.prior.rows, fit.model.core.glmm.prior.rows)
    assert half.core.priors == fit.model.core.priors


def test_predictions_are_at_the_estimates(fit, table):
    mean = fit.predict(level="population")
    x = np.column_stack([np.ones(90), table.x, table.z])
    np.testing.assert_allclose(mean, np.exp(x @ fit.fixef.to_numpy()), rtol=1e-10)
