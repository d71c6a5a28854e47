"""Columns as people have them: text that should be numbers, names that are no text, types that no
one expects."""

import datetime
from decimal import Decimal
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design, new_rows

N = 24
CODES = np.arange(N) % 4 + 1
PYTHON = CODES.tolist()
BASE = {"y": np.sin(np.arange(N)), "x": np.cos(np.arange(N)), "g": np.arange(N) % 6}
KINDS = {"us": "columns", "ou": "line"}

FOREIGN = {
    "polars Int128": pl.Series(CODES).cast(pl.Int128),
    "polars Int128 with nulls": pl.Series([None, *PYTHON[1:]]).cast(pl.Int128),
    "polars Decimal": pl.Series(CODES).cast(pl.Decimal(10, 2)),
    "polars Struct": pl.Series([{"a": i} for i in PYTHON]),
    "polars List": pl.Series([[i] for i in PYTHON]),
    "polars Array": pl.Series(np.ones((N, 2))),
    "polars Object": pl.Series([object()] * N, dtype=pl.Object),
    "polars Null": pl.Series([None] * N),
    "polars Binary": pl.Series([b"a", b"b"] * 12),
    "polars Time": pl.Series([datetime.time(i) for i in PYTHON]),
    "polars Enum": pl.Series(list("abcd") * 6, dtype=pl.Enum(list("abcd"))),
    "arrow decimal": pa.array([Decimal(i) for i in PYTHON], pa.decimal256(50, 2)),
    "arrow list": pa.array([[i] for i in PYTHON]),
    "arrow struct": pa.array([{"a": i} for i in PYTHON]),
    "arrow dictionary": pa.array(list("abcd") * 6).dictionary_encode(),
    "arrow dictionary of numbers": pa.array(PYTHON).dictionary_encode(),
    "arrow halves": pa.array(CODES.astype(np.float16)),
    "numpy complex": CODES * 1j,
    "numpy void": np.array([b"ab"] * N, dtype="V2"),
    "numpy longdouble": CODES.astype(np.longdouble),
    "numpy bytes": np.array([b"a", b"b"] * 12),
    "numpy masked": np.ma.array(CODES, mask=CODES == 2),
    "jax bfloat16": jnp.asarray(CODES, jnp.bfloat16),
    "jax keys": jax.random.split(jax.random.key(0), N),
    "decimals": [Decimal(i) for i in PYTHON],
    "fractions": [Fraction(i, 3) for i in PYTHON],
    "whole numbers of 100 bits": [10**30 + i for i in PYTHON],
    "sets": [{1}] * N,
    "intervals": pd.arrays.IntervalArray.from_breaks(range(N + 1)),
    "pd.cut": pd.cut(CODES, 2),
    "sparse": pd.arrays.SparseArray(CODES * 1.0),
    "nullable with NA": pd.array([None, *PYTHON[1:]], "Int64"),
    "periods": pd.period_range("2020", periods=4, freq="M")[CODES - 1],
    "categories of tuples": pd.Categorical([("a", i) for i in PYTHON]),
    "categories of complex numbers": pd.Categorical(CODES * 1j),
}
ROLES = {
    "fixed": ("y ~ odd", {}),
    "group": ("y ~ x + (1 | odd)", {}),
    "slope": ("y ~ (0 + odd | g)", {}),
    "response": ("odd ~ x", {}),
    "binary response": ("odd ~ x", {"response": "binary"}),
    "weights": ("y ~ x", {"weights": "odd"}),
    "offset": ("y ~ x", {"offset": "odd"}),
    "smooth": ("y ~ s(odd, k=3)", {}),
    "position": ("y ~ ou(odd | g)", {"covariances": KINDS}),
    "expression": ("y ~ np.abs(odd)", {}),
}


def attempt(formula, data, **arguments):
    """The design, or the sentence that says why there is none."""
    try:
        return build_design(formula, data, **{"response": "real", **arguments})
    except ModelError as error:
        return str(error)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_type_works_or_is_named(kind, role):
    formula, arguments = ROLES[role]
    found = attempt(formula, {**BASE, "odd": FOREIGN[kind]}, **arguments)
    if isinstance(found, str):
        assert "odd" in found
        assert "\n" not in found


@pytest.mark.parametrize(
    "kind", ["polars Decimal", "arrow decimal", "numpy longdouble", "jax bfloat16", "sparse"]
)
def test_numbers_of_foreign_types_are_exact(kind):
    design = attempt("y ~ 0 + odd", {**BASE, "odd": FOREIGN[kind]})
    np.testing.assert_array_equal(design.fixed.x[:, 0], CODES)


