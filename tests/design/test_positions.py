import pickle

import numpy as np
import pandas as pd
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import (
    build_design,
    is_identified,
    new_rows,
    replace_response,
    split_design,
    subset_rows,
)

KINDS = {
    "us": "columns",
    "diag": "columns",
    "rr": "columns",
    "ar1": "order",
    "ou": "line",
    "exp": "space",
}


@pytest.fixture
def series():
    """Four series of five times with a gap, at six points of a map."""
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "y": rng.normal(size=20),
            "x": rng.normal(size=20),
            "t": np.tile([7, 3, 4, 9, 5], 4),
            "g": np.repeat(list("abcd"), 5),
            "u": np.tile([0.5, 0.5, 1.0, -1.0], 5),
            "v": np.tile([2, 1, 0, 0, 2], 4),
            "one": 1,
        }
    )


def build(right, data, response="real"):
    return build_design(f"y ~ {right}", data, response=response, covariances=KINDS)


def term(right, data):
    (part,) = build(right, data).random
    return part


@pytest.mark.parametrize("left", ["t", "0 + t", "t + 0", "-1 + t", "t - 1"])
def test_numbers_in_order(series, left):
    part = term(f"ar1({left} | g)", series)
    assert part.names == ("3", "4", "5", "7", "9")
    assert part.levels == tuple("abcd")
    np.testing.assert_array_equal(part.coordinates, [[0], [1], [2], [4], [6]])
    np.testing.assert_array_equal(part.position, np.tile([3, 0, 1, 4, 2], 4))
    np.testing.assert_array_equal(part.z, np.ones((20, 1)))
    np.testing.assert_array_equal(part.refs, np.repeat(range(4), 5))
    assert part.position.dtype == np.intp
    assert part.coordinates.dtype == np.float64
    assert (part.matrix, part.is_smooth) == (None, False)


def test_steps_of_any_size(series):
    part = term("ar1(t | g)", series.assign(t=0.1 * series["t"] - 5))
    assert part.names == ("-4.7", "-4.6", "-4.5", "-4.3", "-4.1")
    np.testing.assert_array_equal(part.coordinates[:, 0], [0, 1, 2, 4, 6])
    seconds = term("ar1(t | g)", series.assign(t=1.7e9 + series["t"]))
    np.testing.assert_array_equal(seconds.coordinates[:, 0], [0, 1, 2, 4, 6])


def test_numbers_that_differ_by_rounding_are_one_position(series):
    part = term("ar1(t | g)", series.assign(t=np.tile([0.1 + 0.2, 0.3, 0.1, 0.2, 0.4], 4)))
    assert part.names == ("0.1", "0.2", "0.3", "0.4")
    np.testing.assert_array_equal(part.position[:5], [2, 2, 0, 1, 3])


def test_an_expression_as_time(series):
    part = term("ar1(I(t / 2) | g)", series)
    assert part.names == ("1.5", "2", "2.5", "3.5", "4.5") == term("ar1({t/2} | g)", series).names
    np.testing.assert_array_equal(
        new_rows(build("ou(center(t) | g)", series), series.tail(1)).positions, [[2]]
    )


def test_levels_of_a_categorical_that_do_not_occur_are_gaps(series):
    series["t"] = pd.Categorical(
        series["t"].map(lambda t: f"day {t}"), [f"day {k}" for k in range(12)]
    )
    design = build("t + ar1(0 + t | g) + (1 | t)", series)
    part = design.random[0]
    assert part.names == ("day 3", "day 4", "day 5", "day 7", "day 9")
    np.testing.assert_array_equal(part.coordinates[:, 0], [3, 4, 5, 7, 9])
    np.testing.assert_array_equal(part.position, np.tile([3, 0, 1, 4, 2], 4))
    assert design.fixed.names == (
        "Intercept",
        "t[T.day 4]",
        "t[T.day 5]",
        "t[T.day 7]",
        "t[T.day 9]",
    )
    assert design.fixed.dropped == ()
    assert design.random[1].levels == part.names
    np.testing.assert_array_equal(new_rows(design, series).x[0], design.fixed.x)
    with pytest.raises(ModelError, match="levels of t that the model was not fitted to: 'day 6'"):
        new_rows(design, series.head(1).assign(t="day 6"))


def test_a_gap_from_dropped_rows_stays(series):
    series["t"] = series["t"].astype("category")
    series.loc[series["t"] == 5, "x"] = np.nan
    np.testing.assert_array_equal(term("x + ar1(t | g)", series).coordinates[:, 0], [0, 1, 3, 4])


