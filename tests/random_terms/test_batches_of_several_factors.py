"""Batches of models with several grouping factors against their single fits, and what is
refused."""

import numpy as np
import pytest
from dense import exact
from several_factors import model, table

import glmmjax as gj

OWN = "y ~ x + (1 | a) + (1 | b)"


def assert_same(found, single):
    assert found.converged
    assert found.loglik == pytest.approx(single.loglik, rel=0, abs=1e-8)
    np.testing.assert_allclose(found.fixef, single.fixef, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.std_errors, single.std_errors, rtol=1e-5)
    np.testing.assert_allclose(found.varcorr().sdcor, single.varcorr().sdcor, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.ranef()["mode"], single.ranef()["mode"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.predict(), single.predict(), rtol=0, atol=1e-6)


def responses(count):
    draws = 0.4 * np.random.default_rng(4).normal(size=(count, len(table())))
    return table()["y"].to_numpy() + draws


def halves():
    """Rows with levels of their own: the second half lacks one of `a` and one of `b`."""
    half = np.arange(len(table())) % 2
    gone = (half == 1) & ((table()["b"] == "b1") | (table()["a"] == "a2")).to_numpy()
    return table().assign(half=half)[~gone]


def of_half(number):
    data = halves()[halves()["half"] == number]
    return data.assign(**{name: data[name].cat.remove_unused_categories() for name in "ab"})


class TestOneDesign:
    @pytest.mark.parametrize("formula", ["y ~ x + (1 | d/c) + (0 + x | d)", "y ~ x + ar1(t | d)"])
    def test_each_is_its_own_fit(self, formula):
        y = responses(3)
        batch = gj.fit_many(gj.glmm(formula, table()), y)
        for number in (0, 2):
            assert_same(batch[number], gj.glmm(formula, table().assign(y=y[number])).fit())


class TestOwnDesigns:
    @pytest.fixture(scope="class")
    @staticmethod
    def singles():
        return [gj.glmm(OWN, of_half(number)).fit() for number in (0, 1)]

    def test_models(self, singles):
        batch = gj.fit_many([single.model for single in singles])
        for found, single in zip(batch, singles, strict=True):
            assert_same(found, single)

    def test_rows_of_a_column(self, singles):
        batch = gj.fit_by(OWN, halves(), "half")
        for found, single in zip(batch, singles, strict=True):
            assert_same(found, single)

    def test_one_nested_and_one_crossed(self):
        """Members share a structure that serves both; each is reported in its own."""
        crossed = table()
        nested = crossed.assign(
            b=crossed["b"].astype(str) + crossed["d"].astype(str), a=crossed["d"]
        )
        models = [gj.glmm(OWN, data) for data in (nested, crossed)]
        assert [made.core.glmm.structure.chain for made in models] == [2, 1]
        batch = gj.fit_many(models)
        for found, made in zip(batch, models, strict=True):
            assert_same(found, made.fit())


class TestRefusals:
    def test_quadrature_over_several_factors(self):
        made = model("crossed")
        with pytest.raises(
            gj.ModelError, match=r"one grouping factor, and the model has several \(a, b\)"
        ):
            made.fit(gj.AGHQ(5))
        with pytest.raises(gj.ModelError, match=r"use gj\.Laplace"):
            made.log_marginal(made.start(), gj.AGHQ(5))

    def test_the_same_partition_twice(self):
        data = table().assign(again=table()["a"].cat.rename_categories(str.upper))
        with pytest.raises(
            gj.ModelError, match=r"\(1 \| a\) \+ \(1 \| again\) cannot be told apart"
        ):
            gj.glmm("y ~ x + (1 | a) + (1 | again)", data)

    def test_a_matrix_is_missing(self):
        with pytest.raises(gj.ModelError, match="The matrix K of propto"):
            gj.glmm("y ~ x + propto(1 | a, K)", table())


def test_an_intercept_beside_a_series():
    """`(1 | d) + ar1(t | d)`: one factor by two names, two covariances."""
    data = table()
    found = gj.glmm("y ~ x + (1 | d) + ar1(t | d)", data).fit()
    assert found.converged
    rows = found.varcorr()
    assert list(rows.term1) == ["Intercept", "t", "t", ""]
    level, series, rho, residual = rows.sdcor
    d, t = data["d"].to_numpy(), data["t"].to_numpy()
    v = np.equal.outer(d, d) * (level**2 + series**2 * rho ** np.abs(np.subtract.outer(t, t)))
    x = np.stack([np.ones(len(data)), data["x"]], 1)
    v = v + residual**2 * np.eye(len(data))
    assert found.loglik == pytest.approx(exact(data["y"], x, v, found.fixef.to_numpy()), abs=1e-7)