@pytest.mark.parametrize(
    "values",
    [FOREIGN["arrow dictionary of numbers"], pa.chunked_array([CODES]).dictionary_encode()],
)
def test_an_arrow_dictionary_of_numbers_is_a_categorical(values):
    design = attempt(
        "y ~ odd + (1 | g)", pa.table({**{k: pa.array(v) for k, v in BASE.items()}, "odd": values})
    )
    assert design.fixed.names == ("Intercept", "odd[T.2]", "odd[T.3]", "odd[T.4]")


def texts(*values):
    """The values as a column of text among numbers."""
    return {**BASE, "t": [*values, *(f"{v:.2f}" for v in BASE["x"][len(values) :])]}


NUMBERS_AS_TEXT = {
    "all": (texts(), "Column 't' holds numbers written as text: make it numbers, or write C(t)"),
    "n/a": (
        texts("1", "n/a"),
        "Column 't' holds text (the first value that is no number is 'n/a', in row 1): make",
    ),
    "empty": (
        texts("1", "2", ""),
        "Column 't' holds text (the first value that is no number is '', in row 2): make",
    ),
    "a point": (
        texts("."),
        "Column 't' holds text (the first value that is no number is '.', in row 0): make",
    ),
    "commas": (
        {**BASE, "t": ["1,5", "2,5", "3,5"] * 8},
        "Column 't' holds numbers written as text",
    ),
    "thousands": (
        {**BASE, "t": ["1,500.5", " 2,500", "13 500"] * 8},
        "Column 't' holds numbers written as text",
    ),
    "exponents": (
        {**BASE, "t": ["1e-3", "-2E+5", ".5", "5."] * 6},
        "Column 't' holds numbers written as text",
    ),
    "few levels": ({**BASE, "t": list("123") * 8}, "Column 't' holds numbers written as text"),
    "a table of polars": (
        pl.DataFrame(texts("NA")),
        "Column 't' holds text (the first value that is no number is 'NA'",
    ),
    "as strings of pandas": (
        pd.DataFrame(texts("NA")).astype({"t": "string"}),
        "Column 't' holds text (the first",
    ),
    "a level a row": (
        {**BASE, "t": [f"p{i}" for i in range(N)]},
        "Column 't' holds text (the first value that is no",
    ),
}


@pytest.mark.parametrize(
    "terms",
    ["t", "x + t", "I(t)", "t:x", "{t}", 'Q("t")', "(t | g)", "(0 + t || g)", "s(x, k=4, by=t)"],
)
@pytest.mark.parametrize("kind", NUMBERS_AS_TEXT)
def test_numbers_read_as_text_are_named(kind, terms):
    data, sentence = NUMBERS_AS_TEXT[kind]
    found = attempt(f"y ~ {terms}", data, covariances={"us": "columns", "diag": "columns"})
    assert isinstance(found, str)
    assert found.startswith(sentence)


def test_text_among_numbers_of_a_spreadsheet_is_named():
    found = attempt(
        "y ~ t", pd.DataFrame({**BASE, "t": [1.5, None, "?", 2.5] * 6}, index=range(100, 100 + N))
    )
    assert isinstance(found, str)
    assert found.startswith(
        "Column 't' holds mixed values (the first that is no number is '?', in row 102), and"
    )


@pytest.mark.parametrize(
    "other", ["offset(t)", "s(t)", "ou(t | g)", "scale(t)", "np.log(t)", "bs(t, df=4)"]
)
def test_text_where_numbers_are_needed_is_named_with_its_first_value(other):
    found = attempt(f"y ~ {other}", texts("1", "n/a"), covariances=KINDS)
    assert isinstance(found, str)
    assert "'t'" in found
    assert "holds text (the first value that is no number is 'n/a', in row 1)" in found


def test_a_model_for_zeros_is_looked_through_as_well():
    found = attempt("y ~ x", texts("n/a"), others={"zi": "~ t"})
    assert isinstance(found, str)
    assert "is 'n/a', in row 0" in found


