import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from glmmjax._errors import ModelError
from glmmjax.design import (
    build_design,
    is_identified,
    new_rows,
    replace_response,
    split_design,
    subset_rows,
)
from glmmjax.design._smooth import cardinal_basis, roughness

KNOTS = st.lists(st.integers(1, 20), min_size=2, max_size=12).map(
    lambda gaps: np.concatenate([[0], np.cumsum(gaps) / sum(gaps)])
)


@pytest.fixture
def curve():
    rng = np.random.default_rng(7)
    x = rng.uniform(1900, 2000, 60)
    return pd.DataFrame(
        {
            "y": np.sin(x / 10) + rng.normal(size=60),
            "x": x,
            "z": rng.normal(size=60),
            "g": rng.choice(list("abc"), 60),
            "few": np.arange(60) % 4,
            "h": np.repeat(np.arange(6), 10),
        }
    )


def build(right, data, **arguments):
    return build_design(f"y ~ {right}", data, response="real", **arguments)


def spline_of_wood(knots, u):
    """The basis as Wood (2017), section 5.3.1, writes it: table 5.1, inside the knots."""
    h = np.diff(knots)
    d, b = np.zeros((len(h) - 1, len(knots))), np.zeros((len(h) - 1, len(h) - 1))
    for i in range(len(h) - 1):
        d[i, i : i + 3] = 1 / h[i], -1 / h[i] - 1 / h[i + 1], 1 / h[i + 1]
        b[i, i] = (h[i] + h[i + 1]) / 3
        if i + 1 < len(b):
            b[i, i + 1] = b[i + 1, i] = h[i + 1] / 6
    f = np.vstack([np.zeros(len(knots)), np.linalg.solve(b, d), np.zeros(len(knots))])
    rows = []
    for value in u:
        j = min(np.searchsorted(knots, value, side="right") - 1, len(h) - 1)
        left, right = value - knots[j], knots[j + 1] - value
        row = (right**3 / h[j] - h[j] * right) / 6 * f[j] + (left**3 / h[j] - h[j] * left) / 6 * f[
            j + 1
        ]
        row[j] += right / h[j]
        row[j + 1] += left / h[j]
        rows.append(row)
    return np.array(rows)


@settings(max_examples=30, deadline=None)
@given(knots=KNOTS)
def test_the_basis_is_that_of_wood(knots):
    np.testing.assert_allclose(cardinal_basis(knots, knots), np.eye(len(knots)), atol=1e-12)
    u = np.linspace(0, 1, 37)
    np.testing.assert_allclose(cardinal_basis(knots, u), spline_of_wood(knots, u), atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(knots=KNOTS)
def test_outside_of_the_knots_it_is_a_line(knots):
    basis = cardinal_basis(knots, np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]))
    np.testing.assert_allclose(np.diff(basis[:3], 2, axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.diff(basis[3:], 2, axis=0), 0, atol=1e-9)
    ends = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")([0.0, 1.0], 1)
    np.testing.assert_allclose(basis[[2, 4]] - basis[[1, 3]], ends, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(knots=KNOTS, seed=st.integers(0, 100))
def test_the_penalty_is_the_integral_of_the_squared_second_derivative(knots, seed):
    values = np.random.default_rng(seed).normal(size=len(knots))
    second = CubicSpline(knots, values, bc_type="natural").derivative(2)
    nodes, weights = np.polynomial.legendre.leggauss(
        3
    )  # exact: the square has degree two on each piece
    middle, half = (knots[1:] + knots[:-1]) / 2, np.diff(knots) / 2
    points = middle[:, None] + half[:, None] * nodes
    integral = (second(points) ** 2 * weights * half[:, None]).sum()
    np.testing.assert_allclose(values @ roughness(knots) @ values, integral, rtol=1e-9)
    line = np.column_stack([np.ones(len(knots)), knots])
    np.testing.assert_allclose(
        roughness(knots) @ line, 0, atol=1e-10 * np.abs(roughness(knots)).max()
    )


def test_what_a_smooth_becomes(curve):
    design = build("z + s(x, k=8) + (1 | h)", curve)
    assert design.fixed.names == ("Intercept", "z", "s(x)")
    np.testing.assert_array_equal(design.fixed.x[:, 2], curve["x"])
    written, part = design.random
    assert (written.is_smooth, part.is_smooth) == (False, True)
    assert (part.formula.text, part.formula.group, part.formula.covariance) == (
        "s(x, k=8)",
        "s(x, k=8)",
        "homdiag",
    )
    assert part.names == ("s1", "s2", "s3", "s4", "s5", "s6")
    assert (part.levels, part.position) == (("",), None)
    np.testing.assert_array_equal(part.refs, np.zeros(60))
    assert part.z.shape == (60, 6)


def test_random_coefficients_pay_what_the_curve_costs(curve):
    """b'b is the penalty of the curve z b, on x scaled to [0, 1]."""
    (part,) = build("s(x, k=8)", curve).random
    low, high = curve["x"].min(), curve["x"].max()
    knots = np.quantile(curve["x"], np.linspace(0, 1, 8))
    grid = new_rows(build("s(x, k=8)", curve), {"x": knots}).z[0]
    b = np.random.default_rng(0).normal(size=6)
    scaled = (knots - low) / (high - low)
    np.testing.assert_allclose(grid.T @ roughness(scaled) @ grid, np.eye(6), atol=1e-9)
    values = CubicSpline(knots, grid @ b, bc_type="natural")(curve["x"])
    np.testing.assert_allclose(part.z @ b, values, atol=1e-9)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(60), curve["x"] - 1950, part.z])) == 8


