"""Terms that cannot be told apart, and input that means something else than it seems to, are
refused in a sentence."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    n = 240
    table = {
        "g": rng.choice(list("abcdefghij"), n),
        "f": rng.choice(list("pqr"), n),
        "half": rng.choice(list("pq"), n),
    }
    table |= {
        "h": rng.choice(list("uvwxyz"), n),
        "t": rng.integers(1, 13, n),
        "x": rng.normal(size=n),
    }
    return pd.DataFrame(table | {"y": rng.normal(size=n)})


K = pd.DataFrame(np.eye(10), index=list("abcdefghij"), columns=list("abcdefghij"))


@pytest.mark.parametrize(
    "random",
    [
        "homcs(0 + f | g) + (1 | g)",
        "homcs(0 + f | g) + (1 | g:f)",
        "cs(0 + half | g) + (1 | g)",
        "homdiag(0 + f | g) + (1 | g:f)",
        "propto(1 | g, K) + (1 | g)",
        "(1 | g) + (x | g)",
        "(x || g) + (0 + x | g)",
        "(0 + f | g) + (1 | g)",
    ],
)
def test_terms_that_hold_each_other(data, random):
    with pytest.raises(gj.ModelError, match="cannot be told apart"):
        gj.glmm(f"y ~ {random}", data, matrices={"K": K} if "K" in random else None)


@pytest.mark.parametrize(
    "random",
    [
        "(1 | g) + (0 + x | g)",
        "(1 | g) + (0 + f || g)",
        "ar1(t | g) + (1 | g)",
        "ou(t | g) + (1 | h)",
        "(1 | g) + (1 | g:h)",
        "(x | g) + (x | h)",
    ],
)
def test_terms_that_do_not(data, random):
    gj.glmm(f"y ~ {random}", data)


def test_numbers_as_text_have_no_order(data):
    with pytest.raises(gj.ModelError, match="numbers written as text, in the order 1, 10, 11"):
        gj.glmm("y ~ ar1(t | g)", data.assign(t=data.t.astype(str)))


def test_a_matrix_that_nothing_uses(data):
    with pytest.raises(gj.ModelError, match="no term propto"):
        gj.glmm("y ~ (1 | g)", data, matrices={"K": K})


def test_a_matrix_that_is_negative_is_named(data):
    with pytest.raises(gj.ModelError, match="The matrix K of propto"):
        gj.glmm("y ~ propto(1 | g, K)", data, matrices={"K": -K})