def test_text_is_sorted(series):
    part = term("ar1(t | g)", series.assign(t=series["t"].map(str)))
    assert part.names == ("3", "4", "5", "7", "9")
    np.testing.assert_array_equal(part.coordinates[:, 0], range(5))


def test_times_of_any_distance(series):
    part = term("ou(t + 0 | g)", series.assign(t=np.sqrt(series["t"])))
    np.testing.assert_array_equal(part.coordinates, np.sqrt([[3], [4], [5], [7], [9]]))
    assert part.names[1] == "2"
    np.testing.assert_array_equal(part.position, np.tile([3, 0, 1, 4, 2], 4))


@pytest.mark.parametrize("left", ["u + v", "0 + u + v", "u + v + 0"])
def test_points_in_space(series, left):
    part = term(f"exp({left} | one)", series)
    points = sorted(set(zip(series["u"], series["v"], strict=True)))
    np.testing.assert_array_equal(part.coordinates, points)
    np.testing.assert_array_equal(part.coordinates[part.position], series[["u", "v"]])
    assert part.names[:2] == ("(-1, 0)", "(-1, 1)")
    assert part.levels == ("1",)
    assert term("exp(u | one)", series).names == ("(-1)", "(0.5)", "(1)")
    assert term("exp(u + v + x | one)", series).coordinates.shape == (20, 3)


def test_two_rows_may_share_a_position(series):
    assert term("ar1(t | one)", series).levels == ("1",)
    assert np.bincount(term("ar1(t | one)", series).position).tolist() == [4] * 5


def test_reduced_rank_has_columns(series):
    part = term("rr(0 + g | t, d=1)", series.assign(g=np.tile(["a", "b"], 10)))
    assert part.names == ("g[a]", "g[b]")
    assert part.position is None


ERRORS = {
    "ar1(1 + t | g)": "The term ar1(1 + t | g) takes one variable, as in ar1(t | g).",
    "ar1(t + u | g)": "The term ar1(t + u | g) takes one variable, as in ar1(t | g).",
    "ar1(t:u | g)": "The term ar1(t:u | g) takes one variable, as in ar1(t | g).",
    "ou(1 | g)": "The term ou(1 | g) takes one variable, as in ou(t | g).",
    "ar1(u | g)": (
        "The values of u in ar1(u | g) are not equally spaced: write ou(u | g) for times of any"
        " distance."
    ),
    "ou(g | one)": "Column 'g' holds text (the first value that is no number is 'a', in row 0)",
    "exp(u + g | one)": (
        "Column 'g' holds text (the first value that is no number is 'a', in row 0)"
    ),
    "exp(1 + u | one)": "The term exp(1 + u | one) takes coordinates, as in exp(x + y | one).",
    "exp(u - v | one)": "The term exp(u - v | one) takes coordinates, as in exp(x + y | one).",
    "ar1(C(t) | g)": "The expression C(t) of the term ar1(C(t) | g) must give one number a row.",
    "exp(u*v | one)": "The term exp(u*v | one) takes coordinates, as in exp(x + y | one).",
    "ar1(tt | g)": "Column 'tt' is not in data; near matches are 't'.",
    "ar1(one | g)": "The random term ar1(one | g) has one position, 1, and needs two or more.",
    "ou(np.ones(3) | g)": "The terms I(np.ones(3)) give 3 values for 20 rows.",
    "toep(t | g)": "'toep' is no known covariance structure; known are us, diag, rr, ar1, ou, exp.",
}


@pytest.mark.parametrize("right", ERRORS)
def test_faults_of_positions(series, right):
    with pytest.raises(ModelError) as caught:
        build(right, series.assign(u=series["u"] + (series["u"] == 1) * 0.2))
    assert str(caught.value).startswith(ERRORS[right])


def test_only_two_structures_are_known_by_default(series):
    with pytest.raises(
        ModelError, match=r"^'ar1' is no known covariance structure; known are us, diag\.$"
    ):
        build_design("y ~ ar1(t | g)", series, response="real")


ALL = "ar1(t | g) + ou(t | g) + exp(u + v | one) + (1 | g)"


def test_the_rows_of_the_model_come_back(series):
    design = build(ALL, series)
    rows = new_rows(design, series)
    for part, z, refs, position in zip(
        design.random, rows.z, rows.refs, rows.positions, strict=True
    ):
        np.testing.assert_array_equal(z, part.z)
        np.testing.assert_array_equal(refs, part.refs)
        np.testing.assert_array_equal(position, part.position)