def test_what_is_said_to_be_categories_is_taken():
    levels = ["1", "2", "3"] * 8
    for data in (
        {**BASE, "t": pd.Categorical(levels)},
        pl.DataFrame(BASE).with_columns(t=pl.Series(levels, dtype=pl.Enum("123"))),
    ):
        assert attempt("y ~ t", data).fixed.names == ("Intercept", "t[T.2]", "t[T.3]")
    assert attempt("y ~ C(t)", {**BASE, "t": levels}).fixed.names == (
        "Intercept",
        "C(t)[T.2]",
        "C(t)[T.3]",
    )
    assert attempt('y ~ I(t == "2")', {**BASE, "t": levels}).fixed.x.shape == (N, 2)
    assert attempt("y ~ t", {**BASE, "t": ["0", "1-5", "6+"] * 8}).fixed.names == (
        "Intercept",
        "t[T.1-5]",
        "t[T.6+]",
    )
    assert len(attempt("y ~ x + (1 | t)", {**BASE, "t": levels}).random[0].levels) == 3


def test_a_design_is_built_again_from_its_own_frame(check_same):
    design = attempt(
        "y ~ C(t) + (1 | g)",
        {**BASE, "t": list("123") * 8, "g": pd.date_range("2020", periods=N)[CODES]},
    )
    check_same(design, attempt("y ~ C(t) + (1 | g)", design.frame))


DATES = {
    "datetimes": (
        pd.date_range("2020-03-28", periods=4),
        ("2020-03-28", "2020-03-29", "2020-03-30", "2020-03-31"),
    ),
    "hours": (
        pd.date_range("2020-01-01", periods=4, freq="12h"),
        ("2020-01-01", "2020-01-01T12:00:00"),
    ),
    "a zone": (
        pd.date_range("2020-01-01", periods=4, tz="Asia/Tokyo"),
        ("2020-01-01T00:00:00+09:00",),
    ),
    "periods": (
        pd.period_range("2020-11", periods=4, freq="M"),
        ("2020-11", "2020-12", "2021-01", "2021-02"),
    ),
    "spans": (
        pd.to_timedelta([1, 2, 10, 11], "D"),
        ("P1DT0H0M0S", "P2DT0H0M0S", "P10DT0H0M0S", "P11DT0H0M0S"),
    ),
    "objects": (
        pd.Index([datetime.date(2020, 1, d) for d in (1, 2, 3, 4)]),
        ("2020-01-01", "2020-01-02"),
    ),
    "times": (pd.Index([datetime.time(h) for h in (1, 2, 3, 4)]), ("01:00:00", "02:00:00")),
    "categories": (
        pd.CategoricalIndex(pd.date_range("2020-01-01", periods=4)),
        ("2020-01-01", "2020-01-02"),
    ),
}


@pytest.mark.parametrize("kind", DATES)
def test_dates_are_levels_of_a_group_in_the_order_of_time(kind):
    dates, labels = DATES[kind]
    frame = pd.DataFrame(BASE).assign(d=dates[CODES - 1])
    design = attempt("y ~ x + (1 | d)", frame)
    assert design.random[0].levels[: len(labels)] == labels
    np.testing.assert_array_equal(design.random[0].refs, CODES - 1)
    np.testing.assert_array_equal(new_rows(design, frame.tail(3)).refs[0], CODES[-3:] - 1)
    np.testing.assert_array_equal(
        new_rows(design, {"x": [0.0], "d": [design.random[0].levels[1]]}).refs[0], [1]
    )
    again = attempt("y ~ x + (1 | d)", design.frame)
    assert again.random[0].levels == design.random[0].levels


def test_dates_of_other_tables_have_the_same_labels():
    dates = [datetime.datetime(2020, 6, i, 5) for i in PYTHON]
    zoned = pl.Series(dates).dt.replace_time_zone("Europe/Berlin")
    tables = [
        pl.DataFrame(BASE).with_columns(d=zoned),
        {**BASE, "d": zoned},
        {**BASE, "d": zoned.to_arrow()},
        pd.DataFrame(BASE).assign(d=pd.to_datetime(dates).tz_localize("Europe/Berlin")),
        pd.DataFrame(BASE).assign(
            d=pd.Series(pd.to_datetime(dates).tz_localize("Europe/Berlin").tolist(), dtype=object)
        ),
    ]
    for table in tables:
        assert attempt("y ~ x + (1 | d)", table).random[0].levels[0] == "2020-06-01T05:00:00+02:00"
    days = pl.DataFrame(BASE).with_columns(d=pl.Series([d.date() for d in dates]))
    design = attempt("y ~ x + (1 | g:d) + (1 | d)", days)
    assert design.random[1].levels[0] == "2020-06-01"
    assert (
        new_rows(design, {"x": [0.0], "g": [0], "d": [np.datetime64("2020-06-03")]}).refs[1][0] == 2
    )
    assert (
        new_rows(design, {"x": [0.0], "g": [0], "d": [pd.Timestamp("2021-06-03")]}).refs[1][0] == -1
    )


