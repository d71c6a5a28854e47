"""A batch answers what a fit does, by the same functions: each row of its tables is the fit's."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax.methods import AbstractIntegral

TABLES = ("coefficients", "confint", "varcorr", "ranef")


def draw(rows: slice = slice(None)) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"g": np.repeat(list("abcdefgh"), 6), "x": rng.normal(size=48)})
    u = dict(zip("abcdefgh", rng.normal(size=8), strict=True))
    eta = 0.4 * data["x"] + data["g"].map(u)
    return data.assign(y=eta + rng.normal(size=48), k=rng.poisson(np.exp(eta))).iloc[rows]


def responses() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    columns = pd.MultiIndex.from_product([["a", "b"], [0, 1]])
    return pd.DataFrame(rng.poisson(2.0, size=(48, 4)), columns=columns, index=draw().index)


@pytest.fixture(scope="module")
def counts():
    return gj.fit_many(gj.glmm("~ x + (1 | g)", draw(), "poisson"), responses())


@pytest.fixture(scope="module")
def linear():
    """Data of their own, which differ in their rows and levels."""
    models = [gj.glmm("y ~ x + (1 | g)", draw(slice(0, n))) for n in (48, 45, 36)]
    return gj.fit_many(models, reml=True)


def rows_of(table: pd.DataFrame, batch: gj.Batch, number: int) -> pd.DataFrame:
    """What a table says of a member, as its fit would say it."""
    if "member" not in table.columns:
        labels = table.index.droplevel("term")
        return table[labels == batch.names[number]].droplevel(list(range(labels.nlevels)))
    here = [name == batch.names[number] for name in table["member"]]
    return table[here].drop(columns="member").reset_index(drop=True)


@pytest.mark.parametrize("kind", ["counts", "linear"])
@pytest.mark.parametrize("table", TABLES)
def test_tables_are_those_of_the_members(kind, table, request):
    batch = request.getfixturevalue(kind)
    whole = getattr(batch, table)()
    for number in np.flatnonzero(batch.converged):
        fit = batch[int(number)]
        own, found = getattr(fit, table)(), rows_of(whole, batch, number)
        assert set(found) - set(own) <= {"p_adjusted"}  # over the members
        pd.testing.assert_frame_equal(
            found[list(own)], own, rtol=1e-6, atol=1e-9, check_names=False
        )


@pytest.mark.parametrize("kind", ["counts", "linear"])
@pytest.mark.parametrize("name", ["loglik", "aic", "bic", "nobs", "df", "iterations"])
def test_numbers_are_those_of_the_members(kind, name, request):
    batch = request.getfixturevalue(kind)
    values = np.broadcast_to(getattr(batch, name), len(batch))
    assert values.tolist() == [getattr(fit, name) for fit in batch]


def test_a_table_without_rows_has_columns_of_text():
    table = gj.glmm("k ~ x", draw(), "poisson").fit().varcorr()
    assert table.dtypes[["group", "term1", "term2"]].tolist() == [object] * 3
    model = gj.glmm("~ x + (1 | g)", draw(), "poisson")
    empty = gj.fit_many(model, np.zeros((0, 48)))
    assert all(len(getattr(empty, table)()) == 0 for table in TABLES)


@pytest.mark.parametrize("kind", ["counts", "linear"])
def test_they_can_be_pickled_and_copied(kind, request):
    batch = request.getfixturevalue(kind)
    for made in (pickle.loads(pickle.dumps(batch)), copy.deepcopy(batch)):
        pd.testing.assert_frame_equal(made.varcorr(), batch.varcorr())
    fit = batch[0]
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_series_equal(again.predict(), fit.predict())


def test_a_method_that_is_not_registered_is_not_saved(tmp_path, monkeypatch):
    class Other(AbstractIntegral):
        name = "other"

        def check(self, model):
            pass

        def factor(self, glmm, params, mode):
            return mode.factor

        def log_integral(self, glmm, params, mode):
            return gj.Laplace().log_integral(glmm, params, mode)

        def describe(self):
            return "another"

    assert Other() != Other()  # without fields of a dataclass nothing says that two are one
    fit = gj.glmm("k ~ x + (1 | g)", draw(), "poisson").fit(Other())
    with pytest.raises(gj.ModelError, match=r"can be saved after gj\.METHODS\['other'\] = Other"):
        fit.save(tmp_path / "fit.json")
    monkeypatch.setitem(gj.METHODS, "other", Other)
    fit.save(tmp_path / "fit.json")
    assert isinstance(gj.load(tmp_path / "fit.json").solution.method, Other)
    monkeypatch.delitem(gj.METHODS, "other")
    with pytest.raises(gj.ModelError, match=r"the method 'other' is not in gj\.METHODS"):
        gj.load(tmp_path / "fit.json")
