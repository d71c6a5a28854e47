"""Functions and constants of one's own in formulas."""

import math

import numpy as np
import pandas as pd
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design, new_rows, replace_response, split_design


def dose(x):
    return np.log1p(np.abs(x))


def powers(x):
    return np.column_stack([x, x**2])


CONTEXT = {"dose": dose, "powers": powers, "half": 0.5, "m": math, "never": len}
FORMULA = (
    "dose(y) ~ dose(x) + I(half * x2) + C(g):dose(x) + s(dose(t), k=4) + offset(dose(t)) + (dose(x) | s) "
    "+ ou(dose(t) | h)"
)
KINDS = {"us": "columns", "ou": "line"}


def build(formula, frame, context=CONTEXT, **arguments):
    return build_design(formula, frame, response="real", covariances=KINDS, context=context, **arguments)


def test_functions_are_used_wherever_an_expression_stands(frame, check_same):
    others = {"disp": "~ dose(x2) + I(x * m.pi)"}
    wide = frame.assign(dx=dose(frame["x"]), dt=dose(frame["t"]), dy=dose(frame["y"]), d2=dose(frame["x2"]))
    design = build(FORMULA, frame, others=others)
    plain = build_design(
        "dy ~ dx + I(0.5 * x2) + C(g):dx + s(dt, k=4) + offset(dt) + (dx | s) + ou(dt | h)",
        wide,
        response="real",
        covariances=KINDS,
        others={"disp": f"~ d2 + I(x * {math.pi})"},
    )
    np.testing.assert_allclose(design.y, plain.y)
    np.testing.assert_allclose(design.offset, plain.offset)
    for one, other in zip(design.predictors, plain.predictors, strict=True):
        np.testing.assert_allclose(one.fixed.x, other.fixed.x)
    for one, other in zip(design.random, plain.random, strict=True):
        np.testing.assert_allclose(one.z, other.z)
        np.testing.assert_array_equal(one.refs, other.refs)
    assert set(design.context) == {"dose", "half", "m"}
    check_same(design, build(FORMULA, design.frame, design.context, others=others))


def test_other_rows_and_responses_use_them_too(frame):
    design = build(FORMULA, frame)
    rows = new_rows(design, frame.tail(3))
    np.testing.assert_allclose(rows.x[0], design.fixed.x[-3:])
    np.testing.assert_allclose(rows.offset[0], design.offset[-3:])
    for z, refs, term in zip(rows.z, rows.refs, design.random, strict=True):
        np.testing.assert_allclose(z, term.z[-3:])
        np.testing.assert_array_equal(refs, term.refs[-3:])
    replaced = replace_response(design, design.y[::-1], weights=np.r_[0.0, np.ones(11)], offset=np.ones(12))
    np.testing.assert_allclose(replaced.offset, dose(frame["t"]) + 1)
    again = build(replaced.formula.text, replaced.frame, weights="(weights)", offset="(offset)")
    np.testing.assert_array_equal(again.y, design.y[::-1])


def test_parts_of_a_table_and_several_columns(frame):
    levels, designs = split_design("y ~ powers(x) + (1 | s)", frame, "h", response="real", context=CONTEXT)
    assert levels == ["u", "v"]
    np.testing.assert_array_equal(designs[0].fixed.x[:, 2], frame["x"][frame["h"] == "u"] ** 2)


def test_successes_out_of_trials(frame):
    context = {"double": lambda x: 2 * x}
    design = build_design("double(hits) / double(size) ~ x", frame, response="proportion", context=context)
    np.testing.assert_array_equal(design.y[:, 1], 2 * frame["size"])


REFUSED = {
    "no mapping": (dose, "context must be a dictionary of functions by their names, as {'dose': dose}."),
    "a list": ([dose], "context must be a dictionary of functions by their names, as {'dose': dose}."),
    "no name": ({"my dose": dose}, "context has 'my dose', which is no name that a formula can use."),
    "a number": ({1: dose}, "context has 1, which is no name that a formula can use."),
    "a keyword": ({"lambda": dose}, "context has 'lambda', which is no name that a formula can use."),
    "a transform": ({"scale": dose}, "context has 'scale', which means something in formulas already: choose another"),
    "numpy": ({"np": np}, "context has 'np', which means something in formulas already: choose another name."),
    "a smooth": ({"s": dose}, "context has 's', which means something in formulas already: choose another name."),
    "a column": ({"t": dose}, "context has 't', which is a column of the data as well: choose another name."),
    "rows": ({"v": pd.Series([1.0])}, "context has 'v', which holds rows of data: make it a column of the table."),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_context_that_cannot_be_used_is_one_sentence(frame, kind):
    context, sentence = REFUSED[kind]
    with pytest.raises(ModelError) as caught:
        build("y ~ x", frame.drop(columns="s"), context)
    assert str(caught.value).startswith(sentence)


def boom(x):
    raise RuntimeError("the dose is unknown. See the manual.")


FAULTS = {
    "doses(x)": "The function 'doses' is not known in formulas; use 'dose', or give your own as context={'doses'",
    "dose": "Column 'dose' is not in data",
    "boom(x)": "The term boom(x) cannot be computed: the dose is unknown.",
    "dose(g)": "The term dose(g) cannot be computed: column 'g' holds text (the first value that is no number is 'a'",
    "short(x)": "The terms ",
    "nothing(x)": "The term nothing(x) gives no values.",
    "x:nothing(x)": "The term nothing(x) gives no values.",
    "infinite(x)": "infinite(x) is not a finite number in 12 row(s), the first is row 0.",
}


@pytest.mark.parametrize("terms", FAULTS)
def test_a_fault_inside_of_a_function_is_one_sentence(frame, terms):
    context = {
        "dose": dose,
        "boom": boom,
        "short": lambda x: np.ones(3),
        "infinite": lambda x: x * np.inf,
        "nothing": print,
    }
    with pytest.raises(ModelError) as caught:
        build(f"y ~ {terms}", frame, context)
    assert str(caught.value).startswith(FAULTS[terms])
    assert "\n" not in str(caught.value)
