"""Data with a curve. `python smooth_data.py` writes the file that `smooth_fits.R` fits."""

import functools
import pathlib

import numpy as np
import pandas as pd


def truth(x):
    """The curve."""
    return np.sin(2.5 * x) + 0.3 * x


@functools.cache
def table(seed: int = 8) -> pd.DataFrame:
    """120 rows, two curves by the levels of `f`, and counts."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1, 3, 120)).round(4)
    f = np.where(rng.uniform(size=len(x)) < 0.5, "a", "b")
    noise = 0.4 * rng.normal(size=len(x))
    data = {
        "x": x,
        "f": pd.Categorical(f),
        "y": (1 + truth(x) + noise).round(6),
        "two": (1 + np.where(f == "a", truth(x), np.cos(2 * x)) + noise).round(6),
        "count": rng.poisson(np.exp(0.8 + 0.7 * truth(x))),
    }
    return pd.DataFrame(data)


if __name__ == "__main__":
    table().to_csv(pathlib.Path(__file__).with_name("smooths.csv"), index=False)
