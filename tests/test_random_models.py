"""Random models: a fit that says it converged has numbers, and what is no model is refused as
such."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import glmmjax as gj

GROUPS, EACH = 6, 5
N = GROUPS * EACH
FAMILIES = {
    "gaussian": st.floats(-1e3, 1e3),
    "bernoulli": st.integers(0, 1),
    "poisson": st.integers(0, 200),
    "gamma": st.floats(1e-3, 1e3),
}
fewer = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def columns(values):
    return st.lists(values, min_size=N, max_size=N).map(np.array)


def finite(values):
    return np.isfinite(np.asarray(values, float)).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_what_converged_has_numbers(family):
    """Any responses of the family's kind, any covariate: one shape, so one program for all
    examples."""
    link = "log" if family == "gamma" else None

    @fewer
    @given(columns(FAMILIES[family]), columns(st.floats(-100, 100)), st.permutations(range(N)))
    def check(y, x, order):
        assume(np.ptp(y) > 1e-6 * np.abs(y).max())
        assume(np.ptp(x) > 1e-6)
        data = pd.DataFrame({"y": y, "x": x, "g": np.repeat(np.arange(GROUPS), EACH)}).iloc[
            list(order)
        ]
        fit = gj.glmm("y ~ x + (1 | g)", data, gj.families.as_family(family, link)).fit()
        if fit.converged:
            assert finite(fit.loglik)
            assert finite(fit.fixef)
            assert finite(fit.std_errors)
            assert finite(fit.varcorr().vcov)
            assert finite(fit.ranef()["mode"])
            assert finite(fit.ranef()["std_error"])
            assert finite(fit.predict())
            assert finite(list(fit.dispersion.values()))
            assert (fit.std_errors > 0).all()
            assert fit.scaled_gradient < 1e-4
            eigenvalues = np.linalg.eigvalsh(fit.vcov)
            assert eigenvalues.min() > -1e-8 * eigenvalues.max()
        else:
            assert fit.status != gj.Status.CONVERGED.value

    check()


GOOD = {"y": np.arange(N) % 3, "x": np.linspace(0, 1, N), "g": np.repeat(np.arange(GROUPS), EACH)}
names = st.text(st.characters(codec="ascii", categories=("L",)), min_size=1, max_size=6)
formulas = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="y x g~+-*/:|()01 ,^", max_size=25).map(lambda text: f"y ~ {text}"),
    names.filter(lambda name: name not in GOOD).map(lambda name: f"y ~ {name} + (1 | g)"),
)


@settings(fewer, max_examples=150)
@given(formulas)
def test_a_formula_is_a_model_or_a_model_error(formula):
    """Never another exception."""
    try:
        mixed = gj.glmm(formula, GOOD, "poisson")
    except gj.ModelError as error:
        assert str(error)
    else:
        assert mixed.core.nobs == N


bad_values = st.sampled_from(
    [-1.0, 0.5, np.inf, -np.inf, 1e300, "text", None, True, 3 + 1j, np.datetime64("2020-01-01")]
)


@settings(fewer, max_examples=60)
@given(
    st.sampled_from(["y", "x", "g"]),
    bad_values,
    st.integers(0, N - 1),
    st.sampled_from(list(FAMILIES)),
)
def test_data_are_a_model_or_a_model_error(column, value, row, family):
    data = {name: list(values) for name, values in GOOD.items()}
    data[column][row] = value
    try:
        gj.glmm("y ~ x + (1 | g)", data, family)
    except gj.ModelError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": np.zeros(N)}, "is 0 in every row"),
        ({"y": np.arange(N) - 1}, "not negative"),
        ({"y": np.full(N, np.nan)}, "No row of data has a value in every column"),
        ({"x": np.arange(N - 1)}, "x"),
        ({"g": np.full(N, None)}, "No row of data has a value in every column"),
    ],
)
def test_what_is_no_model_is_refused(change, match):
    with pytest.raises(gj.ModelError, match=match):
        gj.glmm("y ~ x + (1 | g)", GOOD | change, "poisson")


@settings(fewer, max_examples=20)
@given(st.one_of(st.floats(-1e6, -1e-3), st.just(np.inf)), st.integers(0, N - 1))
def test_weights_that_are_none_are_refused(weight, row):
    weights = np.ones(N)
    weights[row] = weight
    with pytest.raises(gj.ModelError):
        gj.glmm("y ~ x + (1 | g)", GOOD, "poisson", weights=weights)
    with pytest.raises(gj.ModelError):
        gj.glmm(
            "y ~ x + (1 | g)", GOOD, "poisson", offset=np.where(np.arange(N) == row, np.inf, 0.0)
        )