@pytest.mark.parametrize(
    "formula", ["y ~ d", "y ~ (d | g)", "y ~ s(d)", "y ~ C(d) + (1 | d)", "d ~ x", "y ~ ou(d | g)"]
)
def test_dates_are_nothing_but_groups(formula):
    found = attempt(formula, {**BASE, "d": pd.date_range("2020", periods=N)}, covariances=KINDS)
    assert (
        found
        == "Column 'd' holds dates or times, which can only be a grouping factor: turn it into"
        " numbers."
    )


def test_whole_numbers_as_names_of_columns():
    frame = pd.DataFrame({0: BASE["x"], 1: BASE["g"], 2: BASE["y"]})
    for table in (frame, dict(frame)):
        design = attempt("`2` ~ `0` + np.exp(`0`) + (1 | `1`)", table, weights=None, offset="0")
        assert design.fixed.names == ("Intercept", "0", "np.exp(`0`)")
        np.testing.assert_array_equal(design.y, BASE["y"])
        assert new_rows(design, frame[[0, 1]].head(2)).x[0].shape == (2, 3)
    assert (
        attempt("`2` ~ `0`", frame.assign(**{"0": 1.0}))
        == "Column '0' stands more than once in data."
    )
    design = attempt(
        "`2` ~ `1` + `1`:`0` + C(`1`) - 1",
        frame.assign(**{"0": 1.0})[[1, 2]].assign(**{"0": BASE["x"]}),
    )
    assert {"1", "1:0"} < set(design.fixed.names)
    np.testing.assert_array_equal(design.fixed.x[:, 0], BASE["g"])
    assert attempt("`2` ~ (0 + `1` | g)", {1: BASE["x"], 2: BASE["y"], "g": BASE["g"]}).random[
        0
    ].names == ("1",)
    assert attempt("`2` ~ `1`", {1: list("ab") * 12, 2: BASE["y"]}).fixed.names == (
        "Intercept",
        "1[T.b]",
    )


def test_patsys_quotes_are_backticks():
    data = {**BASE, "a b": BASE["x"]}
    design = attempt('y ~ Q("a b") + np.exp(Q("a b")) + (1 | g)', data)
    np.testing.assert_array_equal(design.fixed.x[:, 1], BASE["x"])
    assert new_rows(design, {"a b": [0.5], "g": [0]}).x[0][0, 1] == 0.5
    assert attempt('y ~ Q("a c")', data) == "Column 'a c' is not in data; near matches are 'a b'."
    assert attempt("y ~ Q(x)", data) == "Write the column of Q(x) in backticks."
    assert attempt("y ~ as.factor(g)", data).endswith("write C(...) for as.factor(...).")


CLASHES = {
    "Intercept": ("y ~ odd", {}, "Intercept"),
    "a random one": ("y ~ (odd | g)", {}, "Intercept"),
    "two random terms": ("y ~ (1 | g) + (0 + odd | g)", {}, "Intercept"),
    "another predictor": ("y ~ x", {"others": {"disp": "~ `Intercept`"}}, "Intercept"),
    "ordered categories": ("k ~ odd", {"response": "ordered"}, "Intercept"),
    "an interaction": ("y ~ odd + x:z", {}, "x:z"),
    "a level": ("y ~ odd + C(g)", {}, "C(g)[T.1]"),
    "a smooth": ("y ~ odd + s(x)", {}, "s(x)"),
    "a prefix": ("y ~ odd", {"others": {"disp": "~ x"}}, "disp_x"),
}


@pytest.mark.parametrize("kind", CLASHES)
def test_two_coefficients_never_have_one_name(kind):
    formula, arguments, name = CLASHES[kind]
    data = {**BASE, "z": BASE["y"] ** 2, "k": np.arange(N) % 3 + 1, name: BASE["x"] ** 2}
    found = attempt(formula.replace("odd", f"`{name}`"), data, **arguments)
    assert found == f"Two coefficients would be called '{name}': rename the column '{name}'."


def test_a_column_called_intercept_in_place_of_the_constant():
    design = attempt(
        "y ~ 0 + Intercept + x + (0 + Intercept | g)", {**BASE, "Intercept": np.ones(N)}
    )
    assert design.fixed.names == ("Intercept", "x")


OUTSIDE = (
    "cannot be computed: the values -5, 9 lie outside of its range, -0.9999608264 to 1: give it"
    " extrapolation="
)


