"""The log density of responses given the random effects, and its derivatives by the linear
predictors."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..model import GLMM, seen_by_family

Eta = Float[Array, "predictors blocks width"]
Cells = Float[Array, "blocks width"]
Curvature = Float[Array, "predictors predictors blocks width"]

CurvatureRule = Callable[[GLMM, Eta, Array], Curvature]
"""`observed_curvature` or `expected_curvature`."""


def log_kernel(glmm: GLMM, eta: Eta, phi: Float[Array, " m"]) -> Cells:
    """Weighted part of each observation's log density that depends on `eta`."""
    return glmm.weights * glmm.family.kernel(glmm.y, seen_by_family(eta), phi)


def log_base(glmm: GLMM, phi: Float[Array, " m"]) -> Float[Array, ""]:
    """The rest of the log density, summed over the observations."""
    return glmm.family.base(glmm.y, phi, glmm.weights).sum()


def tally(glmm: GLMM, size: int) -> Float[Array, " size"]:
    """Total weight of each count 0, 1, ..., size - 1 among the responses, none of which is
    larger."""
    return jnp.zeros(size, glmm.weights.dtype).at[glmm.y.astype(jnp.int32)].add(glmm.weights)


def log_base_of_tally(
    glmm: GLMM, weights: Float[Array, " size"], phi: Float[Array, " m"]
) -> Float[Array, ""]:
    """`log_base` from a `tally`, at a cost that does not grow with the observations."""
    return glmm.family.base(jnp.arange(len(weights), dtype=weights.dtype), phi, weights).sum()


class Expansion(NamedTuple):
    """The log density of each observation (its `log_kernel`) and its derivatives by the linear
    predictors; zero for predictors without random effects, but that of the mean."""

    kernel: Cells
    score: Eta
    curvature: Curvature


def score(glmm: GLMM, eta: Eta, phi: Float[Array, " m"]) -> Eta:
    """`d log f / d eta` of each observation, as in `Expansion`."""
    return kernel_and_score(glmm, eta, phi)[1]


def observed_curvature(glmm: GLMM, eta: Eta, phi: Float[Array, " m"]) -> Curvature:
    """`-d2 log f / d eta2` of each observation, a matrix over the linear predictors, as in
    `Expansion`."""
    return expansion(glmm, eta, phi).curvature


def kernel_and_score(glmm: GLMM, eta: Eta, phi: Float[Array, " m"]) -> tuple[Cells, Eta]:
    """Both, traced once."""
    return _with_derivative(lambda e: log_kernel(glmm, e, phi), eta, _moving(glmm))


def expansion(glmm: GLMM, eta: Eta, phi: Float[Array, " m"]) -> Expansion:
    """All, traced once."""
    (kernel, score), (_, second) = _with_derivative(
        lambda e: kernel_and_score(glmm, e, phi), eta, _moving(glmm)
    )
    return Expansion(kernel, score, -second)


def expected_curvature(glmm: GLMM, eta: Eta, phi: Float[Array, " m"]) -> Curvature:
    """`E[-d2 log f / d eta2]` of each observation, or what stands in for it."""
    found = glmm.weights * glmm.family.expected_curvature(glmm.y, seen_by_family(eta), phi)
    return found[None, None] if len(eta) == 1 else found


def _moving(glmm: GLMM) -> tuple[int, ...]:
    """The linear predictors with random effects, and that of the mean: only these differ between
    evaluations of an inner loop."""
    return tuple(sorted({0, *glmm.structure.random_predictors}))


def _with_derivative(function: Callable[[Eta], Any], eta: Eta, wanted: tuple[int, ...]) -> Any:
    """An elementwise function, and its derivatives by each of the `wanted` predictors, on a new
    first axis, with zeros for the others: forward mode with a tangent of ones costs one pass and no
    transposition."""
    k = len(eta)
    if k == 1:
        value, slope = jax.jvp(function, (eta,), (jnp.ones_like(eta),))
        return value, jax.tree.map(lambda leaf: leaf[None], slope)
    one, zero = jnp.ones_like(eta[0]), jnp.zeros_like(eta[0])
    value, found = None, {}
    for j in wanted:
        along = jnp.stack([one if i == j else zero for i in range(k)])
        value, found[j] = jax.jvp(function, (eta,), (along,))
    nothing = jax.tree.map(jnp.zeros_like, found[wanted[0]])
    every = [found.get(j, nothing) for j in range(k)]
    return value, jax.tree.map(lambda *leaves: jnp.stack(leaves), *every)
