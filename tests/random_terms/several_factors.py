"""Fits with several grouping factors, each made once a session, and their dense algebra."""

import functools

import numpy as np
import pandas as pd
from dense import mode

import glmmjax as gj

FORMULAS = {
    "crossed": ("count ~ x + (1 + x | a) + (1 | b)", "poisson"),
    "nested": ("y ~ x + (1 | d/c) + (0 + x | d)", "gaussian"),
    "all": ("y ~ s(x, k=6) + propto(1 | a, K) + propto(1 | b, K)", "gaussian"),
}


@functools.cache
def table() -> pd.DataFrame:
    """120 rows: `a` (8 levels) and `b` (5) crossed, `c` (4) in `d` (6), times `t`."""
    rng = np.random.default_rng(21)
    n = 120
    a, b, d, c, t = (rng.integers(0, size, n) for size in (8, 5, 6, 4, 4))
    x = rng.normal(size=n).round(4)
    of_a, slopes, of_b, of_d, slopes_d = (rng.normal(size=size) for size in (8, 8, 5, 6, 6))
    of_c = rng.normal(size=(6, 4))
    eta = 0.4 + 0.5 * x + 0.6 * of_a[a] + 0.4 * slopes[a] * x + 0.5 * of_b[b]
    noise = 0.5 * rng.normal(size=n)
    # Levels of `a` and `b` have different names, so that one matrix holds both.
    labels = {"a": pd.Categorical([f"a{k}" for k in a]), "b": pd.Categorical([f"b{k}" for k in b])}
    y = 1 + 0.5 * x + of_d[d] + 0.7 * of_c[d, c] + 0.6 * slopes_d[d] * x + noise
    return pd.DataFrame(
        {
            **labels,
            "c": pd.Categorical([f"c{k}" for k in c]),
            "d": pd.Categorical([f"d{k}" for k in d]),
            "t": t,
            "x": x,
            "y": y.round(4) + 0.8 * of_a[a] + 0.6 * of_b[b],
            "count": rng.poisson(np.exp(eta)),
        }
    )


def known() -> pd.DataFrame:
    """A matrix for the levels of `a` and of `b`."""
    names = [*table()["b"].cat.categories, *table()["a"].cat.categories]
    k = 0.4 ** np.abs(np.subtract.outer(range(len(names)), range(len(names))))
    return pd.DataFrame(k, names, names)


def model(name: str, data: pd.DataFrame | None = None) -> gj.Model:
    formula, family = FORMULAS[name]
    matrices = {"K": known()} if name == "all" else None
    return gj.glmm(formula, table() if data is None else data, family, matrices=matrices)


@functools.cache
def fit(name: str) -> gj.Fit:
    found = model(name).fit()
    assert found.converged
    return found


class Rows:
    """Rows, and the dense numbers that follow from parameters, for `crossed` and `nested`."""

    def __init__(self, name: str, data: pd.DataFrame):
        self.name, self.data = name, data
        self.x = np.stack([np.ones(len(data)), data["x"]], 1)

    def codes(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Label and (n, q) columns of each random term, in the order of the formula."""
        one, x = self.x[:, :1], self.x[:, 1:]
        a, b, c, d = (self.data[name].astype(str).to_numpy() for name in "abcd")
        if self.name == "crossed":
            return [(a, self.x), (b, one)]
        return [(d, one), (np.char.add(d.astype("U9"), c.astype("U9")), one), (d, x)]

    def covariance(self, other: "Rows", vector: np.ndarray) -> np.ndarray:
        """Of what random effects add to these rows and the others, at packed parameters."""
        theta, scale = vector[2:], 1.0
        if self.name == "crossed":
            lams = [np.array([[theta[0], 0.0], [theta[1], theta[2]]]), theta[3:4, None]]
        else:
            lams, scale = [theta[k : k + 1, None] for k in range(3)], np.exp(vector[-1])
        total = np.zeros((len(self.data), len(other.data)))
        for (mine, z), (theirs, w), lam in zip(self.codes(), other.codes(), lams, strict=True):
            total += np.equal.outer(mine, theirs) * (z @ (scale**2 * lam @ lam.T) @ w.T)
        return total

    def given_data(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Linear predictor of these rows at the conditional mode, and its variance given the
        parameters."""
        fitted = Rows(self.name, table())
        m, between = fitted.covariance(fitted, vector), self.covariance(fitted, vector)
        eta = fitted.x @ vector[:2]
        if self.name == "crossed":
            alpha = mode(table()["count"].to_numpy(), eta, m)
            w = np.exp(eta + m @ alpha)
        else:
            w = np.full(len(eta), np.exp(-2 * vector[-1]))
            alpha = np.linalg.solve(m + np.diag(1 / w), table()["y"].to_numpy() - eta)
        taken = between @ np.linalg.solve(m + np.diag(1 / w), between.T)
        return self.x @ vector[:2] + between @ alpha, np.diag(self.covariance(self, vector) - taken)
