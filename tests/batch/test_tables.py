"""The tables of a batch, and the batch as a sequence."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from batch_cases import CASES, MEMBERS, draws

import glmmjax as gj
from glmmjax.inference import benjamini_hochberg

COLUMNS = [
    "member",
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "p_adjusted",
    "status",
]


@pytest.fixture(scope="module")
def batch():
    """The case "poisson" with one member that cannot be fitted."""
    counts = draws("count").copy()
    counts[2] = 0
    return gj.fit_many(CASES["poisson"].model(), counts)


class TestFrame:
    def test_one_row_a_member_and_term(self, batch):
        table = batch.to_frame()
        assert table.columns.tolist() == COLUMNS
        assert table.member.tolist() == np.repeat(range(MEMBERS), 2).tolist()
        assert table.term.tolist() == ["Intercept", "x"] * MEMBERS
        np.testing.assert_array_equal(table.estimate.to_numpy().reshape(-1, 2), batch.fixef)
        np.testing.assert_array_equal(table.std_error.to_numpy().reshape(-1, 2), batch.std_errors)
        assert table.status[4] == "constant"
        assert set(table.status) <= {status.name.lower() for status in gj.Status}

    def test_p_adjusted_is_within_each_term_over_the_members_that_were_fitted(self, batch):
        for _, rows in batch.to_frame().groupby("term"):
            here = rows.p_value.notna()
            assert here.sum() == MEMBERS - 1
            expected = scipy.stats.false_discovery_control(rows.p_value[here])
            np.testing.assert_allclose(rows.p_adjusted[here], expected, rtol=1e-12)
            assert rows.p_adjusted[~here].isna().all()

    def test_tests_are_those_of_the_members(self, batch):
        table = batch.to_frame()
        for member, fit in enumerate(batch):
            own, single = table[table.member == member], fit.coefficients()
            np.testing.assert_allclose(own.statistic, single.statistic, rtol=1e-12)
            np.testing.assert_allclose(own.p_value, single.p_value, rtol=1e-10)

    def test_a_file_holds_the_frame(self, batch, tmp_path):
        batch.to_parquet(tmp_path / "batch.parquet")
        with pytest.raises(
            gj.ModelError,
            match=r"none/batch\.parquet cannot be written: No such file or directory\.$",
        ):
            batch.to_parquet(tmp_path / "none" / "batch.parquet")
        again = pd.read_parquet(tmp_path / "batch.parquet")
        pd.testing.assert_frame_equal(again, pd.DataFrame(batch.to_frame()), check_dtype=False)


class TestVarcorr:
    def test_rows_are_those_of_the_members_one_after_the_other(self, batch):
        table = batch.varcorr()
        assert table.columns.tolist() == ["member", "group", "term1", "term2", "vcov", "sdcor"]
        own = pd.concat(
            [fit.varcorr().assign(member=k) for k, fit in enumerate(batch)], ignore_index=True
        )
        pd.testing.assert_frame_equal(table, own[table.columns], check_dtype=False, rtol=1e-12)


class TestSequence:
    def test_members_by_number(self, batch):
        assert len(batch) == MEMBERS
        assert batch[-1].loglik == batch[MEMBERS - 1].loglik == batch.loglik[-1]
        assert batch[np.int64(1)].loglik == batch.loglik[1]
        for outside in (MEMBERS, -MEMBERS - 1):
            with pytest.raises(IndexError):
                batch[outside]
        with pytest.raises(KeyError, match="x"):
            batch["x"]

    def test_slices_are_lists_of_fits(self, batch):
        np.testing.assert_array_equal([fit.loglik for fit in batch[4:1:-2]], batch.loglik[[4, 2]])
        assert batch[99:] == []
        assert len(batch[:]) == MEMBERS

    def test_iteration(self, batch):
        np.testing.assert_array_equal([fit.loglik for fit in batch], batch.loglik)
        assert all(isinstance(fit, gj.Fit) for fit in batch)
        assert next(reversed(batch)).loglik == batch.loglik[-1]

    def test_what_it_says_of_itself(self, batch):
        assert repr(batch) == f"<Batch of {MEMBERS} poisson models, {MEMBERS - 1} converged>"
        counts = batch.counts()
        assert counts.sum() == MEMBERS
        assert (counts.name, counts.index.name) == ("members", "status")
        assert counts["constant"] == 1
        assert batch.df == 3

    def test_shapes(self, batch):
        assert batch.vcov.shape == (MEMBERS, 2, 2)
        assert batch.dispersion.shape == (MEMBERS, 0)
        for name in (
            "loglik",
            "aic",
            "converged",
            "status",
            "scaled_gradient",
            "gradient_norm",
            "iterations",
        ):
            assert getattr(batch, name).shape == (MEMBERS,)


def test_parquet_without_pyarrow_is_a_sentence(batch, monkeypatch, tmp_path):
    def missing(*_, **__):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", missing)
    with pytest.raises(gj.ModelError, match="needs pyarrow"):
        batch.to_parquet(tmp_path / "fits.parquet")


@pytest.mark.parametrize("seed", range(3))
def test_benjamini_hochberg_is_scipys(seed):
    p = np.random.default_rng(seed).uniform(size=40) ** 3
    p[[3, 17]] = p[4]
    np.testing.assert_allclose(
        benjamini_hochberg(p), scipy.stats.false_discovery_control(p), rtol=1e-14
    )
    holes = p.copy()
    holes[[0, 9]] = np.nan
    here = ~np.isnan(holes)
    np.testing.assert_allclose(
        benjamini_hochberg(holes)[here], scipy.stats.false_discovery_control(p[here])
    )
    assert np.isnan(benjamini_hochberg(holes)[~here]).all()
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()
