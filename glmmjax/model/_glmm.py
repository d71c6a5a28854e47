"""The numerical model: arrays, a family and covariances, and nothing that a compiled function does
not need."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.linalg import block_diag
from jaxtyping import Bool, Float

from .._types import Array
from ..covariances import AbstractCovariance, Placed
from ..families import AbstractFamily
from ..priors import Prior
from ..structure import AbstractRelative, Factors, Matrices, Structure
from ._params import Params

Cells = Float[Array, "... blocks width"]


class GLMM(eqx.Module):
    """`g(E[y | u]) = X beta + offset + Z u`, `u = scale lam b`, `b ~ N(0, I)`: a pytree of arrays
    in block layout.

    Names, levels and the formula live outside (`Design`), so that two data sets of one shape share
    a program. Arrays are NumPy's, whose precision does not depend on JAX's configuration. A batch
    holds models whose arrays differ as one `GLMM` whose arrays have a leading axis of members; the
    numerics see one member at a time.

    Attributes:
        y: (blocks, width), or (components, blocks, width) for a response of several components.
        weights: (blocks, width) prior weights, zero in the padding.
        offset: (predictors, blocks, width).
        x: one (p_j, blocks, width) a linear predictor.
        structure: the random columns and their grouping factors.
        family, covariances: distribution of `y`; covariance of each random term.
        prior: of the parameters, if they have one. It is no part of the likelihood.
    """

    y: Float[Array, "*any blocks width"]
    weights: Cells
    offset: Float[Array, "... predictors blocks width"]
    x: tuple[Float[Array, "... _ blocks width"], ...]
    structure: Structure
    family: AbstractFamily
    covariances: tuple[AbstractCovariance, ...]
    prior: Prior | None = None

    @property
    def predictors(self) -> int:
        """Number of linear predictors."""
        return len(self.x)

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return sum(len(x) for x in self.x)

    @property
    def absent(self) -> Bool[Array, " p"]:
        """Fixed effects whose column is zero in every cell: they only pad, and stay at zero."""
        return jnp.concatenate([(x == 0).all((1, 2)) for x in self.x])

    @property
    def sizes(self) -> tuple[int, tuple[int, ...], int]:
        """Lengths of `beta`, of each `theta`, and of `phi`."""
        return self.p, tuple(c.size for c in self.covariances), len(self.family.dispersion_names)


class Place(NamedTuple):
    """Where a random term lies: its factor in `structure.factors`, and its columns among those of
    the factor."""

    factor: int
    columns: slice


def places(glmm: GLMM) -> tuple[Place, ...]:
    """The place of each random term, in the order of the formula."""
    found: dict[int, Place] = {}
    for number, terms in enumerate(glmm.structure.terms):
        first, columns = 0, glmm.structure.factors[number]
        for term in terms:
            last = first + (columns.q if len(terms) == 1 else glmm.covariances[term].q)
            found[term] = Place(number, slice(first, last))
            first = last
    return tuple(found[term] for term in range(len(found)))


def term_factors(
    glmm: GLMM, theta: tuple[Float[Array, " _"], ...]
) -> tuple[Float[Array, "_ _"], ...]:
    """The relative covariance factor of each random term; of effects at places of their own in
    every level that of two a typical distance apart."""
    return tuple(c.factor(t) for c, t in zip(glmm.covariances, theta, strict=True))


def relative_factor(glmm: GLMM, theta: tuple[Float[Array, " _"], ...]) -> Factors:
    """The relative covariance factor of each grouping factor, a block a term."""
    return tuple(
        _of_factor([(glmm.covariances[term], theta[term]) for term in terms], linked=columns.linked)
        for columns, terms in zip(glmm.structure.factors, glmm.structure.terms, strict=True)
    )


def _of_factor(terms: list[tuple[AbstractCovariance, Array]], *, linked: bool) -> AbstractRelative:
    covariance, theta = terms[0]
    if isinstance(covariance, Placed):
        return covariance.relative(theta, linked=linked)
    blocks = [c.factor(t) for c, t in terms]
    return Matrices((blocks[0] if len(blocks) == 1 else block_diag(*blocks))[..., None])


def scaled_factor(glmm: GLMM, params: Params) -> Factors:
    """`lam` with `u = lam b`: the relative factor times the family's scale (sigma for gaussian)."""
    scale = glmm.family.random_scale(params.phi)
    return tuple(lam.scaled(scale) for lam in relative_factor(glmm, params.theta))


def fixed_predictor(
    glmm: GLMM, beta: Float[Array, " p"]
) -> Float[Array, "predictors blocks width"]:
    """`X beta + offset` of each linear predictor."""
    parts, first = [], 0
    for x in glmm.x:
        parts.append(jnp.tensordot(beta[first : first + len(x)], x, 1))
        first += len(x)
    return jnp.stack(parts) + glmm.offset


def linear_predictor(
    glmm: GLMM, fixed: Float[Array, "predictors blocks width"], u: tuple[Array, ...]
) -> Float[Array, "predictors blocks width"]:
    """`fixed + Z u`, the effects `u` (q, levels) of each grouping factor."""
    return fixed + glmm.structure.spread(u, glmm.predictors)


def seen_by_family(eta: Float[Array, "predictors *cells"]) -> Float[Array, "*any"]:
    """Linear predictors as a family takes them: a single one has no axis of its own."""
    return eta[0] if len(eta) == 1 else eta


def pack(params: Params) -> Float[Array, " size"]:
    """All parameters as one vector: beta, theta of each term, phi."""
    return jnp.concatenate([params.beta, *params.theta, params.phi])


def unpack(glmm: GLMM, vector: Float[Array, " size"]) -> Params:
    """The inverse of `pack`."""
    p, theta_sizes, _ = glmm.sizes
    theta, first = [], p
    for size in theta_sizes:
        theta.append(vector[first : first + size])
        first += size
    return Params(vector[:p], tuple(theta), vector[first:])