@pytest.mark.parametrize(
    "basis", ["bs(x, df=5)", "bs(x, knots=[0], degree=2)", "cr(x, df=4, extrapolation='raise')"]
)
def test_values_outside_of_a_spline_are_named(basis):
    design = attempt(f"y ~ {basis}", BASE)
    with pytest.raises(ModelError) as caught:
        new_rows(design, {"x": [0.1, 9.0, -5.0, 9.0]})
    assert OUTSIDE in str(caught.value)


def test_values_outside_of_a_spline_of_a_transform_are_those_of_the_transform():
    design = attempt("y ~ bs(center(x), df=5)", BASE)
    with pytest.raises(
        ModelError, match=rf"the value {4 - BASE['x'].mean():.10g} lies outside of its range"
    ):
        new_rows(design, {"x": [0.1, 4.0]})


def test_the_remedies_for_values_outside_of_a_spline_work():
    extended = attempt('y ~ bs(x, df=5, extrapolation="extend")', BASE)
    inside = attempt("y ~ bs(x, df=5)", BASE)
    np.testing.assert_array_equal(extended.fixed.x, inside.fixed.x)
    assert np.isfinite(new_rows(extended, {"x": [9.0]}).x[0]).all()
    clipped = new_rows(attempt('y ~ bs(x, df=5, extrapolation="clip")', BASE), {"x": [9.0, 1.0]}).x[
        0
    ]
    np.testing.assert_allclose(clipped[0], clipped[1])
    wide = attempt("y ~ bs(x, df=5, lower_bound=-10, upper_bound=10)", BASE)
    assert np.isfinite(new_rows(wide, {"x": [9.0]}).x[0]).all()
    assert "the values" in attempt("y ~ bs(x, df=5, lower_bound=0)", BASE)
    assert "Invalid value for `df`" in attempt("y ~ bs(x, df=2)", BASE)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ {}",
        "y ~ x:{}",
        "{} ~ x",
        "y ~ offset({})",
        "y ~ ({} | g)",
        "y ~ s({}, k=4)",
        "y ~ ou({} | g)",
    ],
)
@pytest.mark.parametrize("term", ["np.emath.sqrt(x)", "root(x)", "roots(x)"])
def test_complex_values_are_refused(formula, term):
    context = {
        "root": lambda x: [complex(value) for value in x],
        "roots": lambda x: np.array([complex(value) for value in x], object),
    }
    found = attempt(formula.format(term), BASE, covariances=KINDS, context=context)
    assert found in [
        f"The term {own} gives complex numbers, and a model needs real ones."
        for own in (term, f"I({term})")
    ]


@pytest.mark.parametrize(
    "transform", ["poly(t, 2)", "poly(t, 1)", "lag(t, 0)", "standardize(t)", "x:poly(t, 2)"]
)
@pytest.mark.parametrize("values", [texts(), {**BASE, "t": pd.Categorical(list("1234") * 6)}])
def test_transforms_take_no_numbers_written_as_text(transform, values):
    found = attempt(f"y ~ {transform}", values)
    assert isinstance(found, str)
    assert "cannot be computed: column 't' holds numbers written as text" in found


def test_text_that_an_expression_turns_into_something_else_is_taken():
    np.testing.assert_allclose(
        attempt("y ~ t.astype('float')", texts()).fixed.x[:, 1], BASE["x"], atol=0.005
    )
    assert (
        attempt("y ~ {c.str.upper()}", {**BASE, "c": list("ab") * 12})
        .fixed.names[1]
        .endswith("[T.B]")
    )
    assert attempt("y ~ C(np.where(x > 0, 'u', 'v'))", BASE).fixed.x.shape == (N, 2)


@pytest.mark.parametrize(
    "term", ["np.where(x > 0, 'a', 'b')", "np.where(x > 0, '1', '2')", "np.array(c)"]
)
def test_an_expression_that_gives_text_is_named(term):
    found = attempt(f"y ~ {term}", {**BASE, "c": list("ab") * 12})
    assert found == f"The term {term} gives text: write C({term}) if its values are categories."


def test_missing_categories_of_an_expression_are_named():
    data = {**BASE, "c": list("ab") * 12}
    assert (
        attempt("y ~ c.shift(1)", data)
        == "The term c.shift(1) gives missing values in 1 row(s), the first is row 0."
    )
    assert attempt("y ~ C(c.shift(-1))", data).endswith(
        "gives missing values in 1 row(s), the first is row 23."
    )
