"""Members with rows of their own: sequences of models, and the levels of a column."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from test_members import assert_is_single

import glmmjax as gj

ROWS = {"d": 12, "b": 200, "e": 17, "a": 60, "c": 45, "f": 14}
FORMULA = "y ~ x + f + (1 | g)"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Sites of ragged size, whose rows are mixed; `h` has a response of zeros and `i` a covariate
    that stands still."""
    rng = np.random.default_rng(2)
    site = np.repeat([*ROWS, "h", "i"], [*ROWS.values(), 20, 20])
    n = len(site)
    data = pd.DataFrame({"site": site, "x": rng.normal(size=n), "f": np.tile(["p", "q"], n // 2)})
    data["g"] = rng.integers(0, np.where(site == "b", 15, 4))
    data["y"] = rng.poisson(np.exp(0.8 + 0.4 * data.x + rng.normal(size=15)[data.g] * 0.7))
    data.loc[data.site == "h", "y"] = 0
    data.loc[data.site == "i", "x"] = 1.5
    return data.sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture(scope="module")
def by_site(table):
    return gj.fit_by(FORMULA, table, "site", "poisson")


class TestFitBy:
    def test_levels_are_members_in_sorted_order(self, by_site):
        assert by_site.names.tolist() == list("abcdefhi")

    @pytest.mark.parametrize("site", ["b", "d", "e", "a"])
    def test_each_is_the_fit_of_its_rows(self, by_site, table, site):
        fit = gj.glmm(FORMULA, table[table.site == site], "poisson").fit()
        member = by_site.names.get_loc(site)
        assert_is_single(by_site, member, fit)
        assert by_site[member].nobs == ROWS[site]

    def test_sizes_far_apart_share_no_shape(self, by_site):
        assert len(by_site.fits.members.buckets()) > 1

    def test_those_that_cannot_be_fitted_have_a_status(self, by_site):
        status = pd.Series(by_site.status, by_site.names)
        assert status["h"] == gj.Status.CONSTANT.value
        assert status["i"] == gj.Status.NOT_IDENTIFIED.value
        assert by_site.converged.tolist() == [True] * 6 + [False] * 2
        assert by_site.fixef.loc[["h", "i"]].isna().all(axis=None)

    def test_every_member_is_a_fit(self, by_site):
        for name, fit in zip(by_site.names, by_site, strict=True):
            assert fit.converged == (name in ROWS)
            assert len(fit.coefficients()) == 3
            assert np.isnan(fit.ranef()["mode"]).all() == (name not in ROWS)
            assert name in ROWS or "Not" in str(fit.summary())

    def test_categories_keep_their_order_and_missing_ones_are_left_out(self, by_site, table):
        order = list("zfhedcba")
        data = table.assign(site=pd.Categorical(table.site.where(table.site.isin(order)), order))
        data.loc[data.site == "c", "site"] = np.nan
        batch = gj.fit_by(FORMULA, data, "site", "poisson")
        assert batch.names.tolist() == list("fhedba")
        kept = by_site.loglik[by_site.names.get_indexer(batch.names)]
        np.testing.assert_allclose(batch.loglik, kept, rtol=1e-12)

    def test_polars_numbers_and_rows_with_missing_values(self, by_site, table):
        data = table.assign(site=table.site.map({name: k for k, name in enumerate("abcdefhi")}))
        extra = data.head(4).assign(x=None, site=[0, 1, 2, 99])
        batch = gj.fit_by(
            FORMULA, pl.from_pandas(pd.concat([extra.astype(data.dtypes), data])), "site", "poisson"
        )
        assert batch.names.tolist() == [*range(8), 99]
        assert batch.status[-1] == gj.Status.INVALID.value  # of whose rows none is left
        np.testing.assert_allclose(batch.loglik[:-1], by_site.loglik, rtol=1e-12)

    def test_the_columns_are_made_from_the_whole_table(self, table):
        part = table[table.site.isin(["a", "c"])]
        batch = gj.fit_by("y ~ scale(x) + (1 | g)", part, "site", "poisson")
        slope = gj.glmm("y ~ x + (1 | g)", part[part.site == "c"], "poisson").fit().fixef["x"]
        assert batch.fixef["scale(x)"].loc["c"] == pytest.approx(slope * part.x.std(), rel=1e-5)

    def test_linear_members_with_weights_and_reml(self, table):
        part = table[table.site.isin(["a", "b", "i"])].assign(w=lambda d: 1 + d.x**2)
        batch = gj.fit_by("x ~ y + (1 | g)", part, "site", weights="w", reml=True)
        own = part[part.site == "b"]
        assert_is_single(batch, 1, gj.glmm("x ~ y + (1 | g)", own, weights="w").fit(reml=True))
        assert batch.status[2] == gj.Status.CONSTANT.value
        p_value = batch.to_frame().query("member == 'b'").p_value
        np.testing.assert_allclose(p_value, batch[1].coefficients().p_value, rtol=1e-6)

    def test_a_level_without_a_response_is_a_member_with_a_status(self, table):
        part = table[table.site.isin(["a", "b", "c"])]
        part = part.assign(x=part.x.where(part.site != "b"))
        found = gj.fit_by("x ~ y + (1 | g)", part, "site")
        assert found.names.tolist() == ["a", "b", "c"]
        assert found.status[1] == gj.Status.INVALID.value
        assert found.converged.tolist() == [True, False, True]

    def test_nobody_can_be_fitted(self, table):
        batch = gj.fit_by(
            "y ~ x + (x | g)",
            table.assign(x=1.0 * (table.site < "c")),
            "site",
            "poisson",
            chunk_size=2,
        )
        assert set(batch.counts().index) == {"not_identified", "constant"}
        assert not any(fit.converged for fit in batch)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"by": "sight"}, "Column 'sight' is not in data"),
            ({"formula": "~ x + (1 | g)"}, "fit_by needs a response"),
            ({"formula": "y ~ z"}, "'z'"),
            ({"family": "poison"}, "poison"),
            ({"reml": True, "method": gj.Laplace()}, "no restricted likelihood"),
            ({"chunk_size": 0}, "chunk_size"),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_what_is_wrong_is_said(self, table, change, message):
        given = {"formula": FORMULA, "data": table, "by": "site", "family": "poisson"} | change
        with pytest.raises(gj.ModelError, match=message):
            gj.fit_by(**given)


class TestModels:
    def models(self, table, formula=FORMULA, family="poisson"):
        return [gj.glmm(formula, table[table.site == site], family) for site in ROWS]

    def test_each_is_its_own_fit(self, table, by_site):
        models = self.models(table)
        batch = gj.fit_many(models)
        assert batch.names.tolist() == list(range(6))
        where = by_site.names.get_indexer(list(ROWS))
        np.testing.assert_allclose(batch.loglik, by_site.loglik[where], atol=1e-8)
        np.testing.assert_allclose(batch.fixef, by_site.fixef.iloc[where], atol=1e-5)
        assert batch[2].nobs == ROWS["e"]

    @pytest.mark.parametrize(
        ("formula", "family", "message"),
        [
            ("y ~ x + f + (1 | g)", "nbinom2", "Model 1 has another family than model 0"),
            ("y ~ x + (1 | g)", "poisson", "Model 1 has another set of fixed effects than model 0"),
            ("y ~ x + f + (x | g)", "poisson", "Model 1 has another random part than model 0"),
            ("y ~ x + f", "poisson", "Model 1 has another random part than model 0"),
            ("~ x + f + (1 | g)", "poisson", "no response"),
        ],
    )
    def test_models_of_another_structure_are_refused(self, table, formula, family, message):
        with pytest.raises(gj.ModelError, match=message):
            gj.fit_many([gj.glmm(FORMULA, table, "poisson"), gj.glmm(formula, table, family)])

    @pytest.mark.parametrize("models", [[], 3, "y ~ x", [1], None, ["a"]], ids=repr)
    def test_what_is_no_model_is_refused(self, models):
        with pytest.raises(gj.ModelError, match="fit_many takes a model made by"):
            gj.fit_many(models)

    @pytest.mark.parametrize("name", ["responses", "weights", "offset"])
    def test_several_models_have_data_of_their_own(self, table, name):
        with pytest.raises(gj.ModelError, match=f"{name} goes with one model"):
            gj.fit_many(self.models(table), **{name: np.ones(3)})
