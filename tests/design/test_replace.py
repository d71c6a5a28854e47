import numpy as np
import pytest

from glmmjax.design import build_design, new_rows, replace_response

RIGHT = "x + scale(t) + offset(log(t)) + (1 + x | s)"


def rebuild(design):
    return build_design(
        design.formula.text,
        design.frame,
        response=design.response_kind,
        weights=design.weights_name,
        offset=design.offset_name,
    )


def another(design):
    """A response of the same kind in the same rows."""
    if design.response_kind == "proportion":
        trials = np.roll(design.y[:, 1], 1)
        return np.column_stack([np.minimum(np.arange(len(trials)) % 5, trials), trials])
    return np.arange(len(design.y)) % (2.0 if design.response_kind == "binary" else 5.0) + (
        design.response_kind == "positive"
    )


# Formula's left side, kind of response, arguments; the left side after.
CASES = [
    ("y", "real", {}, "y"),
    ("`my y`", "real", {"weights": "size", "offset": "z"}, "`my y`"),
    ("count", "count", {"weights": "size", "offset": "z"}, "count"),
    ("y", "positive", {"weights": np.arange(12.0)}, "y"),
    ("won", "binary", {}, "won"),
    ("np.log(y)", "real", {"weights": "size"}, "`np.log(y)`"),
    ("log(`my y`)", "real", {}, "`log(my y)`"),
    ("I(y > 3)", "binary", {}, "`I(y > 3)`"),
    ("hits / size", "real", {}, "`hits / size`"),
    ("hits/size", "proportion", {"weights": "t"}, "hits/size"),
    ("`my hits` / my.size", "proportion", {}, "`my hits` / my.size"),
    ("cbind(hits, misses)", "proportion", {}, "cbind(hits, misses)"),
    ("cbind(hits, size - hits)", "proportion", {}, "cbind(hits, `size - hits`)"),
    ("hits/(size+0)", "proportion", {"offset": np.linspace(0, 1, 12)}, "hits / `size + 0`"),
    ("cbind(size, size)", "proportion", {}, "cbind(size, size_2)"),
    ("rate", "proportion", {"weights": "size"}, "response / trials"),
    ("won", "proportion", {"weights": "size"}, "won"),
    ("", "real", {}, "response"),
    ("", "count", {"weights": "size", "offset": "z"}, "response"),
    ("", "proportion", {}, "response"),
    ("", "proportion", {"weights": "size"}, "response / trials"),
]


@pytest.fixture
def wide(frame):
    frame = frame.assign(misses=frame["size"] - frame["hits"], rate=frame["hits"] / frame["size"])
    frame["my y"], frame["my hits"], frame["my.size"] = frame["y"], frame["hits"], frame["size"]
    frame.loc[4, ["hits", "my hits"]] = 3
    frame.loc[7, "x"] = np.nan
    frame.index = [f"row {i}" for i in range(12)]
    return frame


@pytest.mark.parametrize(("left", "kind", "arguments", "after"), CASES)
class TestTheFrameGivesTheNewDesign:
    def test_with_another_response(self, wide, check_same, left, kind, arguments, after):
        design = build_design(f"{left} ~ {RIGHT}", wide, response=kind, **arguments)
        y = another(design)
        replaced = replace_response(design, y)
        np.testing.assert_array_equal(replaced.y, y)
        assert replaced.response_name == after
        np.testing.assert_array_equal(replaced.weights, design.weights)
        np.testing.assert_array_equal(replaced.offset, design.offset)
        check_same(replaced, rebuild(replaced))
        assert replaced.dropped_rows == 1

    def test_with_other_weights_and_another_offset(
        self, wide, check_same, left, kind, arguments, after
    ):
        design = build_design(f"{left} ~ {RIGHT}", wide, response=kind, **arguments)
        weights, offset = np.linspace(1, 2, 11), np.linspace(-1, 1, 11)
        replaced = replace_response(design, another(design), weights, offset)
        np.testing.assert_array_equal(replaced.weights, weights)
        np.testing.assert_allclose(replaced.offset, offset + np.log(design.frame["t"]))
        check_same(replaced, rebuild(replaced))

    def test_twice(self, wide, check_same, left, kind, arguments, after):
        design = build_design(f"{left} ~ {RIGHT}", wide, response=kind, **arguments)
        y = another(design)
        once = replace_response(
            replace_response(design, y[::-1].copy(), np.ones(11)), y, np.ones(11)
        )
        check_same(once, rebuild(once))
        np.testing.assert_array_equal(once.y, y)

    def test_the_design_itself_stays(self, wide, check_same, left, kind, arguments, after):
        design = build_design(f"{left} ~ {RIGHT}", wide, response=kind, **arguments)
        replace_response(design, another(design), np.full(11, 2.0), np.ones(11))
        if left:
            check_same(design, build_design(f"{left} ~ {RIGHT}", wide, response=kind, **arguments))


def test_a_column_that_the_right_hand_side_uses_is_kept(frame, check_same):
    design = build_design(
        "hits / size ~ C(size) + response + (0 + size | h)",
        frame.assign(response=1.0 * frame["x"]),
        response="proportion",
    )
    same = replace_response(design, np.column_stack([design.y[:, 1] // 2, design.y[:, 1]]))
    assert same.formula == design.formula
    assert same.frame["size"].dtype == np.int64
    check_same(same, rebuild(same))
    other = replace_response(design, another(design))
    assert other.response_name == "hits / size_2"
    check_same(other, rebuild(other))
    one_sided = replace_response(
        build_design("~ response", design.frame, response="real"), np.arange(12)
    )
    assert one_sided.formula.text == "response_2 ~ response"
    check_same(one_sided, rebuild(one_sided))


def test_weights_of_zero_decide_which_columns_are_kept(frame, check_same):
    design = build_design("y ~ g + x", frame, response="real")
    replaced = replace_response(design, np.arange(12), (frame["g"] != "c").to_numpy(np.float64))
    assert replaced.fixed.dropped == ("g[T.c]",)
    check_same(replaced, rebuild(replaced))


def test_columns_that_are_used_no_more_are_not_kept(frame):
    design = build_design("np.log(y) ~ x", frame, response="real", weights="size", offset="t")
    replaced = replace_response(design, np.arange(12), np.ones(12))
    assert list(replaced.frame.columns) == ["np.log(y)", "x", "(weights)", "t"]


def test_other_rows_are_read_as_before(frame):
    design = build_design(f"np.log(y) ~ {RIGHT}", frame, response="real", offset="z")
    replaced = replace_response(design, np.arange(12))
    for one, other in zip(new_rows(design, frame).z, new_rows(replaced, frame).z, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(new_rows(design, frame).offset, new_rows(replaced, frame).offset)
