"""Row labels and categories come back from a file as they were, or are refused when it is
written."""

import dataclasses
import datetime
import decimal
import json
import uuid
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from problems import model, table

import glmmjax as gj
from glmmjax.fit import OneModel

N = 26
DAYS = pd.date_range("2024-03-20", periods=N)
TEXT = [f"row {k}" for k in range(N)]
INDEXES = {
    "positions": pd.RangeIndex(3, 3 + 2 * N, 2, name="row"),
    "integers": pd.Index(np.arange(N)[::-1]),
    "small integers": pd.Index(np.arange(N, dtype=np.uint8)),
    "huge integers": pd.Index([2**70 + k for k in range(N)], dtype=object),
    "repeated": pd.Index([1, 2] * 13),
    "numbers": pd.Index([np.nan, np.inf, *np.arange(N - 2) / 10], name=0),
    "narrow numbers": pd.Index(np.arange(N, dtype=np.float32) / 10),
    "truth values": pd.Index([True, False] * 13),
    "text": pd.Index(TEXT, name="subject"),
    "text beside missing": pd.Index([None, "NaN", *TEXT[2:]]),
    "string": pd.Index(TEXT, dtype="string"),
    "mixed": pd.Index([1, "1", 1.0, True, None, "NaN", np.nan, *TEXT[7:]], dtype=object),
    "nullable": pd.Index([None, *range(N - 1)], dtype="Int64"),
    "arrow": pd.Index(range(N), dtype="int32[pyarrow]"),
    "days": DAYS.rename("day"),
    "seconds": DAYS.astype("datetime64[s]"),
    "nanoseconds": DAYS.astype("datetime64[ns]") + pd.Timedelta(1, "ns"),
    "months": pd.date_range("2024", periods=N, freq="MS"),
    "zone": DAYS.tz_localize("Europe/Paris"),
    "other zone": DAYS.tz_localize(zoneinfo.ZoneInfo("Asia/Kolkata")),
    "universal": DAYS.tz_localize("UTC"),
    "shifted": DAYS.tz_localize(datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))),
    "a day missing": DAYS.where(np.arange(N) != 3),
    "dates": pd.Index([day.date() for day in DAYS]),
    "spans": pd.to_timedelta(np.arange(N), unit="min").rename("after"),
    "periods": pd.period_range("2024-01", periods=N, freq="M", name="month"),
    "quarters": pd.period_range("2020", periods=N, freq="Q-MAR"),
    "categories": pd.CategoricalIndex(
        list("cab") * 8 + ["a", "c"], categories=list("cdba"), ordered=True, name="c"
    ),
    "categories of days": pd.CategoricalIndex(DAYS),
    "a category missing": pd.CategoricalIndex([None, *TEXT[1:]]),
    "intervals": pd.interval_range(0, N, name="bin"),
    "intervals of time": pd.IntervalIndex.from_breaks(
        [*DAYS, DAYS[-1] + pd.Timedelta("1D")], closed="left"
    ),
    "pairs": pd.Index([("a", k) for k in range(N)], tupleize_cols=False, name=("x", 1)),
    "levels": pd.MultiIndex.from_product([["u", "v"], range(13)], names=["site", None]),
    "levels of days": pd.MultiIndex.from_arrays(
        [DAYS.tz_localize("UTC"), DAYS.to_period("W")], names=["day", "week"]
    ),
    "levels of categories": pd.MultiIndex.from_arrays(
        [pd.Categorical(TEXT), [None, *range(N - 1)], TEXT]
    ),
}


@pytest.fixture(scope="module")
def fit():
    return model("poisson", "log", "").fit()


def labelled(fit, index):
    """The fit to the same rows with other labels."""
    design = fit.solution.model.design
    design = dataclasses.replace(design, frame=design.frame.set_axis(index))
    model = dataclasses.replace(fit.solution.model, design=design)
    return gj.Fit(dataclasses.replace(fit.fits, members=OneModel(model)))


