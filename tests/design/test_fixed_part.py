import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmmjax._errors import ModelError
from glmmjax.design import build_design
from glmmjax.design._rank import independent_columns

# From lme4 1.1-31, R 4.2.2: colnames(lFormula(formula, data)$X) (formulaic spelling), dropped ones,
# sum(X).
LME4 = {
    "g*h + x + x2": ("Intercept g[T.b] g[T.c] h[T.v] x", "x2 g[T.b]:h[T.v] g[T.c]:h[T.v]", 31.2),
    "x2 + x + z + g:x": ("Intercept x2 g[T.b]:x g[T.c]:x", "x z", 38.7),
    "0 + g + h + x:g": ("g[a] g[b] g[c] h[T.v] x:g[a] x:g[b] x:g[c]", "", 23.2),
    "h/x + {x**2}": ("Intercept h[T.v] x**2 h[u]:x h[v]:x", "", 35.7),
    "(g+h+x)^2 - g:x": (
        "Intercept g[T.b] g[T.c] h[T.v] x h[T.v]:x",
        "g[T.b]:h[T.v] g[T.c]:h[T.v]",
        33.1,
    ),
}


@pytest.mark.parametrize("terms", LME4)
def test_columns_and_dropped_columns_are_those_of_lme4(frame, terms):
    names, dropped, total = LME4[terms]
    fixed = build_design(f"y ~ {terms} + (1 | s)", frame, response="real").fixed
    assert [name.replace(" ** ", "**") for name in fixed.names] == names.split()
    assert sorted(fixed.dropped) == sorted(dropped.split())
    assert fixed.x.shape == (12, len(fixed.names))
    assert fixed.x.dtype == np.float64
    assert fixed.x.sum() == pytest.approx(total)


@pytest.mark.parametrize("terms", ["0 + (1|s)", "(1|s) - 1", "-1", "0"])
def test_a_model_without_fixed_effects(frame, terms):
    design = build_design(f"y ~ {terms}", frame, response="real")
    assert design.fixed.x.shape == (12, 0)
    assert design.fixed.names == ()


def test_transforms_of_formulaic_and_numpy(frame):
    terms = "poly(x, 2) + bs(t, df=3) + scale(count) + C(h, contr.sum) + np.exp(y) + sqrt(size)"
    names = build_design(f"y ~ {terms}", frame, response="positive").fixed.names
    assert names[:3] == ("Intercept", "poly(x, 2)[1]", "poly(x, 2)[2]")
    assert "C(h, contr.sum)[S.u]" in names
    assert {"np.exp(y)", "sqrt(size)", "scale(count)"} <= set(names)


def test_variables_of_the_caller_do_not_leak_in(frame):
    outside = np.arange(12.0)
    assert outside.size == 12
    with pytest.raises(ModelError, match=r"^Column 'outside' is not in data"):
        build_design("y ~ outside", frame, response="real")


def test_a_level_that_does_not_occur_has_no_column(frame):
    frame["g"] = frame["g"].astype("category").cat.add_categories(["never"])
    design = build_design("y ~ g", frame, response="real")
    assert design.fixed.names == ("Intercept", "g[T.b]", "g[T.c]")
    assert design.fixed.dropped == ()


ERRORS = {
    "xx": "Column 'xx' is not in data; near matches are 'x'.",
    "factor(g)": "The function 'factor' is not known in formulas; use 'C'.",
    "foo(x)": (
        "The function 'foo' is not known in formulas; numpy's functions are known as np.<name>;"
        " give"
    ),
    "centre(x)": (
        "The function 'centre' is not known in formulas; use 'center', 'contr', or give your own as"
        " context="
    ),
    "open('f')": "The function 'open' is not known in formulas",
    "log(x)": "log(x) is not a finite number in 3 row(s), the first is row 2.",
    "I(1 / (x - 0.5))": "1 / (x - 0.5) is not a finite number in 1 row(s), the first is row 0.",
    "x.foo()": "The term x.foo() cannot be computed: 'Series' object has no attribute 'foo'.",
    "I(x +)": "The terms I(x +) cannot be read as Python.",
    "2*x": "The terms 2*x cannot be used: Numeric literals other than `1` can only",
    "a.b + log(a.b)": "Write the column `a.b` in backticks inside the expression log(a.b).",
    "np.ones(3)": "The terms np.ones(3) cannot be used: ",
}


@pytest.mark.parametrize("terms", ERRORS)
def test_a_fault_of_the_fixed_part_is_one_sentence(frame, terms):
    frame["a.b"] = frame["t"]
    with pytest.raises(ModelError) as caught:
        build_design(f"y ~ {terms}", frame, response="real")
    message = str(caught.value)
    assert message.startswith(ERRORS[terms])
    assert message.endswith(".")
    assert "\n" not in message


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rank=st.integers(1, 5),
    scales=st.lists(st.integers(-12, 12), min_size=8),
)
def test_rank_is_found_however_the_columns_are_scaled(seed, rank, scales):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(rank, 8 - rank)) * (rng.uniform(size=(rank, 8 - rank)) < 0.7)
    base = rng.normal(size=(30, rank))
    x = np.column_stack([base, base @ mixed]) * 10.0 ** np.array(scales[:8])
    assert independent_columns(x).tolist() == list(range(rank))
    assert len(independent_columns(x[:, ::-1])) == rank


def test_rank_of_a_tall_matrix_is_that_of_its_blocks():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20_000, 6))
    x[:, 3] = x[:, 0] - 2 * x[:, 1]
    x[:, 5] = np.arange(20_000) == 19_999  # seen by one row of the last block
    assert independent_columns(x).tolist() == [0, 1, 2, 4, 5]
    assert independent_columns(np.zeros((20_000, 2))).tolist() == []
    assert independent_columns(np.zeros((20_000, 0))).tolist() == []


def test_a_column_stays_if_more_than_a_ten_millionth_of_it_is_new():
    x = np.column_stack([np.ones(100), np.ones(100)])
    x[::2, 1] += 1e-6
    assert independent_columns(x).tolist() == [0, 1]
    x[:, 1] = 1
    x[::2, 1] += 1e-8
    assert independent_columns(x).tolist() == [0]
