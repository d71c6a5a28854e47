"""Everything that a fit of a model with several grouping factors offers."""

import json

import numpy as np
import pandas as pd
import pytest
from problems import slopes
from several_factors import FORMULAS, Rows, fit, known, model, table

import glmmjax as gj

TWO = pytest.mark.parametrize("name", ["crossed", "nested"])


def packed(found):
    return np.concatenate([found.params.beta, *found.params.theta, found.params.phi])


def new_rows():
    """Rows fitted and rows with levels never seen, of each factor alone and of all."""
    data = table().head(6).astype(dict.fromkeys("abcd", str))
    data.loc[2, "a"] = data.loc[3, "b"] = data.loc[4, "c"] = "never"
    data.loc[3, "d"] = "never"
    data.loc[5, ["a", "b", "d"]] = "never"
    return data


@TWO
class TestPredictions:
    @pytest.mark.parametrize("which", ["fitted", "new"])
    def test_conditional(self, name, which):
        """The modes and their joint covariance given the data by dense algebra; the delta method by
        differences."""
        found, data = fit(name), new_rows() if which == "new" else table().head(30)
        rows, at = Rows(name, data), packed(found)
        eta, variance = rows.given_data(at)
        jacobian = slopes(lambda vector: rows.given_data(vector)[0], at)
        variance = variance + np.einsum("na,ab,nb->n", jacobian, found.solution.vcov, jacobian)
        given = None if which == "fitted" else data
        link = found.predict(given, kind="link", se=True).head(len(data))
        np.testing.assert_allclose(link.estimate, eta, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(link.std_error, np.sqrt(variance), rtol=1e-6)
        response = found.predict(given, se=True).head(len(data))
        mean, slope = (np.exp(eta), np.exp(eta)) if name == "crossed" else (eta, 1.0)
        np.testing.assert_allclose(response.estimate, mean, rtol=1e-7)
        np.testing.assert_allclose(response.std_error, slope * np.sqrt(variance), rtol=1e-6)

    def test_population_and_marginal_need_no_group(self, name):
        found, x = fit(name), table()[["x"]].head(8)
        rows, at = Rows(name, table().head(8)), packed(found)

        def eta(vector, *, averaged):
            extra = (
                np.diag(rows.covariance(rows, vector)) / 2
                if averaged and name == "crossed"
                else 0.0
            )
            return rows.x @ vector[:2] + extra

        for level, averaged in (("population", False), ("marginal", True)):
            jacobian = slopes(lambda vector, averaged=averaged: eta(vector, averaged=averaged), at)
            expected = np.sqrt(np.einsum("na,ab,nb->n", jacobian, found.solution.vcov, jacobian))
            link = found.predict(x, level=level, kind="link", se=True)
            np.testing.assert_allclose(link.estimate, eta(at, averaged=averaged), rtol=1e-10)
            np.testing.assert_allclose(link.std_error, expected, rtol=1e-6)

    def test_a_missing_group_is_named(self, name):
        with pytest.raises(gj.ModelError, match="'b'" if name == "crossed" else "'c'"):
            fit(name).predict(table()[["x", "a", "d"]])

    def test_draws_have_the_covariance_of_the_model(self, name):
        """Their mean over random effects is the marginal prediction."""
        found = fit(name)
        draws, mean = found.simulate(4000, seed=3), found.predict(level="marginal").to_numpy()
        assert draws.shape == (4000, len(table()))
        off = (draws.mean(0) - mean) / (draws.std(0) / np.sqrt(len(draws)))
        assert np.sqrt((off**2).mean()) < 1.3


@TWO
class TestTables:
    def test_modes_are_those_of_the_predictions(self, name):
        """`ranef` names the effect of each level: with the fixed part they are the conditional
        predictor."""
        found, total = fit(name), 0.0
        modes, data = found.ranef(), table().astype(str)
        keys = {"a": data["a"], "b": data["b"], "d": data["d"], "d:c": data["d"] + ":" + data["c"]}
        assert (modes.std_error > 0).all()
        for (group, term), own in modes.groupby(["group", "term"], sort=False):
            effects = own.set_index("level")["mode"].reindex(keys[group]).to_numpy()
            total = total + effects * (table()["x"].to_numpy() if term == "x" else 1.0)
        population = found.predict(level="population", kind="link")
        np.testing.assert_allclose(found.predict(kind="link"), population + total, rtol=1e-10)

    def test_levels_and_terms(self, name):
        rows = fit(name).varcorr()
        expected = {
            "crossed": [
                ("a", "Intercept", ""),
                ("a", "x", ""),
                ("a", "Intercept", "x"),
                ("b", "Intercept", ""),
            ],
            "nested": [
                ("d", "Intercept", ""),
                ("d:c", "Intercept", ""),
                ("d", "x", ""),
                ("Residual", "", ""),
            ],
        }[name]
        assert (
            list(rows[["group", "term1", "term2"]].itertuples(index=False, name=None)) == expected
        )
        counts = fit(name).ranef().groupby("group")["level"].nunique().to_dict()
        assert fit(name).to_dict()["groups"] == counts
        assert counts == ({"a": 8, "b": 5} if name == "crossed" else {"d": 6, "d:c": 24})

    def test_summary(self, name):
        text = str(fit(name).summary())
        line = "groups: a, 8; b, 5" if name == "crossed" else "groups: d, 6; d:c, 24"
        assert f"Number of obs: 120, {line}" in text
        assert json.dumps(fit(name).to_dict())


class TestFiles:
    @pytest.mark.parametrize("name", FORMULAS)
    def test_round_trip(self, name, tmp_path):
        """With a matrix that two terms share, and a smooth."""
        found, path = fit(name), tmp_path / "fit.json"
        found.save(path)
        again = gj.load(path)
        assert again.loglik == found.loglik
        assert str(again.summary()) == str(found.summary())
        pd.testing.assert_frame_equal(again.ranef(), found.ranef())
        pd.testing.assert_frame_equal(again.varcorr(), found.varcorr())
        for level in ("conditional", "population"):
            pd.testing.assert_series_equal(again.predict(level=level), found.predict(level=level))
        new = table().head(3)
        pd.testing.assert_frame_equal(again.predict(new, se=True), found.predict(new, se=True))

    def test_a_file_of_version_1(self, tmp_path):
        """It had one grouping factor, and one covariance matrix for all its terms."""
        found, path = gj.glmm("y ~ x + (x || d)", table()).fit(), tmp_path / "fit.json"
        found.save(path)
        document = json.loads(path.read_text())
        state = document["state"]
        document["version"] = 1
        del state["matrices"]
        whole = np.zeros((2, 2))
        whole[:2, :2] = state["covariance"][0]
        state["covariance"], (state["mode"],), (state["mode_cov"],) = (
            whole.tolist(),
            state["mode"],
            state["mode_cov"],
        )
        path.write_text(json.dumps(document))
        again = gj.load(path)
        pd.testing.assert_frame_equal(again.varcorr(), found.varcorr())
        pd.testing.assert_frame_equal(again.ranef(), found.ranef())
        pd.testing.assert_frame_equal(again.predict(se=True), found.predict(se=True))


class TestDraws:
    def test_covariance_of_gaussian_draws(self):
        """`Z G Z' + sigma^2 I` of crossed, autoregressive and related effects."""
        data = table().head(14)
        data = data.assign(**{name: data[name].cat.remove_unused_categories() for name in "abd"})
        matrices = {"K": known()}
        made = gj.glmm("~ 1 + (1 | a) + ar1(t | d) + propto(1 | b, K)", data, matrices=matrices)
        sd = {"Intercept": 0.8, "t": 1.1, "1": 0.7}
        params = made.params(fixef=2.0, sd=sd, corr={("t", "rho"): 0.6}, dispersion=0.5)
        draws = made.simulate(params, 20_000, seed=5)
        a, b, d, t = (data[name].to_numpy() for name in "abdt")
        k = known().loc[list(b), list(b)].to_numpy()
        expected = 0.64 * np.equal.outer(a, a) + 0.49 * k + 0.25 * np.eye(len(data))
        expected += 1.21 * np.equal.outer(d, d) * 0.6 ** np.abs(np.subtract.outer(t, t))
        variances = np.diag(expected)
        error = np.sqrt((np.outer(variances, variances) + expected**2) / len(draws))
        off = (np.cov(draws.T) - expected) / error
        assert np.abs(off).max() < 4.5
        assert off.std() < 1.3
        np.testing.assert_allclose(
            draws.mean(0), 2.0, atol=5 * np.sqrt(variances.max() / len(draws))
        )

    def test_bootstrap(self):
        """Refits are the fits of the draws, found as a batch."""
        found = fit("crossed")
        boot = found.bootstrap(6, seed=2)
        assert boot.failed == 0
        assert list(boot.estimates.columns) == list(boot.original.index)
        draws = found.simulate(6, seed=2)
        for number in (0, 3):
            single = model("crossed", table().assign(count=draws[number].astype(int))).fit()
            assert boot.batch[number].loglik == pytest.approx(single.loglik, rel=0, abs=1e-8)
            np.testing.assert_allclose(
                boot.batch.fixef.iloc[number], single.fixef, rtol=0, atol=1e-6
            )
            np.testing.assert_allclose(boot.batch[number].predict(), single.predict(), rtol=1e-5)