def test_units_do_not_matter(curve):
    one = build("s(x, k=8)", curve).random[0].z
    other = build("s(x, k=8)", curve.assign(x=1e6 * curve["x"] - 3e8)).random[0].z
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_knots_are_quantiles_of_the_distinct_values(curve):
    skewed = curve.assign(x=np.where(curve["x"] < 1990, 0.0, curve["x"]))
    distinct = np.unique(skewed["x"])
    knots = build("s(x, k=4)", skewed).fixed.smooths[0].knots
    expected = np.quantile(distinct, [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(knots, expected / distinct.max())


def test_a_line_that_is_there_already_drops_that_of_the_smooth(curve):
    design = build("x + s(x)", curve)
    assert (design.fixed.names, design.fixed.dropped) == (("Intercept", "x"), ("s(x)",))
    np.testing.assert_array_equal(new_rows(design, curve).x[0], design.fixed.x)
    assert len(design.random) == 1


def test_a_curve_for_each_level(curve):
    design = build("g + s(x, k=6, by=g)", curve)
    assert design.fixed.names[3:] == ("s(x, by=g)[a]", "s(x, by=g)[b]", "s(x, by=g)[c]")
    plain = build("s(x, k=6)", curve)
    for level, part, column in zip("abc", design.random, design.fixed.x[:, 3:].T, strict=True):
        here = (curve["g"] == level).to_numpy()
        assert part.formula.text == f"s(x, k=6, by=g)[{level}]"
        np.testing.assert_array_equal(part.z, plain.random[0].z * here[:, None])
        np.testing.assert_array_equal(column, curve["x"] * here)


@pytest.mark.parametrize("kind", ["category", "bool"])
def test_levels_of_categories_and_truth_values(curve, kind):
    if kind == "category":
        curve["g"] = pd.Categorical(curve["g"], ["c", "never", "b", "a"])
    else:
        curve["g"] = curve["g"] == "a"
    found = [part.formula.text for part in build("s(x, k=6, by=g)", curve).random]
    levels = "cba" if kind == "category" else ("False", "True")
    assert found == [f"s(x, k=6, by=g)[{level}]" for level in levels]


def test_a_number_multiplies_the_curve(curve):
    design = build("s(x, k=6, by=z)", curve)
    assert design.fixed.names == ("Intercept", "s(x, by=z)", "s(x, by=z):x")
    np.testing.assert_array_equal(design.fixed.x[:, 1], curve["z"])
    np.testing.assert_array_equal(design.fixed.x[:, 2], curve["z"] * curve["x"])
    plain = build("s(x, k=6)", curve).random[0].z
    np.testing.assert_array_equal(design.random[0].z, plain * curve["z"].to_numpy()[:, None])


EVERY = "z + s(x) + s(center(z), k=5) + s(x, k=4, by=g) + s(x, k=5, by=few) + (1 | h)"


def test_the_rows_of_the_model_come_back(curve):
    design = build(EVERY, curve)
    rows = new_rows(design, curve)
    np.testing.assert_array_equal(rows.x[0], design.fixed.x)
    for part, z, refs in zip(design.random, rows.z, rows.refs, strict=True):
        np.testing.assert_array_equal(z, part.z)
        np.testing.assert_array_equal(refs, part.refs)
    some = new_rows(design, curve.tail(3))
    np.testing.assert_allclose(some.x[0], design.fixed.x[-3:])
    for part, z in zip(design.random, some.z, strict=True):
        np.testing.assert_allclose(z, part.z[-3:], atol=1e-12)


def test_smooths_are_coded_at_the_level_of_the_population(curve):
    design = build(EVERY, curve)
    rows = new_rows(design, curve.drop(columns=["h", "y"]), random=False, groups=False)
    np.testing.assert_array_equal(rows.x[0], design.fixed.x)
    for part, z, refs in zip(design.random, rows.z, rows.refs, strict=True):
        np.testing.assert_array_equal(z, part.z if part.is_smooth else np.zeros((60, 1)))
        np.testing.assert_array_equal(refs, np.full(60, 0 if part.is_smooth else -1))
    assert rows.positions == (None,) * 7


def test_extrapolation_is_a_line(curve):
    z = new_rows(build("s(x)", curve), {"x": [2100.0, 2200.0, 2300.0]}).z[0]
    np.testing.assert_allclose(np.diff(z, 2, axis=0), 0, atol=1e-12)


def test_a_level_without_a_curve_is_refused(curve):
    design = build("s(x, k=4, by=g)", curve)
    with pytest.raises(
        ModelError, match="Column 'g' of newdata has levels the model was not fitted to: 'q'"
    ):
        new_rows(design, {"x": [1950.0], "g": ["q"]})
    design = build("s(x, k=4, by=b)", curve.assign(b=True))
    with pytest.raises(
        ModelError, match=r"^The smooth s\(x, k=4, by=b\) has no curve for 'False'\.$"
    ):
        new_rows(design, {"x": [1950.0], "b": [False]})


ERRORS = {
    "s(few)": (
        "The smooth s(few) has 10 knots and few 4 distinct value(s): k=4 is the largest possible."
    ),
    "s(two, k=3)": (
        "The smooth s(two, k=3) has 3 knots and two 2 distinct value(s): a smooth needs 3 or more."
    ),
    "s(g)": (
        "Column 'g' holds text (the first value that is no number is 'c', in row 0), and the term"
        " s(g) needs"
    ),
    "s(xx)": "Column 'xx' is not in data; near matches are 'x'.",
    "s(x, by=gg)": "Column 'gg' is not in data; near matches are 'g'.",
    "s(foo(x))": "The function 'foo' is not known in formulas",
    "s(bs(x, df=4))": (
        "The expression bs(x, df=4) of the term s(bs(x, df=4)) must give one number a row."
    ),
    "s(log(z))": "log(z) is not a finite number in",
}


@pytest.mark.parametrize("right", ERRORS)
def test_faults_of_a_smooth(curve, right):
    with pytest.raises(ModelError) as caught:
        build(right, curve.assign(two=np.arange(60) % 2))
    assert str(caught.value).startswith(ERRORS[right])


def test_missing_values_drop_rows(curve):
    curve.loc[3, "x"] = np.nan
    curve.loc[5, "g"] = None
    assert build("s(x, k=5, by=g)", curve).dropped_rows == 2


def test_subsets_have_the_columns_of_the_whole(curve):
    design = build(EVERY, curve)
    rows = np.arange(0, 60, 3)
    part = subset_rows(design, rows)
    for own, whole in zip(part.random[1:], design.random[1:], strict=True):
        assert (own.names, own.levels) == (whole.names, whole.levels)
        np.testing.assert_array_equal(own.z, whole.z[rows])
    for own, whole in zip(new_rows(part, curve).z, new_rows(design, curve).z, strict=True):
        np.testing.assert_array_equal(own, whole)


def test_split_designs_share_their_basis(curve):
    _, designs = split_design("y ~ s(x, k=20)", curve, "h", response="real")
    assert all(design.random[0].z.shape == (10, 18) and is_identified(design) for design in designs)


def test_more_coefficients_than_rows_are_allowed(curve):
    assert build("s(x, k=10)", curve.head(10)).random[0].z.shape == (10, 8)


def test_the_frame_gives_the_same_design_again(curve, check_same):
    curve.loc[3, "x"] = np.nan
    design = build(EVERY, curve)
    check_same(
        design,
        build_design(
            design.formula.text, pickle.loads(pickle.dumps(design.frame)), response="real"
        ),
    )
    weights = np.r_[0.0, np.ones(58)]
    replaced = replace_response(design, np.arange(59.0), weights)
    again = build_design(
        replaced.formula.text, replaced.frame, response="real", weights="(weights)"
    )
    check_same(replaced, again)
