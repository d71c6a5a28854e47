"""A new method and a new statistic are one file and one line of a registry each: these are made
here, and serve a fit, a batch, a file, the summary and the command line."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax.cli import main
from glmmjax.inference import fixef, std_errors
from glmmjax.methods import AbstractIntegral, Laplace
from glmmjax.report import RESULTS, SECTIONS


@dataclasses.dataclass(frozen=True)
class Penalised(AbstractIntegral):
    """The Laplace approximation less `weight` times the squared parameters of the random terms."""

    weight: float = 0.5
    name: ClassVar[str] = "penalised"

    def check(self, model):
        if not model.design.random:
            raise gj.ModelError("There is nothing to penalise.")

    def factor(self, glmm, params, mode):
        return mode.factor

    def log_integral(self, glmm, params, mode):
        penalty = sum((theta**2).sum() for theta in params.theta)
        return Laplace().log_integral(glmm, params, mode) - self.weight * penalty

    def describe(self):
        return f"penalised likelihood (weight {self.weight:g})"


def significant(fits):
    """(members,) number of coefficients whose estimate is twice its standard error."""
    return (fixef(fits).abs() > 2 * std_errors(fits)).sum(axis=1).to_numpy()


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(gj.METHODS, Penalised.name, Penalised)
    monkeypatch.setitem(RESULTS, "significant", lambda fits: int(significant(fits)[0]))
    section = [lambda solution, _: [f"Significant: {significant(solution.fits)[0]}"]]
    monkeypatch.setattr("glmmjax.report._summary.SECTIONS", SECTIONS + section)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"g": np.repeat(np.arange(12), 5), "x": rng.normal(size=60)})
    eta = 0.3 + 0.5 * data["x"] + 0.8 * rng.normal(size=12)[data["g"]]
    return data.assign(y=rng.poisson(np.exp(eta)))


@pytest.fixture(scope="module")
def model(table):
    return gj.glmm("y ~ x + (1 | g)", table, "poisson")


def test_a_method_of_ones_own(registered, model, table, tmp_path, capsys):
    plain, fit = model.fit(), model.fit(Penalised())
    (sd,) = fit.params.theta[0]
    assert fit.converged and sd < plain.params.theta[0][0]
    # At its maximum the slope of Laplace's approximation is that of the penalty.
    with gj.float64():
        gradient = np.asarray(eqx.filter_grad(model.log_marginal)(fit.params).theta[0])
    np.testing.assert_allclose(gradient, 2 * 0.5 * sd, rtol=1e-5)
    batch = gj.fit_many(model, table["y"].to_numpy()[None], method=Penalised())
    np.testing.assert_allclose(batch.fixef.loc[0], fit.fixef, rtol=1e-6)
    assert "penalised likelihood (weight 0.5)" in str(fit.summary())
    fit.save(tmp_path / "fit.json")
    loaded = gj.load(tmp_path / "fit.json")
    assert loaded.to_dict() == fit.to_dict() and loaded.solution.method == Penalised()
    table.to_csv(tmp_path / "data.csv", index=False)
    options = ["--family", "poisson", "--method", "penalised"]
    assert main(["fit", str(tmp_path / "data.csv"), "y ~ x + (1 | g)", *options]) == 0
    assert "penalised likelihood" in capsys.readouterr().out
    with pytest.raises(gj.ModelError, match="nothing to penalise"):
        gj.glmm("y ~ x", table, "poisson").fit(Penalised())


def test_a_statistic_of_ones_own(registered, model, table, tmp_path):
    fit = model.fit()
    expected = int((fit.fixef.abs() > 2 * fit.std_errors).sum())
    batch = gj.fit_many(model, np.stack([table["y"]] * 2))
    assert significant(fit.fits).tolist() == [expected]
    assert significant(batch.fits).tolist() == [expected] * 2
    assert f"Significant: {expected}" in str(batch[1].summary())
    fit.save(tmp_path / "fit.json")
    assert gj.load(tmp_path / "fit.json").to_dict()["significant"] == expected


def test_methods_are_named_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name, own in gj.METHODS.items() if own.is_chosen)
