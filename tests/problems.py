"""Small models of every family, with parameters to evaluate them at."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from family_cases import CASES

import glmmjax as gj
from glmmjax.model import pack, unpack

RESPONSE = {name: case.left for name, case in CASES.items()}
# beta that keeps the mean in the range of the link, whatever the random effects
BETA = {
    "logit": (-0.3, 0.8),
    "probit": (-0.2, 0.6),
    "cloglog": (-0.5, 0.4),
    "log": (0.4, 0.5),
    "identity": (3.0, 0.3),
    "inverse": (2.0, 0.1),
    "sqrt": (1.5, 0.2),
    "softplus": (0.8, 0.5),
    "cauchit": (-0.3, 0.5),
}
SIZES = (1, 2, 3, 4, 6, 10)


@functools.cache
def table(seed: int = 3, sizes: tuple[int, ...] = SIZES) -> pd.DataFrame:
    """Rows in groups of unequal sizes, with a response of every kind, weights and an offset."""
    later = np.random.default_rng([seed, 1])  # for columns that came after the others
    latest = np.random.default_rng([seed, 2])
    later_still = np.random.default_rng([seed, 2])
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=len(g))
    eta = 0.3 + 0.5 * x + rng.normal(size=len(sizes))[g] * 0.7
    size = rng.integers(2, 9, len(g))
    return pd.DataFrame(
        {
            "g": pd.Categorical.from_codes(g, [f"level {k}" for k in range(len(sizes))]),
            "x": x,
            "real": eta + rng.normal(size=len(g)),
            "won": (rng.uniform(size=len(g)) < 1 / (1 + np.exp(-eta))).astype(int),
            "size": size,
            "hits": rng.binomial(size, 1 / (1 + np.exp(-eta))),
            "count": rng.poisson(np.exp(eta)),
            "amount": rng.gamma(4, np.exp(eta) / 4),
            "w": rng.integers(1, 4, len(g)) / 2,
            "o": rng.uniform(-0.2, 0.2, len(g)),
            "share": later.beta(5 / (1 + np.exp(-eta)), 5 / (1 + np.exp(eta))),
            "grade": 1 + np.searchsorted((-0.7, 0.4, 1.5), eta + later.logistic(size=len(g))),
            "part": np.clip(
                1.4 * later_still.beta(5 / (1 + np.exp(-eta)), 5 / (1 + np.exp(eta))) - 0.2, 0, 1
            ),
            "known": later_still.choice(["none", "right", "left"], len(g), p=[0.6, 0.3, 0.1]),
            "rain": later.gamma(np.maximum(rain := later.poisson(np.exp(eta)), 1)) * (rain > 0),
            "seen": np.maximum(latest.poisson(np.exp(eta) + 0.5), 1),
        }
    )


def model(
    family: str, link: str, random: str = "(1 | g)", data: pd.DataFrame | None = None, **options
) -> gj.Model:
    """A model of `table()` (or `data`) with one covariate."""
    formula = " + ".join([f"{RESPONSE[family]} ~ x", *([random] if random else [])])
    return gj.glmm(
        formula, table() if data is None else data, gj.families.as_family(family, link), **options
    )


def params(mixed: gj.Model, scale: float = 0.4) -> gj.Params:
    """A point inside the parameter space, near no symmetry."""
    glmm = mixed.core.glmm
    _, theta_sizes, phi_size = glmm.sizes
    theta = tuple(scale * np.array([1.0, -0.4, 0.7, 0.2, 0.3, 0.5])[:size] for size in theta_sizes)
    return gj.Params(np.array(BETA[glmm.family.link.name]), theta, np.full(phi_size, -0.3))


def as_function_of_a_vector(mixed: gj.Model, method: gj.AbstractMethod, scale: float = 0.4):
    """The log-likelihood of packed parameters, and the packed `params(mixed, scale)`."""
    glmm = mixed.core.glmm

    def value(vector):
        return gj.log_marginal(glmm, unpack(glmm, vector), method)

    return value, np.asarray(pack(jax.tree.map(jnp.asarray, params(mixed, scale))))


def slopes(function, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences of `function` by each entry of the vector `x`, on the last axis."""
    columns = []
    for i in range(len(x)):
        shift = np.zeros_like(x)
        shift[i] = step
        columns.append(
            (np.asarray(function(x + shift)) - np.asarray(function(x - shift))) / (2 * step)
        )
    return np.stack(columns, -1)


def dense_z(mixed: gj.Model) -> tuple[np.ndarray, np.ndarray]:
    """Z (n, levels * q) of a model, and the (n,) level of each row."""
    terms = mixed.core.design.random
    z = np.concatenate([term.z for term in terms], 1)
    refs, levels, q = terms[0].refs, len(terms[0].levels), z.shape[1]
    dense = np.zeros((len(z), levels, q))
    dense[np.arange(len(z)), refs] = z
    return dense.reshape(len(z), levels * q), refs
