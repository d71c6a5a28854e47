import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glmmjax._errors import ModelError
from glmmjax.design import build_design, invalid_responses, is_constant

KINDS = ["real", "positive", "count", "positive_count", "binary", "proportion"]
VALUES = st.sampled_from(
    [0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 0.5, -1.0, np.nan, np.inf, -np.inf, 1e101, 1e99]
)


def is_refused(y, kind, weights):
    """Whether a single design takes the response."""
    successes, trials = y.T if y.ndim == 2 else (y, y)
    left = "a / b" if y.ndim == 2 else "a"
    try:
        design = build_design(
            f"{left} ~ x",
            {"a": successes, "b": trials, "x": range(6)},
            response=kind,
            weights=weights,
        )
    except ModelError:
        return True
    assert design.dropped_rows == 0
    return False


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_the_rules_are_those_of_a_single_response(kind, data):
    shape = (3, 6, 2) if kind == "proportion" else (3, 6)
    values = data.draw(st.sampled_from([VALUES, st.sampled_from([0.0, 1.0, 2.0])]))
    y = data.draw(hnp.arrays(np.float64, shape, elements=values))
    weights = data.draw(st.sampled_from([None, np.array([1.0, 0, 2, 1, 0, 3])]))
    invalid, constant = invalid_responses(y, kind, weights)
    for member, (bad, same) in enumerate(zip(invalid, constant, strict=True)):
        missing = np.isnan(y[member]).any()  # of a single response its row would be dropped
        assert bad == (missing or is_refused(y[member], kind, weights))
        assert same == (not bad and is_constant(y[member], kind, weights))


def test_each_kind():
    y = np.array([[1.0, 2, 3], [1, 1, 1], [0, 1, 1], [0, 1, np.nan], [0.5, 1, 2], [-1, 2, 3]])
    invalid = {
        "real": [0, 0, 0, 1, 0, 0],
        "positive": [0, 0, 1, 1, 0, 1],
        "count": [0, 0, 0, 1, 1, 1],
        "binary": [1, 0, 0, 1, 1, 1],
    }
    for kind, expected in invalid.items():
        faults = invalid_responses(y, kind)
        np.testing.assert_array_equal(faults.invalid, np.array(expected, bool))
        np.testing.assert_array_equal(faults.constant, [False, True, False, False, False, False])
    np.testing.assert_array_equal(
        invalid_responses(y[:3], "real", np.array([0.0, 1, 2])).constant, [False, True, True]
    )


def test_successes_out_of_trials():
    y = np.array(
        [[[1, 2], [0, 1]], [[2, 2], [1, 1]], [[0, 2], [0, 1]], [[2, 1], [0, 1]], [[0, 0], [0, 1]]]
    )
    faults = invalid_responses(y, "proportion")
    np.testing.assert_array_equal(faults.invalid, [False, False, False, True, True])
    np.testing.assert_array_equal(faults.constant, [False, True, True, False, False])


@pytest.mark.parametrize("shape", [(0, 5), (7, 100_000), (100_000, 3)])
def test_any_number_of_responses(shape):
    y = np.zeros(shape)
    y[1::2] = np.arange(shape[1])
    y[3:4, -1] = -1
    faults = invalid_responses(y, "count")
    np.testing.assert_array_equal(np.flatnonzero(faults.invalid), [3] if shape[0] else [])
    np.testing.assert_array_equal(faults.constant, np.arange(shape[0]) % 2 == 0)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, bool])
def test_any_type_of_number(dtype):
    faults = invalid_responses(np.array([[0, 1], [1, 1]], dtype), "binary")
    assert (faults.invalid.tolist(), faults.constant.tolist()) == ([False, False], [False, True])