def test_positions_not_seen_are_minus_one(series):
    design = build(ALL, series)
    newdata = {
        "t": [3, 6, 3.5, 9],
        "u": [0.5, 0.5, -1, 1],
        "v": [1, 1, 2, 7],
        "g": list("adbz"),
        "one": 1,
    }
    rows = new_rows(design, pd.DataFrame(newdata))
    ar1, ou, space, none = rows.positions
    assert ar1.tolist() == ou.tolist() == [0, -1, -1, 4]
    known = [tuple(point) for point in design.random[2].coordinates]
    points = zip(newdata["u"], newdata["v"], strict=True)
    assert space.tolist() == [known.index(point) if point in known else -1 for point in points]
    assert none is None
    assert rows.refs[0].tolist() == [0, 3, 1, -1]


def test_a_categorical_position_is_found_by_its_label(series):
    design = build("ar1(t | g)", series.assign(t=series["t"].astype("category")))
    for times in ([9, 6, 3], ["9", "new", "3"], pd.Categorical(["9", "6", "3"])):
        assert new_rows(design, {"t": times, "g": list("abc")}).positions[0].tolist() == [4, -1, 0]


def test_only_the_columns_that_are_needed(series):
    design = build("x + " + ALL, series)
    rows = new_rows(design, {"x": [1.0, 2.0]}, random=False, groups=False)
    np.testing.assert_array_equal(rows.z, np.zeros((4, 2, 1)))
    np.testing.assert_array_equal(rows.refs, np.full((4, 2), -1))
    assert [None if p is None else p.tolist() for p in rows.positions] == [[-1, -1]] * 3 + [None]
    rows = new_rows(
        design, {"x": [1.0, 2.0], "t": [3, 6], "u": [0.5, 0], "v": [1, 0]}, groups=False
    )
    np.testing.assert_array_equal(rows.z, np.ones((4, 2, 1)))
    np.testing.assert_array_equal(rows.refs, np.full((4, 2), -1))
    assert rows.positions[0].tolist() == [0, -1]
    with pytest.raises(ModelError, match=r"^Column 't' is not in newdata\.$"):
        new_rows(design, {"x": [1.0], "u": [1.0], "v": [1.0]}, groups=False)
    with pytest.raises(ModelError, match="Column 't' holds numbers written as text"):
        new_rows(design, series.assign(t="3"))


def test_a_subset_has_all_positions(series):
    design = build(ALL, series)
    rows = np.array([0, 5, 6])
    part = subset_rows(design, rows)
    for own, whole in zip(part.random, design.random, strict=True):
        assert own.names == whole.names
        np.testing.assert_array_equal(own.coordinates, whole.coordinates)
        if whole.position is not None:
            np.testing.assert_array_equal(own.position, whole.position[rows])
        np.testing.assert_array_equal(own.z, whole.z[rows])
    assert part.random[0].levels == ("a", "b")


def test_split_designs_share_their_positions(series):
    levels, designs = split_design(
        "y ~ ar1(t | one)", series, "g", response="real", covariances=KINDS
    )
    assert levels == list("abcd")
    assert {design.random[0].names for design in designs} == {("3", "4", "5", "7", "9")}
    assert all(is_identified(design) for design in designs)
    assert not is_identified(subset_rows(designs[0], np.array([0, 0, 0])))


def test_as_many_positions_as_rows_are_allowed(series):
    assert len(term("exp(u + x | one)", series).names) == 20
    assert len(term("ar1(t | g)", series).names) * 4 == 20


def test_the_frame_gives_the_same_design_again(series, check_same):
    series["f"] = pd.Categorical(series["t"], range(12))
    series.loc[3, "x"] = np.nan
    design = build("x + f + ar1(f | g) + " + ALL, series)
    frame = pickle.loads(pickle.dumps(design.frame))
    check_same(design, build_design(design.formula.text, frame, response="real", covariances=KINDS))
    replaced = replace_response(design, np.arange(19.0), np.ones(19))
    again = build_design(
        replaced.formula.text,
        replaced.frame,
        response="real",
        weights="(weights)",
        covariances=KINDS,
    )
    check_same(replaced, again)
    np.testing.assert_array_equal(again.random[0].coordinates[:, 0], [3, 4, 5, 7, 9])
