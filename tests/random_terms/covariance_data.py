"""Small data for each covariance structure; `python covariance_data.py` writes the file for
`covariance_fits.R`."""

import functools
import pathlib

import numpy as np
import pandas as pd

LEVELS, TIMES = 30, 5
# Structure: response, random term.
CASES = {
    "us": ("columns", "(1 + z | g)"),
    "diag": ("columns", "diag(1 + z | g)"),
    "homdiag": ("columns", "homdiag(1 + z | g)"),
    "cs": ("columns", "cs(0 + f | g)"),
    "homcs": ("columns", "homcs(0 + f | g)"),
    "rr": ("columns", "rr(0 + f | g, d=1)"),
    "ar1": ("series", "ar1(t | g)"),
    "hetar1": ("series", "hetar1(t | g)"),
    "toep": ("series", "toep(t | g)"),
    "ou": ("series", "ou(when | g)"),
    "exp": ("map", "exp(east + north | g)"),
    "mat": ("map", "mat(east + north | g)"),
    "propto": ("related", "propto(1 | g, K)"),
}
WHEN = np.array([0.0, 0.4, 1.5, 2.1, 4.0])
PLACE = np.array([[0.0, 0.0], [1.0, 0.2], [0.3, 1.1], [2.0, 1.5], [1.2, 2.2]])


@functools.cache
def table() -> pd.DataFrame:
    """30 levels with two rows at each of 5 positions, a response with effects of each kind, and
    counts.

    Rounded to what the file holds.
    """
    rng = np.random.default_rng(11)
    g, t = (
        a.ravel()
        for a in np.meshgrid(np.arange(LEVELS), np.repeat(np.arange(TIMES), 2), indexing="ij")
    )
    x, z = rng.normal(size=(2, len(g)))
    f = t % 3
    sd = np.array([1.0, 0.8, 1.3, 1.1, 0.9])
    distance = np.sqrt(((PLACE[:, None] - PLACE) ** 2).sum(-1))
    effects = {
        "columns": rng.normal(size=(LEVELS, 3))[g, f] * np.array([0.3, 0.6, 0.4])[f]
        + rng.normal(size=LEVELS)[g] * np.array([0.8, 0.5, 1.0])[f]
        + rng.normal(size=LEVELS)[g] * 0.6 * z,
        "series": _draws(
            rng, sd[:, None] * 0.6 ** np.abs(np.subtract.outer(range(TIMES), range(TIMES))) * sd
        )[g, t],
        "map": _draws(rng, (1 + distance / 0.6) * np.exp(-distance / 0.6))[
            g, t
        ],  # Matern of smoothness 1.5
        "related": (np.linalg.cholesky(relatedness()) @ rng.normal(size=LEVELS))[g],
    }
    fixed = 0.3 + 0.5 * x
    found = {
        "g": pd.Categorical.from_codes(g, _names()),
        "t": t,
        "f": pd.Categorical.from_codes(f, ["a", "b", "c"]),
        "when": WHEN[t],
        "east": PLACE[t, 0],
        "north": PLACE[t, 1],
        "x": x.round(6),
        "z": z.round(6),
    }
    for name, own in effects.items():
        found[name] = (fixed + own + 0.3 * rng.normal(size=len(g))).round(6)
    found["count"] = rng.poisson(np.exp(0.5 * (fixed + effects["series"])))
    return pd.DataFrame(found)


@functools.cache
def relatedness() -> pd.DataFrame:
    """A positive definite matrix of the levels of `g`: neighbours are related."""
    k = 0.5 ** np.abs(np.subtract.outer(range(LEVELS), range(LEVELS))) + 0.2 * np.diag(
        1.0 + np.arange(LEVELS) % 3
    )
    return pd.DataFrame(k, _names(), _names())


def _names() -> list[str]:
    return [f"g{level + 1:02d}" for level in range(LEVELS)]


def _draws(rng: np.random.Generator, covariance: np.ndarray) -> np.ndarray:
    return rng.normal(size=(LEVELS, len(covariance))) @ np.linalg.cholesky(covariance).T


if __name__ == "__main__":
    table().to_csv(pathlib.Path(__file__).with_name("covariances.csv"), index=False)
