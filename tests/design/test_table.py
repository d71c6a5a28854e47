import sys
from decimal import Decimal

import jax.numpy as jnp
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design, new_rows

FORMULA = "count ~ x + g + (1 + x | s) + (1 | h)"

TABLES = {
    "polars": pl.from_pandas,
    "pyarrow": lambda frame: pa.Table.from_pandas(frame),
    "dict of arrays": lambda frame: {name: column.to_numpy() for name, column in frame.items()},
    "dict of lists": lambda frame: frame.to_dict("list"),
    "dict of polars series": lambda frame: {
        name: pl.Series(column) for name, column in frame.items()
    },
    "dict of jax arrays": lambda frame: {**frame.to_dict("list"), "s": jnp.array(frame["s"])},
    "narwhals": nw.from_native,
    "pandas nullable": lambda frame: frame.convert_dtypes(dtype_backend="numpy_nullable"),
    "pandas arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "pandas objects": lambda frame: frame.astype(object),
    "pandas categorical": lambda frame: frame.astype({"g": "category", "h": "category"}),
}


def check_same(one, other):
    np.testing.assert_array_equal(one.y, other.y)
    np.testing.assert_array_equal(one.fixed.x, other.fixed.x)
    assert one.fixed.names == other.fixed.names
    for left, right in zip(one.random, other.random, strict=True):
        assert left.levels == right.levels
        np.testing.assert_array_equal(left.refs, right.refs)
        np.testing.assert_array_equal(left.z, right.z)


@pytest.mark.parametrize("kind", TABLES)
def test_any_table_gives_the_design_of_the_pandas_frame(frame, kind):
    check_same(
        build_design(FORMULA, TABLES[kind](frame), response="count"),
        build_design(FORMULA, frame, response="count"),
    )


def test_polars_needs_no_pyarrow(frame, monkeypatch):
    table = pl.DataFrame(
        {**frame.to_dict("list"), "count": [None, *frame["count"][1:]]}
    ).with_columns(g=pl.col("g").cast(pl.Enum(["c", "b", "a"])), h=pl.col("h").cast(pl.Categorical))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    design = build_design(FORMULA, table, response="count")
    assert design.fixed.names == ("Intercept", "x", "g[T.b]", "g[T.a]")
    assert design.dropped_rows == 1
    assert new_rows(design, table.tail(2)).x[0].shape == (2, 4)


def test_order_of_levels_is_that_of_the_table(frame):
    backwards = pd.Categorical(frame["g"], categories=["c", "b", "a"])
    dictionary = pa.DictionaryArray.from_arrays(backwards.codes, ["c", "b", "a"])
    tables = [
        frame.assign(g=backwards),
        frame.assign(
            g=pd.Series(backwards.codes)
            .map(dict(enumerate("cba")))
            .astype(pd.CategoricalDtype(list("cba")))
        ),
        {**frame, "g": backwards},
        pa.table({**frame.to_dict("list"), "g": dictionary}),
        frame.assign(g=pd.Series(dictionary, dtype=pd.ArrowDtype(dictionary.type))),
        pl.DataFrame(
            {
                **frame.to_dict("list"),
                "g": pl.Series(frame["g"].tolist(), dtype=pl.Enum(["c", "b", "a"])),
            }
        ),
    ]
    for table in tables:
        assert build_design("y ~ g", table, response="real").fixed.names == (
            "Intercept",
            "g[T.b]",
            "g[T.a]",
        )


def test_a_polars_categorical_is_ordered_by_its_text(frame):
    table = pl.DataFrame(
        {**frame.to_dict("list"), "g": pl.Series(["c", "b", "a"] * 4, dtype=pl.Categorical)}
    )
    assert build_design("y ~ g", table, response="real").fixed.names == (
        "Intercept",
        "g[T.b]",
        "g[T.c]",
    )


@pytest.mark.parametrize(
    "kind", ["polars", "pyarrow", "pandas nullable", "pandas arrow", "pandas objects"]
)
def test_whole_numbers_and_truth_values_keep_their_type_beside_missing_ones(frame, kind):
    frame = frame.astype({"s": "Int64"}).assign(
        b=pd.array([None, *(frame["x"][1:] > 0)], dtype="boolean")
    )
    frame.loc[2, "s"] = pd.NA
    design = build_design("y ~ b + (1 | s)", TABLES[kind](frame), response="real")
    assert design.dropped_rows == 2
    assert design.random[0].levels == ("7", "8", "9", "10")
    assert design.frame["b"].dtype == bool


