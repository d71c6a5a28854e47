"""A family that is added to the registry is one of the package's: everything that asks for a family
takes it."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import test_contracts
from family_cases import CASES, Case
from family_checks import recovers, simulated_fit
from logistic import Logistic

import glmmjax as gj
from glmmjax.cli import main
from glmmjax.families import FAMILIES

pytestmark = pytest.mark.usefixtures("float64")
CONTRACT = test_contracts.TestFamilies
LAWS = [
    name
    for name, test in vars(CONTRACT).items()
    if name.startswith("test_") and test.holds_for(Logistic())
]


@pytest.fixture(scope="module", autouse=True)
def registered():
    FAMILIES[Logistic.name] = Logistic
    CASES[Logistic.name] = Case(
        lambda mu, phi, *_: scipy.stats.logistic(mu, np.exp(phi[0])), "real"
    )
    yield
    del FAMILIES[Logistic.name], CASES[Logistic.name]


@pytest.fixture(scope="module")
def fit(registered):
    return simulated_fit("logistic", None, 0.8)


@pytest.mark.parametrize("name", LAWS)
def test_it_keeps_the_contract(name):
    getattr(CONTRACT(), name)(Logistic())


def test_a_fit_finds_what_was_simulated(fit):
    recovers(fit, np.log([0.8]))
    assert list(fit.dispersion) == ["scale"]


def test_it_is_called_by_its_name(fit):
    data = fit.model.core.design.frame
    by_name = gj.glmm("y ~ x + (1 | g)", data, "Logistic")
    assert by_name.core.family == Logistic()
    at = by_name.params(fixef={"Intercept": 0.3, "x": 0.5}, sd=0.6, dispersion=0.8)
    np.testing.assert_allclose(at.phi, np.log([0.8]))
    with pytest.raises(gj.ModelError, match="has: scale must be positive"):
        by_name.params(fixef={"Intercept": 0.3, "x": 0.5}, sd=0.6, dispersion=-1.0)
    with pytest.raises(gj.ModelError, match=r"choose one of gaussian, .*, logistic\."):
        gj.glmm("y ~ x", data, "logistics")


def test_a_batch(fit):
    y = fit.model.core.design.y
    batch = gj.fit_many(fit.model, np.stack([y, -y]))
    assert batch.converged.all()
    np.testing.assert_allclose(batch.loglik, fit.loglik, rtol=1e-9)
    np.testing.assert_allclose(
        np.asarray(batch.dispersion)[:, 0], fit.dispersion["scale"], rtol=1e-4
    )


def test_a_file(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    assert again.model.core.family == Logistic()
    assert again.to_dict() == fit.to_dict()
    np.testing.assert_array_equal(again.predict(), fit.predict())


def test_the_summary(fit):
    text = str(fit.summary())
    assert " Family: logistic (identity)" in text
    assert "scale" in text


def test_a_dispersion_with_a_predictor(fit):
    data = fit.model.core.design.frame
    constant = gj.glmm("y ~ x + (1 | g)", data, "logistic", dispformula="~ 1").fit()
    assert constant.loglik == pytest.approx(fit.loglik, abs=1e-7)
    assert constant.disp["Intercept"] == pytest.approx(np.log(fit.dispersion["scale"]), abs=1e-4)


def test_the_command_line(fit, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gj, "enable_compilation_cache", lambda: None)
    path = tmp_path / "data.csv"
    data: pd.DataFrame = fit.model.core.design.frame
    data.to_csv(path, index=False)
    assert main(["fit", str(path), "y ~ x + (1 | g)", "--family", "logistic"]) == 0
    assert " Family: logistic (identity)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    assert "quasibinomial, logistic" in " ".join(capsys.readouterr().out.split())
