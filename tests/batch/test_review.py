"""Cases that were once wrong, each found by somebody trying it."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj


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


def test_a_level_without_complete_rows_is_a_member_with_a_status(design):
    data = pd.concat(
        [design.assign(item=k, y=np.sin(design.x * 50 + k)) for k in (1, 2, 3)], ignore_index=True
    )
    data.loc[data["item"] == 2, "y"] = np.nan
    found = gj.fit_by("y ~ x + (1 | g)", data, "item")
    assert found.names.tolist() == [1, 2, 3]
    assert found.status[1] == gj.Status.INVALID.value and found.converged.tolist() == [
        True,
        False,
        True,
    ]


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


def test_an_interrupted_bootstrap_holds_a_batch(model, batch, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("glmmjax.batch._run._fit_slice", stop)
    with pytest.raises(gj.Interrupted) as stopped:
        batch[0].bootstrap(4)
    assert isinstance(stopped.value.batch, gj.Batch)
    assert set(stopped.value.batch.status) == {gj.Status.NOT_RUN.value}


def test_parquet_without_pyarrow_is_a_sentence(batch, monkeypatch, tmp_path):
    def missing(*_, **__):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", missing)
    with pytest.raises(gj.ModelError, match="needs pyarrow"):
        batch.to_parquet(tmp_path / "fits.parquet")
