import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmmjax._errors import ModelError
from glmmjax.design import build_design


def term(formula, data, response="positive"):
    (part,) = build_design(f"y ~ {formula}", data, response=response).random
    return part


def test_an_intercept_is_implied_as_in_r(frame):
    assert term("(x | s)", frame).names == ("Intercept", "x")
    assert term("(0 + x | s)", frame).names == ("x",)
    assert term("(x - 1 | s)", frame).names == ("x",)
    assert term("(0 + g | s)", frame).names == ("g[a]", "g[b]", "g[c]")
    np.testing.assert_array_equal(
        term("(x | s)", frame).z, np.column_stack([np.ones(12), frame["x"]])
    )


def test_levels_of_numbers_text_and_truth_values_are_sorted(frame):
    assert term("(1 | s)", frame).levels == ("7", "8", "9", "10")
    np.testing.assert_array_equal(term("(1 | s)", frame).refs, np.repeat([3, 2, 1, 0], 3))
    assert term("(1 | h)", frame.assign(h=frame["h"][::-1].to_numpy())).levels == ("u", "v")
    assert term("(1 | b)", frame.assign(b=frame["x"] > 0)).levels == ("False", "True")
    assert term("(1 | s)", frame.assign(s=frame["s"] / 2)).levels == ("3.5", "4", "4.5", "5")


def test_a_categorical_keeps_its_order_and_loses_unused_levels(frame):
    frame["g"] = pd.Categorical(frame["g"], categories=["c", "never", "a", "b"])
    part = term("(1 | g)", frame)
    assert part.levels == ("c", "a", "b")
    assert part.refs[:3].tolist() == [1, 2, 0]


def test_levels_of_an_interaction_are_those_that_occur_in_order(frame):
    # lme4: levels(lFormula(y ~ (1 | g:h), d)$reTrms$flist[[1]])
    part = term("(1 | g:h)", frame)
    assert part.levels == ("a:u", "a:v", "b:v", "c:u")
    pairs = (frame["g"] + ":" + frame["h"]).tolist()
    assert [part.levels[ref] for ref in part.refs] == pairs


def test_nesting_gives_two_terms(frame):
    outer, inner = build_design("y ~ (1 | h/s)", frame, response="positive").random
    assert (outer.formula.group, inner.formula.group) == ("h", "h:s")
    assert inner.levels == ("u:7", "u:8", "u:9", "u:10", "v:7", "v:8", "v:9", "v:10")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=4, max_size=30))
def test_interactions_of_three_columns(rows):
    data = pd.DataFrame(rows, columns=["a", "b", "c"]).assign(y=np.arange(1.0, len(rows) + 1))
    if len(set(rows)) == 1:
        return
    part = term("(1 | a:b:c)", data)
    expected = sorted(set(rows))
    assert part.levels == tuple(":".join(map(str, row)) for row in expected)
    assert [expected[ref] for ref in part.refs] == rows
    assert [
        tuple(int(part.factor_levels[j][cell]) for j, cell in enumerate(row)) for row in part.cells
    ] == expected


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("(1 | gg)", "Column 'gg' is not in data; near matches are 'g'."),
        ("(1 | g:hh)", "Column 'hh' is not in data; near matches are 'h'."),
        ("(xx | g)", "Column 'xx' is not in data; near matches are 'x'."),
        ("(0 | g)", "The random term (0 | g) has no columns."),
    ],
)
def test_faults_of_a_random_term(frame, formula, sentence):
    with pytest.raises(ModelError) as caught:
        build_design(f"y ~ {formula}", frame.drop(columns="x2"), response="real")
    assert str(caught.value) == sentence


@pytest.mark.parametrize("group", ["one", "one:same"])
def test_a_factor_may_have_one_level(frame, group):
    design = build_design(f"y ~ (1 | {group})", frame.assign(one="k", same="k"), response="real")
    assert len(design.random[0].levels) == 1
