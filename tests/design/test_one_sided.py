import numpy as np
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design


@pytest.mark.parametrize("kind", ["real", "positive", "count", "binary", "proportion"])
def test_all_but_the_response_is_the_same(frame, check_same, kind):
    left = {"proportion": "won", "binary": "won", "count": "count"}.get(kind, "y")
    one = build_design("~ x + C(g) + offset(log(t)) + (x | s)", frame, response=kind, offset="z")
    two = build_design(
        f"{left} ~ x + C(g) + offset(log(t)) + (x | s)", frame, response=kind, offset="z"
    )
    assert not one.has_response
    assert two.has_response
    assert (one.response_name, one.y.shape) == ("", two.y.shape)
    assert np.isnan(one.y if kind != "proportion" else one.y[:, 0]).all()
    np.testing.assert_array_equal(one.fixed.x, two.fixed.x)
    np.testing.assert_array_equal(one.offset, two.offset)
    np.testing.assert_array_equal(one.random[0].refs, two.random[0].refs)
    assert list(one.frame.columns) == list(two.frame.columns)[1:]
    check_same(one, build_design(one.formula.text, one.frame, response=kind, offset="z"))


def test_weights_of_proportions_are_trials(frame):
    one = build_design("~ x", frame, response="proportion")
    np.testing.assert_array_equal(one.y[:, 1], np.ones(12))
    given = build_design("~ x", frame, response="proportion", weights="size")
    np.testing.assert_array_equal(given.y[:, 1], frame["size"])
    np.testing.assert_array_equal(given.weights, np.ones(12))


def test_weights_of_other_kinds_stay(frame):
    np.testing.assert_array_equal(
        build_design("~ x", frame, response="count", weights="size").weights, frame["size"]
    )


def test_a_formula_may_use_no_column_at_all(frame):
    design = build_design("~ 1", frame, response="real")
    np.testing.assert_array_equal(design.fixed.x, np.ones((12, 1)))
    assert design.frame.shape == (12, 0)


ERRORS = [
    ("~ x", "proportion", {"weights": "count"}, "The model has no trials in row 0."),
    (
        "~ x",
        "proportion",
        {"weights": "t"},
        "The trials of the model must be whole, and it is 1.18182 in row 1.",
    ),
    ("~ x", "complex", {}, "The kind of response 'complex' is not one of"),
    ("~ xx", "real", {}, "Column 'xx' is not in data"),
]


@pytest.mark.parametrize(("formula", "kind", "arguments", "sentence"), ERRORS)
def test_what_can_be_checked_is(frame, formula, kind, arguments, sentence):
    with pytest.raises(ModelError) as caught:
        build_design(formula, frame, response=kind, **arguments)
    assert str(caught.value).startswith(sentence)
