"""Functions and constants of one's own in formulas."""

import math
from fractions import Fraction

import jax
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
    "dose(y) ~ dose(x) + I(half * x2) + C(g):dose(x) + s(dose(t), k=4) + offset(dose(t)) + (dose(x)"
    " | s) + ou(dose(t) | h)"
)
KINDS = {"us": "columns", "ou": "line"}


def build(formula, frame, context=CONTEXT, **arguments):
    return build_design(
        formula, frame, response="real", covariances=KINDS, context=context, **arguments
    )


def test_functions_are_used_wherever_an_expression_stands(frame, check_same):
    others = {"disp": "~ dose(x2) + I(x * m.pi)"}
    wide = frame.assign(
        dx=dose(frame["x"]), dt=dose(frame["t"]), dy=dose(frame["y"]), d2=dose(frame["x2"])
    )
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
    replaced = replace_response(
        design, design.y[::-1], weights=np.r_[0.0, np.ones(11)], offset=np.ones(12)
    )
    np.testing.assert_allclose(replaced.offset, dose(frame["t"]) + 1)
    again = build(replaced.formula.text, replaced.frame, weights="(weights)", offset="(offset)")
    np.testing.assert_array_equal(again.y, design.y[::-1])


def test_parts_of_a_table_and_several_columns(frame):
    levels, designs = split_design(
        "y ~ powers(x) + (1 | s)", frame, "h", response="real", context=CONTEXT
    )
    assert levels == ["u", "v"]
    np.testing.assert_array_equal(designs[0].fixed.x[:, 2], frame["x"][frame["h"] == "u"] ** 2)


def test_successes_out_of_trials(frame):
    context = {"double": lambda x: 2 * x}
    design = build_design(
        "double(hits) / double(size) ~ x", frame, response="proportion", context=context
    )
    np.testing.assert_array_equal(design.y[:, 1], 2 * frame["size"])


REFUSED = {
    "no mapping": (
        dose,
        "context must be a dictionary of functions by their names, as {'dose': dose}.",
    ),
    "a list": (
        [dose],
        "context must be a dictionary of functions by their names, as {'dose': dose}.",
    ),
    "no name": (
        {"my dose": dose},
        "context has 'my dose', which is no name that a formula can use.",
    ),
    "a number": ({1: dose}, "context has 1, which is no name that a formula can use."),
    "a keyword": (
        {"lambda": dose},
        "context has 'lambda', which is no name that a formula can use.",
    ),
    "a transform": (
        {"scale": dose},
        "context has 'scale', which means something in formulas already: choose another",
    ),
    "numpy": (
        {"np": np},
        "context has 'np', which means something in formulas already: choose another name.",
    ),
    "a smooth": (
        {"s": dose},
        "context has 's', which means something in formulas already: choose another name.",
    ),
    "a column": (
        {"t": dose},
        "context has 't', which is a column of the data as well: choose another name.",
    ),
    "rows": (
        {"v": pd.Series([1.0])},
        "context has 'v', which holds rows of data: make it a column of the table.",
    ),
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
    "doses(x)": (
        "The function 'doses' is not known in formulas; use 'dose', or give your own as"
        " context={'doses'"
    ),
    "dose": "'dose' is in context, and no column of the data: call it, as dose(x).",
    "(half | s)": (
        "'half' is in context, and no column of the data: write an expression, as I(half * x)."
    ),
    "offset(half)": (
        "'half' is in context, and no column of the data: write an expression, as I(half * x)."
    ),
    "I(half)": (
        "'half' is in context, and no column of the data: write an expression, as I(half * x)."
    ),
    "boom(x)": "The term boom(x) cannot be computed: the dose is unknown.",
    "dose(g)": (
        "The term dose(g) cannot be computed: column 'g' holds text (the first value that is no"
        " number is 'a'"
    ),
    "x + short(x)": (
        "The terms x + short(x) cannot be used: short(x) gives 3 values for 12 rows, and a value a"
        " row is"
    ),
    "x:powers(t)[:3]": (
        "The terms x:powers(t)[:3] cannot be used: powers(t)[:3] gives 3 values for 12 rows, and a"
    ),
    "I(np.mean(x))": (
        "The terms I(np.mean(x)) cannot be used: I(np.mean(x)) gives one value for 12 rows, and a"
        " value a"
    ),
    "traced(x)": (
        "The term traced(x) cannot be computed: functions are given pandas Series, of which this"
        " one wants"
    ),
    "Series(x)": (
        "The term Series(x) gives a Series whose row labels are not those of the data in their"
        " order: let"
    ),
    "fraction(x)": (
        "The term fraction(x) gives mixed values as objects: turn them into numbers, or write"
        " C(fraction"
    ),
    "label(x)": (
        "Column 'label(x)' holds numbers written as text: make it numbers, or write C(label(x))"
    ),
    "date(s)": "The term date(s) gives dates or times: turn them into numbers.",
    "cut(x, [0, 9])": (
        "The term cut(x, [0, 9]) gives missing values in 3 row(s), the first is row 2."
    ),
    "nothing(x)": "The term nothing(x) gives no values.",
    "x:nothing(x)": "The term nothing(x) gives no values.",
    "infinite(x)": "infinite(x) is not a finite number in 12 row(s), the first is row 0.",
}


