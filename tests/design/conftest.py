import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def frame():
    """Twelve rows with a column of every kind; the same frame was given to lme4 (see
    test_fixed_part.py)."""
    x = np.array([0.5, 1.5, -1, 2, 0.3, 0.7, -0.2, 1.1, 0.9, -1.4, 0.6, 0.2])
    return pd.DataFrame(
        {
            "y": [1.2, 3.1, 2.2, 4.8, 5.1, 3.3, 2.1, 4.4, 3.9, 1.7, 2.6, 3.5],
            "count": [0, 3, 2, 5, 1, 1, 0, 4, 2, 2, 7, 1],
            "hits": [1, 0, 2, 2, 3, 0, 1, 1, 4, 2, 0, 1],
            "size": [4, 3, 5, 2, 6, 4, 3, 5, 4, 6, 2, 3],
            "won": [0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0],
            "x": x,
            "x2": 2 * x + 1,
            "z": x * 1e-9,
            "t": np.linspace(1, 3, 12),
            "g": list("abc") * 4,
            "h": list("uvuuvuvvuvvu"),
            "s": np.repeat([10, 9, 8, 7], 3),
        }
    )


@pytest.fixture
def check_same():
    """`check_same(one, other)`: two designs are equal in everything that is fitted, named or
    saved."""
    return _check_same


def _check_same(one, other):
    pd.testing.assert_frame_equal(one.frame, other.frame)
    for field in ("y", "weights", "offset"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    for field in ("formula", "response_kind", "weights_name", "offset_name"):
        assert getattr(one, field) == getattr(other, field)
    assert (one.fixed.names, one.fixed.dropped) == (other.fixed.names, other.fixed.dropped)
    np.testing.assert_array_equal(one.fixed.x, other.fixed.x)
    for left, right in zip(one.random, other.random, strict=True):
        assert (left.formula, left.names, left.levels) == (right.formula, right.names, right.levels)
        assert left.factor_levels == right.factor_levels
        assert left.is_smooth == right.is_smooth
        for field in ("cells", "refs", "z", "position", "coordinates", "matrix"):
            np.testing.assert_array_equal(getattr(left, field), getattr(right, field))