@pytest.mark.parametrize("kind", INDEXES)
def test_every_kind_comes_back(fit, kind, tmp_path):
    found = labelled(fit, INDEXES[kind])
    found.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    pd.testing.assert_series_equal(again.predict(), found.predict(), check_freq=True)
    pd.testing.assert_index_equal(again.predict().index, INDEXES[kind], exact=True)
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "fit.json").read_text()


REFUSED = {
    "identifiers": pd.Index([uuid.UUID(int=k) for k in range(N)]),
    "decimals": pd.Index([decimal.Decimal(k) for k in range(N)]),
    "complex": pd.Index(np.arange(N) * 1j),
    "bytes": pd.Index([bytes([k]) for k in range(N)]),
    "days among text": pd.Index([DAYS[0], *TEXT[1:]], dtype=object),
    "times": pd.Index([datetime.time(minute=k) for k in range(N)]),
    "a name": pd.RangeIndex(N, name=frozenset("ab")),
    "levels": pd.MultiIndex.from_arrays([range(N), [uuid.UUID(int=k) for k in range(N)]]),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_lost_is_refused_and_nothing_is_written(fit, kind, tmp_path):
    with pytest.raises(
        gj.ModelError,
        match=r"^The labels of the rows \(.*\) cannot be saved as they are: turn them",
    ):
        labelled(fit, REFUSED[kind]).save(tmp_path / "fit.json")
    assert list(tmp_path.iterdir()) == []


CATEGORIES = {
    "integers": [3, 1, 2],
    "numbers": [0.5, 2.0, 1.0],
    "truth values": [True, False],
    "days": list(pd.date_range("2024", periods=3)),
    "days with zone": list(pd.date_range("2024", periods=3, tz="Europe/Paris")),
    "periods": list(pd.period_range("2024", periods=3, freq="M")),
    "mixed": ["a", 1, 2.5],
}


@pytest.mark.parametrize("kind", CATEGORIES)
def test_categories_of_every_kind(kind, tmp_path):
    levels = CATEGORIES[kind]
    data = table().assign(
        f=pd.Categorical([levels[k % len(levels)] for k in range(N)], categories=levels)
    )
    found = gj.glmm("count ~ C(f)", data, "poisson").fit()
    found.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json")
    frame, expected = (own.model.core.design.frame for own in (again, found))
    pd.testing.assert_frame_equal(frame, expected)
    np.testing.assert_array_equal(again.predict(data), found.predict(data))


def test_categories_of_foreign_types_are_text(tmp_path):
    levels = [uuid.UUID(int=k) for k in range(2)]
    data = table().assign(f=pd.Categorical(levels * 13))
    found = gj.glmm("count ~ f", data, "poisson").fit()
    found.save(tmp_path / "fit.json")
    np.testing.assert_array_equal(gj.load(tmp_path / "fit.json").predict(data), found.predict())


def test_intervals_as_a_covariate(tmp_path):
    data = table().assign(band=pd.cut(table().x, [-9, 0, 9])).set_index(DAYS)
    found = gj.glmm("count ~ band", data, "poisson").fit()
    found.save(tmp_path / "fit.json")
    again = gj.load(tmp_path / "fit.json").predict()
    assert str(again.index[0]) == "2024-03-20 00:00:00"
    np.testing.assert_array_equal(again, found.predict())


def test_a_file_of_version_2(fit, tmp_path):
    """Its labels and categories are lists."""
    path = tmp_path / "fit.json"
    labelled(fit, INDEXES["text"].rename(None)).save(path)
    document = json.loads(path.read_text())
    state = document["state"]
    document["version"], state["index"] = 2, TEXT
    for column in state["columns"]:
        if column["kind"] == "categorical":
            column["categories"] = column["categories"]["values"]
    path.write_text(json.dumps(document))
    assert gj.load(path).predict().index.tolist() == TEXT
