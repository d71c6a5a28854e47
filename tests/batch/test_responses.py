"""What is given to a batch: responses of any size, by their labels or by position, and their
names."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import glmmjax as gj
from glmmjax.batch import as_responses


@pytest.fixture(scope="module")
def design() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    labels = [f"row {k}" for k in range(160)]
    return pd.DataFrame(
        {"g": np.repeat(np.arange(16), 10), "x": rng.normal(size=160)}, index=labels
    )


@pytest.fixture(scope="module")
def counts(design) -> np.ndarray:
    rng = np.random.default_rng(6)
    mean = np.exp(0.4 + 0.3 * design.x.to_numpy() + 0.5 * rng.normal(size=(6, 16))[:, design.g])
    return rng.poisson(mean * rng.gamma(2, 0.5, size=mean.shape)).astype(float)


@pytest.fixture(scope="module")
def model(design) -> gj.Model:
    return gj.glmm("~ x + (1 | g)", design, "nbinom2")


@pytest.fixture(scope="module")
def batch(model, counts) -> gj.Batch:
    return gj.fit_many(model, counts)


@pytest.mark.parametrize("mean", [1e3, 1e5])
@pytest.mark.parametrize("phi", [1.0, 1e4])
def test_large_counts_converge(design, model, mean, phi):
    rng = np.random.default_rng(7)
    mu = mean * np.exp(0.3 * design.x.to_numpy() + 0.5 * rng.normal(size=(6, 16))[:, design.g])
    found = gj.fit_many(model, rng.poisson(mu * rng.gamma(phi, 1 / phi, size=mu.shape)))
    assert found.converged.all() and found.scaled_gradient.max() < 1e-5


def test_a_neighbour_with_large_counts_changes_no_bit(model, counts, batch):
    counts = counts.copy()
    counts[5, 0] = 5000
    np.testing.assert_array_equal(gj.fit_many(model, counts).loglik[:5], batch.loglik[:5])


def test_rows_of_a_pandas_table_go_by_their_labels(design, model, counts, batch):
    table = pd.DataFrame(counts.T, columns=list("abcdef"), index=design.index)
    shuffled = gj.fit_many(model, table.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(shuffled.loglik, batch.loglik)
    with pytest.raises(gj.ModelError, match="responses has other row labels"):
        gj.fit_many(model, table.reset_index(drop=True))
    offset = pd.Series(np.linspace(0, 1, 160), index=design.index)
    by_label = gj.fit_many(model, counts, offset=offset.sample(frac=1, random_state=2))
    np.testing.assert_array_equal(
        by_label.loglik, gj.fit_many(model, counts, offset=offset.to_numpy()).loglik
    )


@pytest.mark.parametrize("value", [np.nan, 1e9, -3.0])
def test_what_rows_of_weight_zero_hold_does_not_matter(model, counts, value):
    weights = np.ones_like(counts)
    weights[:, 5] = 0
    wild = counts.copy()
    wild[:, 5] = value
    for given in (weights, weights[0]):
        np.testing.assert_array_equal(
            gj.fit_many(model, wild, weights=given).loglik,
            gj.fit_many(model, counts, weights=given).loglik,
        )


def test_columns_of_several_levels_are_names(design, model, counts, batch):
    columns = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]])
    found = gj.fit_many(model, pd.DataFrame(counts.T, columns=columns, index=design.index))
    assert len(found.to_frame()) == 12 and found.names[0] == ("a", 1)


def test_successes_without_trials_are_refused(design):
    model = gj.glmm("~ x + (1 | g)", design, "binomial")
    with pytest.raises(gj.ModelError, match="no trials"):
        gj.fit_many(model, np.full((2, 160), 3) - np.arange(160) % 3)


def test_a_member_by_its_name(design, model, counts, batch):
    found = gj.fit_many(model, pd.DataFrame(counts.T, columns=list("abcdef"), index=design.index))
    assert found["c"].loglik == batch[2].loglik
    with pytest.raises(KeyError, match="nobody"):
        _ = found["nobody"]


class TestTakenWhenNeeded:
    def test_arrays_are_read_when_they_are_needed(self, tmp_path):
        np.save(tmp_path / "y.npy", np.arange(12, dtype=np.int16).reshape(3, 4))
        rows = as_responses(
            np.load(tmp_path / "y.npy", mmap_mode="r"), pd.RangeIndex(4), pairs=False
        )
        taken = rows.take(np.array([2, 0]))
        assert taken.dtype == np.float64
        assert taken.tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
        assert list(rows.names) == [0, 1, 2]

    def test_sparse_matrices_become_dense_some_rows_at_a_time(self):
        values = np.array([[0, 2, 0], [1, 0, 0]])
        for kind in (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array):
            rows = as_responses(kind(values), pd.RangeIndex(3), pairs=False)
            assert len(rows) == 2
            assert rows.take(np.array([1])).tolist() == [[1, 0, 0]]
