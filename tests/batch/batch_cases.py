"""Batches of every kind that the tests fit, with the same members as single models."""

import dataclasses
import functools

import numpy as np
import pandas as pd

import glmmjax as gj

SIZES = (3, 5, 6, 8, 9, 4, 7, 18)  # the last group has several blocks
N = sum(SIZES)
MEMBERS = 7  # no multiple of the lanes


@functools.cache
def table() -> pd.DataFrame:
    """60 rows in 8 groups of unequal size."""
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(len(SIZES)), SIZES)
    rng.shuffle(g)
    return pd.DataFrame(
        {"g": g, "x": rng.normal(size=N), "o": rng.uniform(-1, 1, N), "t": rng.integers(3, 9, N)}
    )


@functools.cache
def draws(kind: str, members: int = MEMBERS, seed: int = 5) -> np.ndarray:
    """(members, n) responses."""
    rng, data = np.random.default_rng(seed), table()
    u = rng.normal(size=(2, members, len(SIZES)))[..., data.g] * np.array([0.8, 0.4])[:, None, None]
    eta = 0.6 + u[0] + (0.4 + u[1]) * data.x.to_numpy()
    p, mu = 1 / (1 + np.exp(-eta)), np.exp(eta)
    return {
        "count": lambda: rng.poisson(mu),
        "spread": lambda: rng.poisson(mu * np.exp(data.o.to_numpy()) * rng.gamma(2, 0.5, mu.shape)),
        "binary": lambda: rng.uniform(size=p.shape) < p,
        "successes": lambda: rng.binomial(data.t, p),
        "real": lambda: eta + rng.normal(size=p.shape),
        "positive": lambda: rng.gamma(4, mu / 4),
    }[kind]()


@dataclasses.dataclass(frozen=True)
class Case:
    """A batch: `left ~ right` of `family` with `options` of the model, fitted to `draws(kind)` with
    `how`."""

    right: str
    family: object
    kind: str
    how: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    left: str = "y"

    def model(self) -> gj.Model:
        """Without a response, but for proportions, whose trials it holds."""
        left = "" if self.left == "y" else self.left
        return gj.glmm(f"{left} ~ {self.right}", table().assign(y=1), self.family, **self.options)

    def responses(self) -> np.ndarray:
        return draws(self.kind)

    def single(self, member: int) -> gj.Fit:
        data = table().assign(y=self.responses()[member].astype(float))
        return gj.glmm(f"{self.left} ~ {self.right}", data, self.family, **self.options).fit(
            **self.how
        )


CASES = {
    "poisson": Case("x + (1 | g)", "poisson", "count"),
    "slopes": Case("x + (x | g)", "bernoulli", "binary"),
    "nbinom2": Case("x + (1 | g)", gj.NBinom2(), "spread", options={"offset": "o"}),
    "ml": Case("x + (x | g)", "gaussian", "real"),
    "reml": Case("x + (x | g)", "gaussian", "real", {"reml": True}),
    "gamma": Case("x + (1 | g)", gj.Gamma("log"), "positive"),
    "binomial": Case(
        "x + (1 | g)",
        gj.Binomial("probit"),
        "successes",
        {"method": gj.Laplace(curvature="expected")},
        left="y / t",
    ),
    "quadrature": Case("x + (1 | g)", "bernoulli", "binary", {"method": gj.AGHQ(5)}),
    "glm": Case("x", "poisson", "count"),
}
DAMAGE = ("zero", "nan", "infinite", "negative", "fraction")


def damaged(counts: np.ndarray, kind: str) -> np.ndarray:
    """Counts of one member as no count model can take them."""
    y = counts.astype(float)
    if kind == "zero":
        return 0 * y
    y[3] = {"nan": np.nan, "infinite": np.inf, "negative": -1, "fraction": 0.5}[kind]
    return y