@pytest.mark.parametrize("terms", FAULTS)
def test_a_fault_inside_of_a_function_is_one_sentence(frame, terms):
    context = {
        "dose": dose,
        "half": 0.5,
        "powers": powers,
        "boom": boom,
        "traced": jax.nn.softplus,
        "Series": lambda x: pd.Series(x.to_numpy(), range(1, 13)),
        "fraction": lambda x: x.map(Fraction),
        "label": lambda x: x.astype(str),
        "date": pd.to_datetime,
        "cut": pd.cut,
        "short": lambda x: np.ones(3),
        "infinite": lambda x: x * np.inf,
        "nothing": print,
    }
    with pytest.raises(ModelError) as caught:
        build(f"y ~ {terms}", frame, context)
    assert str(caught.value).startswith(FAULTS[terms])
    assert "\n" not in str(caught.value)


LABELS = {
    "shuffled": np.arange(12)[::-1] * 5 % 12,
    "dates": pd.date_range("2020", periods=12)[::-1],
    "two levels": pd.MultiIndex.from_product([range(3), range(4)]),
    "intervals": pd.interval_range(0, 12),
    "mixed": pd.Index([None, "a", *range(10)], dtype=object),
}
EVERY = (
    "C(g) + g:x + scale(x) + bs(t, df=4) + poly(t, 2) + np.log(t) +"
    " {x.groupby(h).transform('mean')}"
)


@pytest.mark.parametrize("kind", LABELS)
def test_functions_see_the_labels_of_the_rows(frame, kind):
    own = frame.set_axis(LABELS[kind])
    known = own["x"]
    design = build("y ~ same(x)", own, {"same": lambda x: x + known.loc[x.index]})
    np.testing.assert_array_equal(design.fixed.x[:, 1], 2 * frame["x"])
    rows = new_rows(design, own.iloc[[5, 2]])
    np.testing.assert_array_equal(rows.x[0][:, 1], 2 * frame["x"][[5, 2]])
    np.testing.assert_array_equal(
        build(f"y ~ {EVERY}", own).fixed.x, build(f"y ~ {EVERY}", frame).fixed.x
    )


def test_functions_see_the_labels_of_the_rows_that_are_left(frame):
    known = frame["x"].copy()
    frame.loc[3, "x"] = np.nan
    design = build("y ~ same(x)", frame, {"same": lambda x: x / known[x.index]})
    assert design.dropped_rows == 1
    assert design.fixed.dropped == ("same(x)",)  # a column of ones


@pytest.mark.parametrize("index", [np.zeros(12, int), np.arange(12) // 2])
def test_labels_that_repeat_pair_nothing(frame, index):
    own = frame.set_axis(index)
    np.testing.assert_array_equal(
        build(f"y ~ {EVERY}", own).fixed.x, build(f"y ~ {EVERY}", frame).fixed.x
    )
    known = frame["x"]
    for context in ({"paired": lambda x: x / known}, {"paired": lambda x: x.sort_values()}):
        with pytest.raises(
            ModelError, match="gives a Series whose row labels are not those of the data in their"
        ):
            build("y ~ paired(x)", own, context)


@pytest.mark.parametrize(
    "terms",
    [
        "x.sort_values()",
        "x + mixed(x)",
        "t:mixed(x)",
        "(mixed(x) | s)",
        "offset(mixed(x))",
        "s(mixed(t), k=4)",
    ],
)
def test_a_function_that_reorders_the_rows_is_named(frame, terms):
    with pytest.raises(
        ModelError,
        match=r"The term .* gives a Series whose row labels are not those of the data in",
    ):
        build(f"y ~ {terms}", frame, {"mixed": lambda x: x.sample(frac=1, random_state=1)})


@pytest.mark.parametrize(
    "transform", ["scale({})", "center({})", "poly({}, 2)", "bs({}, df=4)", "C({})", "lag({}, 0)"]
)
def test_a_transform_of_reordered_rows_is_named(frame, transform):
    terms = transform.format("x.sort_values()")
    with pytest.raises(
        ModelError,
        match="cannot be computed: it is given a Series whose row labels are not those of",
    ):
        build(f"y ~ {terms}", frame)


def test_other_rows_that_a_function_reorders_are_named(frame):
    design = build("y ~ once(x)", frame, {"once": lambda x: x if len(x) == 12 else x[::-1]})
    with pytest.raises(ModelError, match="row labels are not those of the data"):
        new_rows(design, frame.head(3))
