"""Posteriors by the No-U-Turn sampler: what both parametrisations agree on, many at once, and what
is said of draws that cannot be used."""

import functools

import numpy as np
import pytest

import glmmjax as gj

FEW = {"draws": 250, "warmup": 200, "seed": 3}


@functools.cache
def model() -> gj.Model:
    return gj.glmm(
        "incidence/size ~ period + (1 | herd)", gj.datasets.load("cbpp"), family="binomial"
    )


@functools.cache
def posterior(marginal: bool) -> gj.Posterior:
    return model().sample(marginal=marginal, **FEW)


class TestAgreement:
    def test_with_and_without_random_effects(self):
        """Means within four errors of simulation, spreads within a tenth."""
        one, other = (posterior(marginal).summary() for marginal in (False, True))
        assert list(one.index) == [
            *("Intercept", "period[T.2]", "period[T.3]", "period[T.4]"),
            "sd(Intercept|herd)",
        ]
        error = np.hypot(one["mcse"], other["mcse"])
        # Laplace's approximation moves the marginal posterior a little.
        assert (abs(one["mean"] - other["mean"]) < 4 * error + 0.03 * one["sd"]).all()
        np.testing.assert_allclose(one["sd"], other["sd"], rtol=0.12)

    @pytest.mark.parametrize("marginal", [False, True])
    def test_random_effects_are_around_the_modes_of_the_penalised_fit(self, marginal):
        effects = posterior(marginal).ranef()
        modes = model().fit(priors=gj.Priors()).ranef()
        assert (effects["level"] == modes["level"]).all()
        np.testing.assert_allclose(effects["mean"], modes["mode"], atol=0.12)

    @pytest.mark.parametrize("marginal", [False, True])
    def test_draws_are_those_of_the_mirror_image_without_minus(self, marginal):
        own = posterior(marginal)
        assert (own.params.theta[0] > 0).all()
        assert own.params.beta.shape == (4, 250, 4)
        np.testing.assert_allclose(own.draws["sd(Intercept|herd)"], own.params.theta[0].ravel())


def test_many_are_what_each_is():
    y = model().simulate(model().fit().params, 3, seed=1)
    found = gj.sample_many(model(), np.stack([*y, np.full(y.shape[1], np.nan)]), **FEW)
    assert len(found) == 4
    assert "mode from which the chains start was not found" in found.status[3]
    assert not found.converged[3]
    summary = found.summary()
    assert np.isnan(summary.loc[3, "mean"]).all()
    np.testing.assert_array_equal(found[1].summary()["mean"], summary.loc[1, "mean"])
    data = gj.datasets.load("cbpp").assign(incidence=y[0])
    alone = gj.glmm("incidence/size ~ period + (1 | herd)", data, family="binomial").sample(**FEW)
    error = np.hypot(alone.summary()["mcse"], summary.loc[0, "mcse"])
    assert (abs(alone.summary()["mean"] - summary.loc[0, "mean"]) < 4 * error).all()


def test_what_is_said_of_few_draws():
    assert "raise draws" in model().sample(draws=20, warmup=200).status


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"chains": 0}, "chains"),
        ({"draws": 2.5}, "draws"),
        ({"warmup": -1}, "warmup"),
        ({"seed": -1}, "seed"),
        ({"marginal": 1}, "marginal"),
        ({"target_accept": 1.0}, "target_accept"),
    ],
)
def test_wrong_settings(wrong, word):
    with pytest.raises(gj.ModelError, match=word):
        model().sample(**wrong)
