"""Likelihoods with several maxima: the best is found, be a variance zero there or where the first
search ends."""

import functools
import pathlib

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax.batch import _run
from glmmjax.fit import _fit
from glmmjax.fit._maxima import attempts

# Of `reference/maxima.csv`: family, random part, log-likelihood, and whether a variance is zero
# there.
CASES = {
    "poisson_intercept": (
        "poisson",
        "(1 | g)",
        -33.277163,
        False,
    ),  # lme4 and glmmTMB; at zero it is -33.387944
    "bernoulli_slope": ("bernoulli", "(x | g)", -28.642133, False),  # glmmTMB; lme4 -28.684111
    "bernoulli_other": ("bernoulli", "(x | g)", -19.238244, True),  # lme4 -19.344351
    "poisson_slope": (
        "poisson",
        "(x | g)",
        -193.785552,
        True,
    ),  # lme4 and glmmTMB -193.947021, which is not singular
}


@functools.cache
def case(name: str) -> gj.Model:
    family, part, _, _ = CASES[name]
    data = pd.read_csv(pathlib.Path(__file__).parents[1] / "reference" / "maxima.csv")
    return gj.glmm(f"y ~ x + w + {part}", data[data.set == name], family)


@functools.cache
def fit_of(name: str) -> gj.Fit:
    return case(name).fit()


@pytest.mark.parametrize("name", CASES)
def test_the_best_maximum_is_found(name):
    _, _, loglik, singular = CASES[name]
    fit = fit_of(name)
    assert fit.loglik == pytest.approx(loglik, abs=1e-6)
    assert fit.converged and ("singular" in fit.status) == singular
    assert fit.scaled_gradient < 1e-5


def test_all_evaluations_are_counted(monkeypatch):
    fit = fit_of("poisson_intercept")
    monkeypatch.setattr(_fit, "best_maximum", lambda glmm, first, search: first)
    alone = case("poisson_intercept").fit()
    assert alone.loglik == pytest.approx(-33.387944, abs=1e-6)
    assert fit.iterations > alone.iterations


def test_another_search_compiles_nothing(compilations):
    fit_of("bernoulli_slope")
    before = compilations()
    model = case("bernoulli_slope")
    assert model.fit().loglik == fit_of("bernoulli_slope").loglik
    start = gj.Params(np.zeros(3), (np.array([1.0, 0.0, 1.0]),), np.zeros(0))
    assert model.fit(start=start).loglik == pytest.approx(-28.642133, abs=1e-6)
    assert compilations() == before


@pytest.fixture(scope="module")
def responses():
    """Of the design of `bernoulli_slope`; the first is its own."""
    model = case("bernoulli_slope")
    params = gj.Params(np.zeros(3), (np.array([1.5, 0.5, 1.5]),), np.zeros(0))
    return np.concatenate([model.core.design.y[None], model.simulate(params, 6, seed=3)])


@pytest.fixture(scope="module")
def batch(responses):
    return gj.fit_many(case("bernoulli_slope"), responses)


class TestBatch:
    def test_a_member_ends_as_its_own_fit(self, batch):
        fit = fit_of("bernoulli_slope")
        assert batch.loglik[0] == pytest.approx(fit.loglik, abs=1e-8)
        np.testing.assert_allclose(batch.fixef.iloc[0], fit.fixef, rtol=1e-6)
        assert batch.iterations[0] == fit.iterations

    def test_only_those_concerned_are_searched_again(self, batch, responses, monkeypatch):
        wanted, fit_chunk = [], _run.fit_chunk
        monkeypatch.setattr(
            _run, "fit_chunk", lambda *given: wanted.append(given[1].sum()) or fit_chunk(*given)
        )
        again = gj.fit_many(case("bernoulli_slope"), responses)
        np.testing.assert_array_equal(again.loglik, batch.loglik)
        monkeypatch.setattr(_run, "best_maximum", lambda glmm, first, search: first)
        first = gj.fit_many(case("bernoulli_slope"), responses)
        same = batch.loglik == first.loglik
        assert not same[0] and same[1:].any()
        np.testing.assert_array_equal(batch.fixef[same], first.fixef[same])
        concerned = batch.iterations > first.iterations
        assert 0 < concerned.sum() < len(responses)
        assert max(wanted[1:-1]) <= concerned.sum() < wanted[0] == wanted[-1] == len(responses)


def test_well_determined_variances_are_left_alone():
    """Of a fit that is neither singular nor weakly determined nothing is asked again."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(30), 10)
    data = pd.DataFrame({"g": g, "y": rng.poisson(np.exp(1 + rng.normal(size=30)[g]))})
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _fit,
            "best_maximum",
            lambda working, first, search: seen.append(list(attempts(working, first))) or first,
        )
        gj.glmm("y ~ 1 + (1 | g)", data, "poisson").fit()
    assert seen == [[]]