def test_narrow_numbers_do_not_overflow(frame):
    frame["small"] = np.full(12, 100, np.int8)
    frame["small"] += np.arange(12, dtype=np.int8)
    wide = build_design(
        "y ~ 0 + small:small2", frame.assign(small2=frame["small"]), response="real"
    )
    np.testing.assert_array_equal(wide.fixed.x[:, 0], (100.0 + np.arange(12)) ** 2)


def test_only_used_columns_are_converted(frame):
    frame["when"] = pd.Timestamp("2026-01-01")
    frame["mess"] = [object()] * 12
    design = build_design("y ~ x", frame, response="real")
    assert list(design.frame.columns) == ["y", "x"]


def test_decimals_are_numbers(frame):
    frame["d"] = [Decimal(k) for k in range(12)]
    for table in (frame, pl.DataFrame(frame.to_dict("list"))):
        np.testing.assert_array_equal(
            build_design("y ~ 0 + d", table, response="real").fixed.x[:, 0], range(12)
        )


COLUMNS = {
    "infinite": ([np.inf, *range(11)], "Column 'bad' has infinite values."),
    "complex": ([1j] * 12, "Column 'bad' holds complex values"),
    "mixed": ([1, "a"] * 6, "Column 'bad' holds mixed-integer values"),
    "nested": ([[1], [2]] * 6, "Column 'bad' holds mixed values"),
    "huge": (np.full(12, 2**64 - 1, np.uint64), "Column 'bad' holds whole numbers above 2^63"),
    "huge below zero": ([-(2**70)] * 12, "Column 'bad' holds whole numbers above 2^63"),
    "huge objects": ([2**70] * 12, "Column 'bad' holds whole numbers above 2^63"),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("use", ["bad", "(1 | bad)"])
def test_a_column_that_cannot_be_used_is_named(frame, kind, use):
    values, sentence = COLUMNS[kind]
    frame["bad"] = pd.Series(values)
    with pytest.raises(ModelError) as caught:
        build_design(f"y ~ {use}", frame, response="real")
    assert str(caught.value).startswith(sentence)


DATA = {
    "an array": (np.ones((3, 2)), "data must be a pandas or polars DataFrame, .* not ndarray"),
    "a list": ([1, 2], "data must be a pandas or polars DataFrame, .* not list"),
    "nothing": (None, "data must be a pandas or polars DataFrame, .* not NoneType"),
    "a lazy frame": (pl.LazyFrame({"y": [1]}), "The table data is lazy: collect it first."),
    "an empty dict": ({}, "data has no columns."),
    "a dict of numbers": ({"y": 1, "x": 2}, "Column 'y' of data is a single value."),
    "unequal lengths": (
        {"y": [1.0, 2.0, 3.0], "x": [1.0, 2.0]},
        "Column 'x' of data has 2 rows and others 3.",
    ),
    "two dimensions": (
        {"y": [1.0, 2.0], "x": np.ones((2, 2))},
        "Column 'x' must have one dimension, not 2.",
    ),
    "ragged": ({"y": [1.0, 2.0], "x": [[1], [1, 2]]}, "Column 'x' is no array of one value a row."),
    "pandas twice": (
        pd.DataFrame([[1, 2, 3]], columns=["y", "x", "x"]),
        "Column 'x' stands more than once in data.",
    ),
    "arrow twice": (
        pa.table([[1], [2], [3]], ["y", "x", "x"]),
        "Column 'x' stands more than once in data.",
    ),
    "no rows": (
        {"y": [], "x": []},
        "No row of data has a value in every column that the model uses.",
    ),
    "none": (
        {"y": [1.0, 2.0], "x": [None, None]},
        "No row of data has a value in every column that the model uses: column 'x' has none.",
    ),
    "all missing": (
        {"y": [1.0, None], "x": [None, 2.0]},
        "No row of data has a value in every column",
    ),
}


@pytest.mark.parametrize("kind", DATA)
def test_a_table_that_cannot_be_used_is_one_sentence(kind):
    data, sentence = DATA[kind]
    with pytest.raises(ModelError, match=f"^{sentence}"):
        build_design("y ~ x", data, response="real")
