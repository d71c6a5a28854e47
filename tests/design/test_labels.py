"""Labelled data are paired by their labels wherever they are given, or refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import glmmjax as gj
from glmmjax.batch._responses import as_responses, per_row
from glmmjax.design import build_design, by_label, new_rows, split_design

FORMULA = "y ~ x + g + (1 | s)"
INDEXES = {
    "numbers": pd.RangeIndex(100, 112),
    "text": pd.Index([f"row {k}" for k in range(12)]),
    "dates": pd.date_range("2024-01-01", periods=12, tz="Europe/Paris"),
    "levels": pd.MultiIndex.from_product([["a", "b", "c"], [1, 2, 3, 4]], names=["site", "visit"]),
    "categories": pd.CategoricalIndex(list("lkjihgfedcba")),
}


def series_of(frame, names=("y", "x", "g", "s")):
    return {name: frame[name] for name in names}


@pytest.fixture(params=INDEXES)
def labelled(request, frame):
    return frame.set_axis(INDEXES[request.param])


def test_series_in_a_dict_go_by_their_labels(labelled, check_same):
    expected = build_design(FORMULA, labelled, response="real")
    columns = series_of(labelled)
    for name in ("x", "g", "s"):
        shuffled = columns | {name: columns[name].sample(frac=1, random_state=1)}
        check_same(build_design(FORMULA, shuffled, response="real"), expected)


def test_the_first_column_gives_the_order(labelled):
    columns = series_of(labelled)
    columns = {"y": columns["y"][::-1]} | columns
    design = build_design(FORMULA, columns | {"y": labelled["y"][::-1]}, response="real")
    pd.testing.assert_index_equal(design.frame.index, labelled.index[::-1])
    np.testing.assert_array_equal(design.y, labelled["y"][::-1])


def test_labels_that_some_columns_lack_are_rows_with_missing_values(frame):
    columns = series_of(frame) | {"x": frame["x"][2:], "s": frame["s"][:11]}
    columns["g"] = pd.concat([frame["g"], pd.Series(["a"], index=[99])])
    design = build_design(FORMULA, columns, response="real")
    assert design.dropped_rows == 4
    assert list(design.frame.index) == list(range(2, 11))
    assert design.frame["s"].dtype == np.int64
    whole = frame.assign(b=frame["x"] > 0, n=np.arange(12) + 2**60)
    design = build_design(
        "y ~ b + (1 | n)", series_of(whole, "ybn") | {"y": whole["y"][3:]}, response="positive"
    )
    assert design.frame["b"].dtype == bool
    assert design.random[0].levels[0] == str(2**60 + 3)


def test_labels_that_repeat_are_no_pair(frame):
    repeated = frame.set_axis([0, 0, *range(2, 12)])
    assert (
        build_design(FORMULA, series_of(repeated), response="real").y.tolist()
        == frame["y"].tolist()
    )
    with pytest.raises(
        gj.ModelError, match=r"^Column 'x' of data has row labels that repeat, and other columns"
    ):
        build_design(FORMULA, series_of(frame) | {"x": repeated["x"]}, response="real")


def test_arrays_beside_series_go_by_position_if_the_series_have_one_order(labelled, check_same):
    expected = build_design(FORMULA, labelled, response="real")
    mixed = series_of(labelled) | {"x": labelled["x"].to_numpy(), "s": labelled["s"].tolist()}
    check_same(build_design(FORMULA, mixed, response="real"), expected)
    first = {"x": pl.Series(labelled["x"].to_numpy())} | mixed
    check_same(build_design(FORMULA, first, response="real"), expected)
    mixed["g"] = labelled["g"][::-1]
    with pytest.raises(
        gj.ModelError, match=r"^Column 'x' of data has no row labels, and the Series beside it"
    ):
        build_design(FORMULA, mixed, response="real")
    with pytest.raises(gj.ModelError, match=r"^Column 'x' of data has 11 rows and others 12\.$"):
        build_design(FORMULA, series_of(labelled) | {"x": np.zeros(11)}, response="real")


def test_newdata_are_paired_in_the_same_way(labelled):
    design = build_design(FORMULA, labelled, response="real")
    columns = series_of(labelled, ("x", "g", "s"))
    rows = new_rows(design, columns | {"g": columns["g"].sample(frac=1, random_state=0)})
    np.testing.assert_array_equal(rows.x[0], design.fixed.x)
    pd.testing.assert_index_equal(rows.index, labelled.index)


def test_members_of_a_column_are_paired_in_the_same_way(labelled):
    columns = series_of(labelled) | {"by": pd.Series(list("pq") * 6, labelled.index)}
    levels, parts = split_design(
        FORMULA, columns | {"by": columns["by"][::-1]}, "by", response="real"
    )
    assert levels == ["p", "q"]
    np.testing.assert_array_equal(parts[0].y, labelled["y"][::2])


class TestArguments:
    """Weights and offsets of one model."""

    def test_by_label(self, labelled):
        weights = pd.Series(np.arange(1.0, 13), labelled.index)
        more = pd.concat(
            [
                weights.sample(frac=1, random_state=2),
                weights.set_axis([f"new {k}" for k in range(12)]),
            ]
        )
        for given in (weights, weights[::-1], weights.to_numpy(), more):
            for data in (labelled, series_of(labelled)):
                design = build_design(FORMULA, data, response="real", weights=given, offset=given)
                np.testing.assert_array_equal(design.weights, np.arange(1, 13))
                np.testing.assert_array_equal(design.offset, np.arange(1, 13))

    @pytest.mark.parametrize("argument", ["weights", "offset"])
    def test_other_labels(self, frame, argument):
        for labels in (
            range(1, 13),
            [0, 0, *range(2, 12)],
            map(str, range(12)),
            pd.date_range("2024", periods=12),
        ):
            values = pd.Series(np.ones(12), pd.Index(labels))
            with pytest.raises(
                gj.ModelError, match=f"^The Series given as {argument} has other row labels than"
            ):
                build_design(FORMULA, frame, response="real", **{argument: values})


class TestBatches:
    """Responses, weights and offsets of many members."""

    NAMES = ("one", "two", "three")

    def table(self, index):
        return pd.DataFrame(np.arange(36.0).reshape(12, 3), index, list(self.NAMES))

    def test_responses(self, labelled):
        table = self.table(labelled.index)
        expected = table.to_numpy().T
        for given in (
            table[::-1],
            [table[name][::-1] for name in self.NAMES],
            table.to_numpy().T,
            expected.tolist(),
        ):
            rows = as_responses(given, labelled.index, pairs=False)
            np.testing.assert_array_equal(rows.take(np.arange(3)), expected)

    def test_weights(self, labelled):
        table = self.table(labelled.index)
        expected = table.to_numpy().T
        given = [
            table,
            table[::-1],
            table[["three", "one", "two"]],
            [table[name][::-1] for name in self.NAMES],
        ]
        for values in (
            *given,
            pl.DataFrame(table.to_dict("list")).select("two", "one", "three"),
            expected,
        ):
            np.testing.assert_array_equal(
                per_row("weights", values, self.NAMES, labelled.index), expected
            )
        np.testing.assert_array_equal(
            per_row("weights", table["two"][::-1], self.NAMES, labelled.index), expected[1]
        )
        by_number = table.set_axis(range(3), axis=1)
        np.testing.assert_array_equal(
            per_row("offset", by_number, range(3), labelled.index), expected
        )

    def test_a_square_table_is_not_turned(self, labelled):
        square = pd.DataFrame(
            np.arange(144.0).reshape(12, 12), labelled.index, [f"m{k}" for k in range(12)]
        )
        found = per_row("offset", square[::-1], [f"m{k}" for k in range(12)], labelled.index)
        np.testing.assert_array_equal(found, square.to_numpy().T)

    def test_refusals(self, labelled):
        table = self.table(labelled.index)
        sentences = {
            "The table given as weights has other row labels": table.reset_index(drop=True)[1:],
            "weights is a table whose columns are not called as the members are": table.rename(
                columns={"one": "1"}
            ),
            "The Series given as weights has other row labels": [
                table["one"],
                table["two"][2:],
                table["three"],
            ],
            "weights must be numbers": table.map(lambda value: f"n{value}"),
        }
        for sentence, given in sentences.items():
            with pytest.raises(gj.ModelError, match=f"^{sentence}"):
                per_row("weights", given, self.NAMES, labelled.index)
        with pytest.raises(
            gj.ModelError, match=r"^weights is a table whose columns are not called"
        ):
            per_row("weights", table, range(4), labelled.index)


def test_labels_of_other_types_do_not_match():
    dates = pd.date_range("2024-01-01", periods=2)
    for own in (dates.astype(str), dates.tz_localize("UTC"), dates.to_period("D")):
        with pytest.raises(gj.ModelError, match="other row labels"):
            by_label("offset", pd.Series([1.0, 2.0], own), dates)
