"""Data for models with several linear predictors."""

import numpy as np
import pandas as pd


def draw_counts(seed: int = 9, groups: int = 60, rows: int = 12) -> pd.DataFrame:
    """Zero-inflated counts whose groups differ in the mean and, by themselves, in the share of
    extra zeros."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(groups), rows), rng.normal(size=groups * rows)
    mu = np.exp(0.8 + 0.4 * x + 0.5 * rng.normal(size=groups)[g])
    p = 1 / (1 + np.exp(-(-0.7 + 0.6 * x + 0.8 * rng.normal(size=groups)[g])))
    y = np.where(rng.uniform(size=len(g)) < p, 0, rng.poisson(mu))
    sigma = np.exp(-0.3 + 0.5 * x)
    real = 1 + 0.5 * x + 0.7 * rng.normal(size=groups)[g] + sigma * rng.normal(size=len(g))
    return pd.DataFrame({"g": g, "x": x, "y": y, "real": real, "w": rng.integers(1, 4, len(g)) / 2})
