"""The prior density of unconstrained parameters is that of natural ones, by SciPy, times the change
of volume, by finite differences of a map that is written here; and it is normalised."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.spatial.distance
import scipy.special
import scipy.stats
from family_cases import CASES
from problems import slopes, table

import glmmjax as gj
from glmmjax.assembly import with_priors
from glmmjax.covariances import COVARIANCES, covariance_named, kinds
from glmmjax.families import FAMILIES, AbstractOrdinal
from glmmjax.methods import log_prior

pytestmark = pytest.mark.usefixtures("float64")

LEVELS = 12
TERMS = {
    "us": "us(0 + f | g)",
    "diag": "diag(0 + f | g)",
    "homdiag": "homdiag(0 + f | g)",
    "cs": "cs(0 + f | g)",
    "homcs": "homcs(0 + f | g)",
    "rr": "rr(0 + f | g, d=1)",
    "ar1": "ar1(t | g)",
    "hetar1": "hetar1(t | g)",
    "toep": "toep(t | g)",
    "ou": "ou(when | g)",
    "exp": "exp(when + north | g)",
    "mat": "mat(when + north | g)",
    "propto": "propto(1 | g, K)",
}
ALLOWED = tuple(name for name in COVARIANCES if name != "rr")
SD, OTHER = scipy.stats.gamma(2.5, scale=1 / 0.7), scipy.stats.lognorm(0.8, scale=np.exp(-0.3))
SIGMA, ETA = scipy.stats.halfnorm(scale=1.4), 1.7
PRIORS = gj.Priors(
    intercept=gj.Normal(0.4, 2),
    coefficients=gj.Normal(-0.2, 0.7),
    sd=gj.priors.Gamma(2.5, 0.7),
    corr=gj.LKJ(ETA),
    dispersion=gj.HalfNormal(1.4),
    other=gj.priors.LogNormal(-0.3, 0.8),
)


@functools.cache
def data() -> pd.DataFrame:
    """Three places of each level, five rows at each."""
    rng = np.random.default_rng(2)
    g, t = (own.ravel() for own in np.mgrid[:LEVELS, :15] // np.array([1, 5])[:, None, None])
    n = len(g)
    return pd.DataFrame(
        {
            "g": pd.Categorical.from_codes(g, [f"g{k:02d}" for k in range(LEVELS)]),
            "t": t,
            "f": pd.Categorical.from_codes(t, list("abc")),
            "when": np.array([0.0, 0.5, 1.7])[t],
            "north": np.array([0.0, 1.0, 0.3])[t],
            "x": rng.normal(1.0, 2.0, n),
            "y": rng.normal(size=n),
            "count": rng.poisson(1.5, n),
        }
    )


def related() -> pd.DataFrame:
    names = data().g.cat.categories
    k = 0.5 ** np.abs(np.subtract.outer(range(LEVELS), range(LEVELS))) * 2.0
    return pd.DataFrame(k, names, names)


@functools.cache
def glmm_of(name: str, left: str = "y", family: str = "gaussian"):
    matrices = {"K": related()} if name == "propto" else None
    model = gj.glmm(f"{left} ~ x + {TERMS[name]}", data(), family, matrices=matrices)
    return with_priors(model.core, PRIORS).glmm


def of_all_places(name: str):
    """The covariance of the effects of a level (a model holds some of those of a level apart)."""
    places = data()[["t", "when", "north"]].drop_duplicates().to_numpy()
    own = {"ou": places[:, 1:2], "exp": places[:, 1:], "mat": places[:, 1:]}
    count = LEVELS if name == "propto" else 3
    columns = own.get(name, places[:, 0].astype(int) if kinds()[name] == "order" else None)
    matrix = related() if name == "propto" else None
    covariance = covariance_named(name, count, coordinates=columns, matrix=matrix)
    return jax.jit(lambda theta: covariance.factor(theta))


def natural_of(name: str, theta: np.ndarray, matrix: np.ndarray):
    """Standard deviations, correlations and others of a covariance matrix."""
    sd = np.sqrt(np.diagonal(matrix))
    r = matrix / np.outer(sd, sd)
    if name == "propto":
        return [sd[0] / np.sqrt(2.0)], [], []
    scales = sd if name in ("us", "diag", "cs", "hetar1", "toep") else sd[:1]
    cor = {
        "us": r[np.triu_indices(3, 1)],
        "cs": [r[0, 1]],
        "homcs": [r[0, 1]],
        "ar1": [r[0, 1]],
        "hetar1": [r[0, 1]],
        "toep": r[0, 1:3],
    }.get(name, [])
    places = data()[["when", "north"]].drop_duplicates().to_numpy()
    unit = {
        "ou": np.median(scipy.spatial.distance.pdist(places[:, :1])),
        "exp": np.median(scipy.spatial.distance.pdist(places)),
        "mat": np.median(scipy.spatial.distance.pdist(places)),
    }.get(name)
    others = [] if unit is None else [unit * np.exp(theta[1])]
    return scales, cor, [*others, *([np.exp(theta[2])] if name == "mat" else [])]


def log_of_correlations(name: str, cor) -> float:
    if name == "us":
        a, b, c = cor
        volume = sum(
            k * scipy.special.betaln(half, half) + k * (2 * half - 1) * np.log(2)
            for k, half in ((1, ETA), (2, ETA + 0.5))
        )
        return (ETA - 1) * np.log(1 + 2 * a * b * c - a * a - b * b - c * c) - volume
    return scipy.stats.beta(ETA, ETA, -1, 2).logpdf(cor).sum()


@pytest.mark.parametrize(
    ("name", "is_gaussian"),
    [*((name, True) for name in ALLOWED), ("us", False), ("diag", False), ("toep", False)],
)
def test_covariances(name, is_gaussian):
    """With `sigma`, which all standard deviations are relative to, and without."""
    glmm = glmm_of(name) if is_gaussian else glmm_of(name, "count", "poisson")
    (covariance,), whole = glmm.covariances, of_all_places(name)
    rng = np.random.default_rng(4)

    def natural(vector):
        """From `theta`, then the logarithm of sigma."""
        theta, sigma = vector[: covariance.size], np.exp(vector[covariance.size :])
        lam = np.asarray(whole(jnp.asarray(theta))) * (sigma if is_gaussian else 1.0)
        return natural_of(name, theta, lam @ lam.T), sigma

    @jax.jit
    def found(beta, theta, phi):
        params = gj.Params(beta, (theta,), phi)
        return [log_prior(glmm, params, jacobian=jacobian) for jacobian in (False, True)]

    def flat(vector):
        parts, sigma = natural(vector)
        return np.concatenate([*parts, sigma])

    for sign in (1.0, -1.0):
        beta = rng.normal(size=2)
        vector = rng.normal(size=covariance.size + is_gaussian) / 2
        scales = covariance.scales
        vector[scales] = sign * (np.abs(vector[scales]) + 0.3)
        (sd, cor, others), sigma = natural(vector)
        density = (
            scipy.stats.norm(0.4, 2).logpdf(beta[0] + beta[1] * data().x.mean())
            + scipy.stats.norm(-0.2, 0.7).logpdf(beta[1])
            + SD.logpdf(sd).sum()
            + log_of_correlations(name, cor)
            + OTHER.logpdf(others).sum()
            + SIGMA.logpdf(sigma).sum()
        )
        plain, with_jacobian = found(beta, vector[: covariance.size], vector[covariance.size :])
        assert plain == pytest.approx(density, rel=1e-10)
        _, log_volume = np.linalg.slogdet(slopes(np.vectorize(flat, signature="(n)->(n)"), vector))
        expected = density + log_volume - len(scales) * math.log(2)
        assert with_jacobian == pytest.approx(expected, rel=1e-8)


def test_more_parameters_than_components_are_refused():
    model = gj.glmm(f"y ~ x + {TERMS['rr']}", data())
    with pytest.raises(gj.ModelError, match=r"There are no priors for rr\(0 \+ f \| g, d=1\)"):
        model.priors(PRIORS)
    assert set(TERMS) == set(COVARIANCES)


def panels(*ends, count=6):
    """Nodes and weights of Gauss and Legendre's rule on panels between each two ends."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = np.diff(ends)[:, None] / 2
    return (np.asarray(ends)[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


SCALES = (0.0, 0.05, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0)
SIDES = (*(-own for own in SCALES[:0:-1]), *SCALES)
LINE = tuple(np.linspace(-12, 12, 17))


@pytest.mark.parametrize(
    ("name", "axes"),
    [("homdiag", (SIDES,)), ("propto", (SIDES,)), ("ar1", (SIDES, LINE)), ("ou", (SIDES, LINE))],
)
def test_it_is_normalised_over_theta(name, axes):
    """Both mirror images together."""
    glmm = glmm_of(name, "count", "poisson")
    total = integral(glmm, axes, lambda point: gj.Params(jnp.zeros(2), (point,), jnp.zeros(0)))
    assert total == pytest.approx(1, abs=2e-6)


def integral(glmm, axes, params_at) -> float:
    """Of the density by what the axes are of; that of coefficients of zero is one factor of it."""
    rules = [panels(*own) for own in axes]
    points = np.stack(np.meshgrid(*(own[0] for own in rules), indexing="ij"), -1)
    weights = functools.reduce(np.multiply.outer, [own[1] for own in rules])
    points = points.reshape(-1, len(axes))
    values = jax.jit(jax.vmap(lambda point: log_prior(glmm, params_at(point), jacobian=True)))(
        points
    )
    of_beta = glmm.prior.coefficients.log_prob(jnp.zeros(2))
    return (np.exp(values - of_beta) * weights.ravel()).sum()


def test_it_is_normalised_over_the_factor_of_two_effects():
    """Standard deviations and the correlation of an unstructured covariance."""
    short = data()[data().t < 2].assign(f=lambda own: own.f.cat.remove_unused_categories())
    model = gj.glmm("count ~ x + (0 + f | g)", short, "poisson")
    glmm = with_priors(model.core, gj.Priors(sd=gj.priors.Gamma(4, 2), corr=gj.LKJ(2))).glmm
    sides = (-14.0, -5.0, -2.0, -0.7, 0.0, 0.7, 2.0, 5.0, 14.0)
    total = integral(
        glmm, (sides,) * 3, lambda point: gj.Params(jnp.zeros(2), (point,), jnp.zeros(0))
    )
    assert total == pytest.approx(1, abs=1e-4)


LOWEST = {"genpois": (1.0,), "tweedie": (0.0, 1.0)}
REAL = {"skew_normal": (1,), "ordbeta": (1, 2)}
WITH_PARAMETERS = [
    name
    for name, kind in FAMILIES.items()
    if issubclass(kind, AbstractOrdinal) or kind().dispersion_names
]


def laws(family):
    """A prior of each parameter: ours, SciPy's, and the lowest value."""
    ordinal = family.response == "ordered"
    for k, own in enumerate(family.dispersion_names):
        if ordinal or k in REAL.get(family.name, ()):
            yield own, gj.Normal(0.3, 1.2), scipy.stats.norm(0.3, 1.2), 0.0
        elif own == "power":
            yield own, gj.priors.Beta(2, 3), scipy.stats.beta(2, 3), 1.0
        else:
            low = LOWEST.get(family.name, (0.0, 0.0))[k]
            yield own, gj.priors.Gamma(2.5, 0.8), scipy.stats.gamma(2.5, scale=1 / 0.8), low


@functools.cache
def of_family(name: str):
    model = gj.glmm(f"{CASES[name].left} ~ x", table(), name)
    dispersion = {own: ours for own, ours, _, _ in laws(model.core.family)}
    return with_priors(model.core, gj.Priors(dispersion=dispersion)).glmm


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_families(name):
    """All that have parameters of their own."""
    glmm = of_family(name)
    count = len(glmm.family.dispersion_names)
    phi = np.array(CASES[name].phi)[:count]

    def natural(phi):
        return np.broadcast_to(CASES[name].natural(phi), count)

    own = list(laws(glmm.family))
    density = sum(
        law.logpdf(v - low) for v, (_, _, law, low) in zip(natural(phi), own, strict=True)
    )
    density += float(glmm.prior.coefficients.log_prob(jnp.zeros(glmm.p)))
    assert log_prior(glmm, params_of(glmm, phi), jacobian=False) == pytest.approx(
        density, rel=1e-10
    )
    _, log_volume = np.linalg.slogdet(slopes(np.vectorize(natural, signature="(n)->(n)"), phi))
    even = sum(parameter.is_even for parameter in glmm.family.parameters)
    expected = density + log_volume - even * math.log(2)
    assert log_prior(glmm, params_of(glmm, phi), jacobian=True) == pytest.approx(expected, rel=1e-8)


def params_of(glmm, phi):
    return gj.Params(np.zeros(glmm.p), (), phi)
