import numpy as np
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design


def read(left, data, response, **arguments):
    return build_design(f"{left} ~ x", data, response=response, **arguments)


@pytest.mark.parametrize("left", ["np.log(y)", "log(y)", "I(np.log(y))"])
def test_a_response_may_be_an_expression(frame, left):
    design = read(left, frame, "real")
    np.testing.assert_allclose(design.y, np.log(frame["y"]))
    assert design.response_name == left


@pytest.mark.parametrize("left", ["I(y > 3)", "y > 3", "over"])
def test_truth_values_are_zeros_and_ones(frame, left):
    frame["over"] = frame["y"] > 3
    np.testing.assert_array_equal(read(left, frame, "binary").y, frame["y"] > 3)


def test_a_name_in_backticks(frame):
    frame["my y"] = frame["y"]
    np.testing.assert_array_equal(read("`my y`", frame, "real").y, frame["y"])
    np.testing.assert_array_equal(read("log(`my y`)", frame, "real").y, np.log(frame["y"]))


@pytest.mark.parametrize(
    "left",
    [
        "hits / size",
        "cbind(hits, size - hits)",
        "cbind(hits, misses)",
        "`my hits` / my.size",
        "hits/(size+0)",
    ],
)
def test_successes_out_of_trials(frame, left):
    frame = frame.assign(misses=frame["size"] - frame["hits"])
    frame["my hits"], frame["my.size"] = frame["hits"], frame["size"]
    frame.loc[4, "hits"] = 3
    design = read(left, frame, "proportion")
    np.testing.assert_array_equal(design.y, np.column_stack([frame["hits"], frame["size"]]))
    np.testing.assert_array_equal(design.weights, np.ones(12))


def test_prior_weights_of_counts_stay(frame):
    assert (
        read("hits / size", frame, "proportion", weights="t").weights.tolist()
        == frame["t"].tolist()
    )


def test_proportions_with_trials_as_weights(frame):
    frame["rate"] = frame["hits"] / frame["size"]
    design = read("rate", frame, "proportion", weights="size")
    np.testing.assert_array_equal(design.y, np.column_stack([frame["hits"], frame["size"]]))
    np.testing.assert_array_equal(design.weights, np.ones(12))


def test_zeros_and_ones_are_single_trials(frame):
    design = read("won", frame, "proportion", weights="t")
    np.testing.assert_array_equal(design.y, np.column_stack([frame["won"], np.ones(12)]))
    np.testing.assert_array_equal(design.weights, frame["t"])


ERRORS = [
    ("y", "count", {}, "The response y must be counts, which are whole, and it is 1.2 in row 0."),
    (
        "x",
        "count",
        {},
        "The response x must be counts, which are not negative, and it is -1 in row 2.",
    ),
    ("x", "positive", {}, "The response x must be positive, and it is -1 in row 2."),
    ("count", "positive", {}, "The response count must be positive, and it is 0 in row 0."),
    ("count", "binary", {}, "The response count must be 0 or 1, and it holds 0, 1, 2, 3, 4, ...."),
    ("g", "binary", {}, "The response g holds text, 'a', 'b', 'c', and 0 and 1 are needed: write"),
    (
        "g",
        "real",
        {},
        (
            "The response g holds text (the first value that is no number is 'a', in row 0), and"
            " numbers are"
        ),
    ),
    ("I(g)", "real", {}, "The expression I(g) must give one number a row."),
    ("log(x)", "real", {}, "log(x) is not a finite number in 3 row(s), the first is row 2."),
    ("foo(y)", "real", {}, "The function 'foo' is not known"),
    ("yy", "real", {}, "Column 'yy' is not in data; near matches are 'y'."),
    ("(", "real", {}, "'(' is never closed"),
    ("y +* x", "real", {}, "The expression y +* x cannot be read as Python."),
    ("size / hits", "proportion", {}, "The response size / hits has no trials in row 1."),
    (
        "size / count2",
        "proportion",
        {},
        "The response size / count2 has more successes than trials in row 0.",
    ),
    ("hits / nn", "proportion", {}, "Column 'nn' is not in data"),
    (
        "y / size",
        "proportion",
        {},
        "The response y must be counts, which are whole, and it is 1.2 in row 0.",
    ),
    (
        "cbind(hits)",
        "proportion",
        {},
        "The response cbind(hits) must have two parts, successes and failures.",
    ),
    (
        "cbind(hits, size)",
        "real",
        {},
        "The response cbind(hits, size) is successes and failures, which only",
    ),
    (
        "y",
        "proportion",
        {},
        "The response y must be a proportion between 0 and 1, and it is 1.2 in row 0.",
    ),
    ("rate", "proportion", {}, "The response rate holds proportions: give trials as weights"),
    (
        "rate",
        "proportion",
        {"weights": "s"},
        "The response rate times its trials must be whole, and it is 2.5 in row 0.",
    ),
    (
        "rate",
        "proportion",
        {"weights": "t"},
        "The trials of the response rate must be whole, and it is 1.18182 in row 1.",
    ),
    ("rate", "proportion", {"weights": "count"}, "The response rate has no trials in row 0."),
    (
        "y",
        "complex",
        {},
        (
            "The kind of response 'complex' is not one of real, positive, nonnegative, unit,"
            " below_one, closed_unit, "
        ),
    ),
]


@pytest.mark.parametrize(("left", "kind", "arguments", "sentence"), ERRORS)
def test_a_response_of_the_wrong_kind_is_one_sentence(frame, left, kind, arguments, sentence):
    frame = frame.assign(rate=frame["hits"] / frame["size"], none=0, all=1, count2=1)
    with pytest.raises(ModelError) as caught:
        read(left, frame, kind, **arguments)
    assert str(caught.value).startswith(sentence)
