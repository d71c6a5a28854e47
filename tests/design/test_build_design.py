import pickle

import numpy as np
import pandas as pd
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design


def test_what_a_design_holds(frame):
    design = build_design(
        "y ~ x + offset(log(t)) + (x | s)", frame, response="real", weights="size", offset="z"
    )
    np.testing.assert_array_equal(design.y, frame["y"])
    np.testing.assert_array_equal(design.weights, frame["size"])
    np.testing.assert_allclose(design.offset, frame["z"] + np.log(frame["t"]))
    assert (design.weights_name, design.offset_name, design.response_name) == ("size", "z", "y")
    assert design.dropped_rows == 0
    assert {array.dtype for array in (design.y, design.weights, design.offset)} == {
        np.dtype(np.float64)
    }


def test_defaults_are_ones_and_zeros(frame):
    design = build_design("y ~ x", frame, response="real")
    np.testing.assert_array_equal(design.weights, np.ones(12))
    np.testing.assert_array_equal(design.offset, np.zeros(12))
    assert design.weights_name is None
    assert design.offset_name is None
    assert design.random == ()


@pytest.mark.parametrize("column", ["y", "x", "g", "s", "t", "size", "z"])
def test_a_missing_value_in_any_used_column_drops_the_row(frame, column):
    frame.loc[5, column] = None
    frame["unused"] = None
    frame.index = pd.Index([f"row {i}" for i in range(12)])
    formula = "y ~ x + C(g) + offset(t) + (1 | s)"
    design = build_design(formula, frame, response="real", weights="size", offset="z")
    assert design.dropped_rows == 1
    assert "row 5" not in design.frame.index
    assert list(design.frame.index) == [f"row {i}" for i in range(12) if i != 5]
    assert {len(design.y), len(design.weights), len(design.offset), len(design.random[0].refs)} == {
        11
    }


def test_arrays_follow_the_dropped_rows(frame):
    frame.loc[3, "x"] = np.nan
    design = build_design(
        "y ~ x", frame, response="real", weights=np.arange(12), offset=list(range(12))
    )
    np.testing.assert_array_equal(design.weights, np.delete(np.arange(12.0), 3))
    np.testing.assert_array_equal(design.offset, np.delete(np.arange(12.0), 3))
    assert list(design.frame.columns) == ["y", "x", "(weights)", "(offset)"]


def test_means_of_transforms_are_those_of_the_kept_rows(frame):
    frame.loc[3, "t"] = np.nan
    design = build_design("y ~ 0 + center(x) + t", frame, response="real")
    assert design.fixed.x[:, 0].sum() == pytest.approx(0)


def test_row_labels_may_repeat(frame):
    frame.index = pd.Index([0, 1] * 6)
    frame.loc[frame["x"] < 0, "x"] = np.nan
    design = build_design("y ~ x*g + scale(t) + (x | s)", frame, response="real")
    kept = frame["x"].notna().to_numpy()
    np.testing.assert_array_equal(design.fixed.x[:, 1], frame["x"].to_numpy()[kept])
    assert list(design.frame.index) == list(frame.index[kept])


ROUND_TRIPS = [
    (
        "y ~ poly(x, 2) + g*h + offset(log(t)) + (1 + x | s) + (1 | g:h)",
        "real",
        {"weights": "size", "offset": "z"},
    ),
    ("count ~ C(s) + bs(t, df=4) + (1 | g)", "count", {"offset": np.linspace(0, 1, 12)}),
    ("hits / size ~ x + (1 | h)", "proportion", {"weights": np.ones(12)}),
    (
        "rate ~ x + (1 | h)",
        "proportion",
        {"weights": np.array([4, 3, 5, 2, 6, 4, 3, 5, 4, 6, 2, 3])},
    ),
    ("I(y > 3) ~ scale(x) + (1 | b)", "binary", {}),
]


@pytest.mark.parametrize(("formula", "response", "arguments"), ROUND_TRIPS)
def test_the_frame_gives_the_same_design_again(frame, formula, response, arguments):
    frame = frame.assign(rate=frame["hits"] / frame["size"], b=frame["x"] > 0)
    frame["g"] = pd.Categorical(frame["g"], categories=["c", "never", "b", "a"])
    frame.loc[4, "x"] = np.nan
    one = build_design(formula, frame, response=response, **arguments)
    kept = pickle.loads(pickle.dumps(one.frame))
    other = build_design(
        one.formula.text,
        kept,
        response=one.response_kind,
        weights=one.weights_name,
        offset=one.offset_name,
    )
    pd.testing.assert_frame_equal(one.frame, other.frame)
    for field in ("y", "weights", "offset"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    assert (one.weights_name, one.offset_name) == (other.weights_name, other.offset_name)
    assert (one.fixed.names, one.fixed.dropped) == (other.fixed.names, other.fixed.dropped)
    np.testing.assert_array_equal(one.fixed.x, other.fixed.x)
    for left, right in zip(one.random, other.random, strict=True):
        assert (left.formula, left.names, left.levels) == (right.formula, right.names, right.levels)
        np.testing.assert_array_equal(left.refs, right.refs)
        np.testing.assert_array_equal(left.z, right.z)


ERRORS = [
    (
        {"weights": "sise"},
        "Column 'sise', given as weights, is not in data; near matches are 'size'.",
    ),
    ({"offset": "none"}, "Column 'none', given as offset, is not in data"),
    (
        {"weights": "g"},
        (
            "Column 'g', given as weights, holds text (the first value that is no number is 'a', in"
            " row 0), and numbers"
        ),
    ),
    (
        {"offset": "g"},
        (
            "Column 'g', given as offset, holds text (the first value that is no number is 'a', in"
            " row 0), and numbers"
        ),
    ),
    ({"weights": np.ones(3)}, "The argument weights has shape (3,), and the data have 12 rows."),
    (
        {"offset": np.ones((12, 1))},
        "The argument offset has shape (12, 1), and the data have 12 rows.",
    ),
    (
        {"offset": ["a"] * 12},
        "The argument offset must be an array of numbers or a column name, not [",
    ),
    ({"weights": np.full(12, np.nan)}, "The argument weights has missing or infinite values."),
    ({"offset": np.full(12, np.inf)}, "The argument offset has missing or infinite values."),
    ({"weights": "inf"}, "Column 'inf' has infinite values."),
    ({"weights": "x"}, "The weights must not be negative, and one is -1.4."),
    ({"weights": np.zeros(12)}, "The weights are all zero."),
]


@pytest.mark.parametrize(("arguments", "sentence"), ERRORS)
def test_faults_of_weights_and_offsets(frame, arguments, sentence):
    frame["inf"] = np.inf
    with pytest.raises(ModelError) as caught:
        build_design("y ~ x", frame, response="real", **arguments)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("offset", ["g", "I(g)", "log(-t)", "tt", "1"])
def test_an_offset_in_the_formula_must_be_numbers(frame, offset):
    with pytest.raises(ModelError):
        build_design(f"y ~ x + offset({offset})", frame, response="real")


def test_a_large_table_is_read_in_time(frame):
    large = frame.iloc[np.tile(np.arange(12), 10_000)]
    design = build_design("y ~ x*g + h + (x | s) + (1 | g:h)", large, response="real")
    assert design.fixed.x.shape == (120_000, 7)
