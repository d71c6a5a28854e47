"""The batches that are timed: one design, many simulated responses."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse

import glmmjax as gj


@dataclasses.dataclass(frozen=True)
class Setting:
    """A batch.

    Attributes:
        right: right-hand side of the formula.
        data: the design: covariates and the grouping factor `g`.
        responses: (B, n), a member in every row; dense or scipy sparse.
        offset: (n,) or None.
    """

    name: str
    family: str
    right: str
    data: pd.DataFrame
    responses: Any
    offset: np.ndarray | None = None

    def fit_many(self, **options: Any) -> gj.Batch:
        """Fit all members."""
        model = gj.glmm(f"~ {self.right}", self.data, self.family)
        return gj.fit_many(model, self.responses, offset=self.offset, **options)

    def fit_one(self, member: int) -> gj.Fit:
        """Fit one member as a model of its own."""
        return gj.glmm(
            f"y ~ {self.right}", self.with_response(member), self.family, offset=self.offset
        ).fit()

    def with_response(self, member: int) -> pd.DataFrame:
        """The design with the response `y` of one member."""
        y = self.responses[[member]]
        y = y.toarray() if scipy.sparse.issparse(y) else y
        return self.data.assign(y=y[0].astype(float))

    def sample(self, size: int) -> "Setting":
        """Members spread evenly over the batch."""
        return dataclasses.replace(
            self, responses=self.responses[spread(self.responses.shape[0], size)]
        )

    @property
    def has_slope(self) -> bool:
        return "(1 |" not in self.right


def spread(count: int, size: int) -> np.ndarray:
    """At most `size` numbers below `count`, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(size, count)).astype(int))


def poisson_intercepts(members: int, *, groups: int = 30) -> Setting:
    """S1: Poisson, (1 | g), groups of 20 rows, 4 coefficients. Counts are kept in a byte each."""
    rng = np.random.default_rng(1)
    data = _design(rng, groups, 20, "abc")
    fixed = 0.5 + data[["a", "b", "c"]].to_numpy() @ (0.3, -0.2, 0.1)

    def draw() -> np.ndarray:
        eta = fixed + rng.normal(0, 0.6, groups)[data.g]
        return np.minimum(rng.poisson(np.exp(eta)), 255)

    return Setting(
        "S1", "poisson", "a + b + c + (1 | g)", data, _responses(members, draw, np.uint8)
    )


def bernoulli_slopes(members: int) -> Setting:
    """S2: Bernoulli, (a | g), 50 groups of 20 rows, 3 coefficients."""
    rng = np.random.default_rng(2)
    data = _design(rng, 50, 20, "ab")

    def draw() -> np.ndarray:
        eta = -0.3 + _slopes(rng, data, 0.8, -0.5)
        return rng.random(len(eta)) < 1 / (1 + np.exp(-eta))

    return Setting("S2", "bernoulli", "a + b + (a | g)", data, _responses(members, draw, np.uint8))


def nbinom_offset(members: int) -> Setting:
    """S3: negative binomial, (1 | g), offset, 30 groups of 200 rows, 3 coefficients; mean counts of
    1 to 3."""
    rng = np.random.default_rng(3)
    data = _design(rng, 30, 200, "ab")
    offset = np.log(rng.gamma(5, 1 / 5, len(data)))  # of size factors with mean one

    def draw() -> np.ndarray:
        eta = (
            rng.uniform(0, 0.8)
            + data[["a", "b"]].to_numpy() @ (0.3, -0.2)
            + rng.normal(0, 0.5, 30)[data.g]
        )
        return rng.poisson(np.exp(eta + offset) * rng.gamma(2, 1 / 2, len(eta)))

    return Setting(
        "S3", "nbinom2", "a + b + (1 | g)", data, _responses(members, draw, np.uint16), offset
    )


def gaussian_slopes(members: int) -> Setting:
    """S4: Gaussian by ML, (a | g), 50 groups of 20 rows, 3 coefficients."""
    rng = np.random.default_rng(4)
    data = _design(rng, 50, 20, "ab")

    def draw() -> np.ndarray:
        return 2 + _slopes(rng, data, 0.5, -0.4) + rng.normal(0, 1, len(data))

    return Setting("S4", "gaussian", "a + b + (a | g)", data, _responses(members, draw, np.float64))


def single_cell(genes: int, cells: int, donors: int) -> Setting:
    """Counts of genes in cells: negative binomial, (1 | g) for donors, offset log library size, 4
    coefficients.

    Mean counts of genes are log-normal around 0.2, so that most counts are zero. One covariate
    belongs to the donors (`a`, half of them have it), two to the cells.
    """
    rng = np.random.default_rng(5)
    g = np.arange(cells) % donors
    data = pd.DataFrame(
        {
            "a": (g % 2).astype(float),
            "b": rng.normal(size=cells),
            "c": rng.normal(size=cells),
            "g": g,
        }
    )
    library = rng.lognormal(0, 0.4, cells)
    x = data[["a", "b", "c"]].to_numpy()

    def draw() -> scipy.sparse.csr_array:
        effects, size = rng.normal(0, 0.2, 3), rng.lognormal(np.log(2), 0.5)
        eta = rng.normal(np.log(0.2), 1.5) + x @ effects + rng.normal(0, 0.3, donors)[g]
        y = rng.poisson(np.exp(eta) * library * rng.gamma(size, 1 / size, cells))
        return scipy.sparse.csr_array(np.minimum(y, 65_535).astype(np.uint16)[None])

    counts = scipy.sparse.vstack([draw() for _ in range(genes)], format="csr")
    return Setting("single-cell", "nbinom2", "a + b + c + (1 | g)", data, counts, np.log(library))


def _design(rng: np.random.Generator, groups: int, rows: int, covariates: str) -> pd.DataFrame:
    columns = rng.normal(size=(groups * rows, len(covariates)))
    return pd.DataFrame(columns, columns=list(covariates)).assign(
        g=np.repeat(np.arange(groups), rows)
    )


def _slopes(rng: np.random.Generator, data: pd.DataFrame, a: float, b: float) -> np.ndarray:
    """Effects of a and b, with intercepts (sd 0.7) and slopes of a (sd 0.4, correlation 0.3) by
    group."""
    z = rng.normal(size=(2, 50))
    u, v = 0.7 * z[0], 0.4 * (0.3 * z[0] + np.sqrt(1 - 0.3**2) * z[1])
    return u[data.g] + (a + v[data.g]) * data.a.to_numpy() + b * data.b.to_numpy()


def _responses(members: int, draw: Callable[[], np.ndarray], dtype: type) -> np.ndarray:
    first = draw()
    responses = np.empty((members, len(first)), dtype)
    responses[0] = first
    for member in range(1, members):
        responses[member] = draw()
    return responses


SETTINGS: dict[str, Callable[[int], Setting]] = {
    "S1": poisson_intercepts,
    "S2": bernoulli_slopes,
    "S3": nbinom_offset,
    "S4": gaussian_slopes,
}
