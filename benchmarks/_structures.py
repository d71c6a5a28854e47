"""Data simulated from models with nested, crossed, structured and very many random effects; the
truth stands beside."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd


@dataclasses.dataclass(frozen=True)
class Structure:
    """A model with its data.

    Attributes:
        peers: names in `_structure_peers.PEERS` of those that fit this model.
        fixed: columns of the fixed effects besides the intercept.
        groups: columns of the grouping factors of the intercepts, for GPBoost.
        in_r: the formula, or a whole call, where R writes it another way; by the peer's name.
        goal: seconds of a warm fit (`million`: of the first one).
    """

    text: str
    formula: str
    family: str
    data: pd.DataFrame
    peers: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    in_r: dict[str, str] = dataclasses.field(default_factory=dict)
    goal: float | None = None


GPBOOST = ("GPBoost", "GPBoost, Cholesky")
ALL = ("glmm (Rust)", *GPBOOST, "lme4", "glmmTMB")


def ratings_lmm(*, small: bool) -> Structure:
    """Truth: 3.3 - 0.1 service; sd 0.33 (s), 0.51 (d), 0.15 (dept), 1.18 (residual)."""
    rng, data = _ratings(small)
    mean = 3.3 - 0.1 * data.service + _intercepts(rng, data, s=0.33, d=0.51, dept=0.15)
    y = mean + rng.normal(0, 1.18, len(data))
    text = (
        "students rate lecturers of departments, crossed as in lme4's InstEval; gaussian, exact ML"
    )
    return _rated(text, "gaussian", data.assign(y=y), ("glmm (Rust)", *GPBOOST, "lme4"), 1.2)


def ratings_bernoulli(*, small: bool) -> Structure:
    """Truth: logit 0.3 - 0.2 service; sd 0.5 (s), 0.8 (d), 0.25 (dept)."""
    rng, data = _ratings(small)
    eta = 0.3 - 0.2 * data.service + _intercepts(rng, data, s=0.5, d=0.8, dept=0.25)
    text = "the same with a logit response; Laplace"
    return _rated(
        text,
        "bernoulli",
        data.assign(y=_bernoulli(rng, eta)),
        ("glmm (Rust)", *GPBOOST, "glmmTMB"),
        1.8,
    )


def verbagg(*, small: bool) -> Structure:
    """Truth: logit 0.2 + 0.3 anger + 0.3 male - 1 scold - 2 shout - 1 self; sd 1.3 (id), 0.5
    (item)."""
    rng = np.random.default_rng(2)
    subjects, items = (40, 24) if small else (316, 24)
    subject, item = np.divmod(np.arange(subjects * items), items)
    person = {
        "anger": rng.normal(0, 1, subjects)[subject],
        "male": (rng.random(subjects) < 0.25)[subject],
    }
    task = {"scold": item % 3 == 1, "shout": item % 3 == 2, "self": item // 12 == 1}
    data = pd.DataFrame(person | task).astype(float).assign(id=subject, item=item)
    eta = (
        0.2
        + data[[*person, *task]].to_numpy() @ (0.3, 0.3, -1, -2, -1)
        + _intercepts(rng, data, id=1.3, item=0.5)
    )
    return Structure(
        text="every person answers every item, crossed as in lme4's VerbAgg; Laplace",
        formula="y ~ anger + male + scold + shout + self + (1 | id) + (1 | item)",
        family="bernoulli",
        data=data.assign(y=_bernoulli(rng, eta)),
        peers=ALL,
        fixed=(*person, *task),
        groups=("id", "item"),
        goal=0.2,
    )


def three_levels(*, small: bool) -> Structure:
    """Truth: logit 0.5 + 0.8 older - 0.5 indigenous - 0.6 rural; sd 1.5 (mother), 0.8
    (community)."""
    rng = np.random.default_rng(3)
    mothers, communities, children = (320, 32, 432) if small else (1600, 160, 2160)
    # Every mother has a child, and a third of them, chosen at random, further ones.
    mother = np.sort(
        np.concatenate([np.arange(mothers), rng.integers(0, mothers, children - mothers)])
    )
    community = rng.integers(0, communities, mothers)[mother]
    data = pd.DataFrame(
        {"older": rng.random(children) < 0.7, "indigenous": (rng.random(mothers) < 0.4)[mother]}
    )
    data = data.assign(rural=(rng.random(communities) < 0.6)[community]).astype(float)
    data = data.assign(community=community, mother=mother)
    fixed = 0.5 + data[["older", "indigenous", "rural"]].to_numpy() @ (0.8, -0.5, -0.6)
    eta = fixed + _intercepts(rng, data, mother=1.5, community=0.8)
    return Structure(
        text="children of mothers in communities, nested as in guImmun; Laplace",
        formula="y ~ older + indigenous + rural + (1 | community/mother)",
        family="bernoulli",
        data=data.assign(y=_bernoulli(rng, eta)),
        peers=ALL,
        fixed=("older", "indigenous", "rural"),
        groups=("community", "mother"),
    )


def million(*, small: bool) -> Structure:
    """Truth: logit -0.3 + 0.5 x; sd 0.8 and 0.5 (x), correlation 0.3."""
    rng = np.random.default_rng(4)
    groups = 1_000 if small else 100_000
    size = rng.integers(2, 19, groups)
    missing = 10 * groups - size.sum()
    size[np.flatnonzero((size > 2) & (size < 18))[: abs(missing)]] += np.sign(missing)
    g = np.repeat(np.arange(groups), size)
    x, z = rng.normal(size=len(g)), rng.normal(size=(2, groups))
    u, v = 0.8 * z[0], 0.5 * (0.3 * z[0] + np.sqrt(1 - 0.3**2) * z[1])
    data = pd.DataFrame({"x": x, "g": g, "y": _bernoulli(rng, -0.3 + 0.5 * x + u[g] + v[g] * x)})
    text = "groups of 2 to 18 rows; goals below 20 s for the first fit, and 4 GB"
    return Structure(text, "y ~ x + (x | g)", "bernoulli", data, goal=20.0)


def lopsided(*, small: bool) -> Structure:
    """Truth: log mean 0.3 + 0.4 x; sd 0.6."""
    rng = np.random.default_rng(5)
    groups = 100 if small else 10_000
    g = np.concatenate([np.repeat(np.arange(groups), 5), np.full(5 * groups, groups)])
    data = pd.DataFrame({"x": rng.normal(size=len(g)), "g": g})
    eta = 0.3 + 0.4 * data.x + _intercepts(rng, data, g=0.6)
    return Structure(
        text="groups of 5 rows, and one that has half of all rows",
        formula="y ~ x + (1 | g)",
        family="poisson",
        data=data.assign(y=rng.poisson(np.exp(eta))),
        peers=("glmm (Rust)", "GPBoost", "lme4", "glmmTMB"),
        fixed=("x",),
        groups=("g",),
    )


def ar1(*, small: bool) -> Structure:
    """Truth: log mean 0.5 + 0.3 x; sd 0.5, correlation 0.7 from one time to the next."""
    rng = np.random.default_rng(6)
    groups, times = (30, 8) if small else (300, 20)
    u = rng.normal(0, 0.5, (groups, times))
    for t in range(1, times):
        u[:, t] = 0.7 * u[:, t - 1] + np.sqrt(1 - 0.7**2) * u[:, t]
    g, t = np.divmod(np.arange(groups * times), times)
    x = rng.normal(size=len(g))
    data = pd.DataFrame(
        {"x": x, "t": t, "g": g, "y": rng.poisson(np.exp(0.5 + 0.3 * x + u.ravel()))}
    )
    return Structure(
        text="autoregressive series of counts; Laplace",
        formula="y ~ x + ar1(t | g)",
        family="poisson",
        data=data,
        peers=("glmmTMB",),
        in_r={"glmmTMB": "y ~ x + ar1(0 + factor(t) | g)"},
    )


def irregular(*, small: bool) -> Structure:
    """20 series of 10 irregular times; truth: x; sd 1 (g), 1 (residual)."""
    del small
    rng = np.random.default_rng(19)
    g = np.repeat(np.arange(20), 10)
    data = pd.DataFrame({"g": g, "t": rng.uniform(0, 10, 200), "x": rng.normal(size=200)})
    data["y"] = data.x + rng.normal(0, 1, 20)[g] + rng.normal(size=200)
    return Structure(
        text="few series of irregular times; gaussian, exact ML",
        formula="y ~ x + ou(t | g)",
        family="gaussian",
        data=data,
        peers=("glmmTMB",),
        in_r={"glmmTMB": "y ~ x + ou(numFactor(t) + 0 | g)"},
        goal=0.02,
    )


def series(*, small: bool) -> Structure:
    """Truth: x; sd 1, correlation exp(-distance / 2) (u), 1 (residual)."""
    rng = np.random.default_rng(9)
    groups, times = (50, 20) if small else (10_000, 20)
    t = np.sort(rng.uniform(0, 10, (groups, times)), 1)
    u = rng.normal(size=(groups, times))
    for j in range(1, times):
        r = np.exp(-(t[:, j] - t[:, j - 1]) / 2)
        u[:, j] = r * u[:, j - 1] + np.sqrt(1 - r**2) * u[:, j]
    data = pd.DataFrame(
        {"g": np.repeat(np.arange(groups), times), "t": t.ravel(), "x": rng.normal(size=u.size)}
    )
    return Structure(
        text="10,000 series of 20 irregular times; goals below 5 s warm and 2 GB",
        formula="y ~ x + ou(t | g)",
        family="gaussian",
        data=data.assign(y=data.x + u.ravel() + rng.normal(size=u.size)),
        goal=5.0,
    )


def spatial(*, small: bool) -> Structure:
    """Truth: 1 + 0.5 a; field of sd 1, correlation exp(-distance / 2), in a square of side 10; sd
    0.5 (residual)."""
    rng = np.random.default_rng(7)
    n = 40 if small else 400
    east, north, a = rng.uniform(0, 10, n), rng.uniform(0, 10, n), rng.normal(size=n)
    distance = np.hypot(east[:, None] - east, north[:, None] - north)
    field = np.linalg.cholesky(np.exp(-distance / 2)) @ rng.normal(size=n)
    data = pd.DataFrame({"east": east, "north": north, "a": a, "all": 1, "y": 1 + 0.5 * a + field})
    return Structure(
        text="a gaussian field at scattered places, exponential correlation; ML",
        formula="y ~ a + exp(east + north | all)",
        family="gaussian",
        data=data.assign(y=data.y + rng.normal(0, 0.5, n)),
        peers=("glmmTMB",),
        in_r={"glmmTMB": "y ~ a + exp(numFactor(east, north) + 0 | all)"},
    )


def smooth(*, small: bool) -> Structure:
    """Truth: sin(6 x); sd 0.5 (g), 1 (residual)."""
    rng = np.random.default_rng(8)
    n, groups = (600, 20) if small else (20_000, 200)
    data = pd.DataFrame({"x": rng.uniform(size=n), "g": np.arange(n) % groups})
    y = np.sin(6 * data.x) + _intercepts(rng, data, g=0.5) + rng.normal(0, 1, n)
    return Structure(
        text="a penalised cubic spline beside groups; ML",
        formula="y ~ s(x, k=20) + (1 | g)",
        family="gaussian",
        data=data.assign(y=y),
        peers=("mgcv",),
        in_r={"mgcv": 'y ~ s(x, bs = "cr", k = 20) + s(g, bs = "re")'},
    )


def _ratings(small: bool) -> tuple[np.random.Generator, pd.DataFrame]:
    """Who rates whom: 10 to 50 lecturers a student, a few lecturers much rated, mostly of the
    student's department.

    A lecturer lectures in one department, and in 8 % of the ratings for another one.
    """
    rng = np.random.default_rng(1)
    students, lecturers, ratings = (60, 40, 1_200) if small else (2_972, 1_128, 73_421)
    departments = 4 if small else 14
    share = rng.beta(1.2, 2, students)
    number = np.clip(10 + np.round(40 * share), 10, min(50, lecturers)).astype(int)
    while (missing := ratings - number.sum()) != 0:
        chosen = rng.integers(students)
        number[chosen] = np.clip(number[chosen] + np.sign(missing), 10, min(50, lecturers))
    home = rng.choice(departments, lecturers, p=rng.dirichlet(np.full(departments, 4)))
    popular = np.maximum(rng.lognormal(0, 0.9, lecturers), 0.2)
    d = []
    for student in range(students):
        weight = popular * np.where(home == rng.integers(departments), 8, 1)
        d.append(rng.choice(lecturers, number[student], replace=False, p=weight / weight.sum()))
    s, d = np.repeat(np.arange(students), number), np.concatenate(d)
    dept = np.where(rng.random(ratings) < 0.08, rng.integers(0, departments, ratings), home[d])
    return rng, pd.DataFrame(
        {"service": (rng.random(ratings) < 0.43).astype(float), "s": s, "d": d, "dept": dept}
    )


def _rated(
    text: str, family: str, data: pd.DataFrame, peers: tuple[str, ...], goal: float
) -> Structure:
    formula = "y ~ service + (1 | s) + (1 | d) + (1 | dept)"
    return Structure(
        text, formula, family, data, peers, ("service",), ("s", "d", "dept"), goal=goal
    )


def _intercepts(rng: np.random.Generator, data: pd.DataFrame, **sd: float) -> np.ndarray:
    """The sum of random intercepts of grouping factors with levels 0, 1, ..."""
    return sum(rng.normal(0, value, data[name].max() + 1)[data[name]] for name, value in sd.items())


def _bernoulli(rng: np.random.Generator, eta: np.ndarray) -> np.ndarray:
    return (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)


STRUCTURES: dict[str, Callable[..., Structure]] = {
    function.__name__: function
    for function in (
        *(ratings_lmm, ratings_bernoulli, verbagg, three_levels, million, lopsided),
        *(ar1, irregular, series, spatial, smooth),
    )
}
