"""Data that the tests of fits share."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(20), 8)
    x = rng.normal(size=160)
    f = np.array(list("abcd"))[np.arange(160) % 4]
    u = rng.normal(0, 0.5, 20)[g]
    return pd.DataFrame(
        {
            "g": g,
            "x": x,
            "f": f,
            "count": rng.poisson(np.exp(0.5 + 0.3 * x + u)),
            "y": x + u + rng.normal(size=160),
        }
    )
