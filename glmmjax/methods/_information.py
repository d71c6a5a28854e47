"""Expected information about the variances in a linear mixed model, the metric of first steps."""

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..linalg import small
from ..model import GLMM, relative_factor
from ..structure import Gram, Links, Matrices, factorise, two_sided

Scalar = Float[Array, ""]
_PROBES = 4


def theta_information(glmm: GLMM, theta, gram: Gram) -> Float[Array, "size size"]:
    """Expected information about `theta` in a linear mixed model with `Z'WZ = gram`: `tr(T dS_a T
    dS_b) / 2` with `T = Z'V^-1Z` and `S = lam lam'`, of which the blocks of the levels are
    counted."""
    if not theta:
        return jnp.zeros((0, 0), glmm.weights.dtype)
    return functools.reduce(
        operator.add, (own.information for own in _by_factor(glmm, theta, gram))
    )


def variance_information(glmm: GLMM, theta, gram: Gram, n: Scalar) -> Float[Array, "size size"]:
    """Expected information about (theta, log sigma) of `n` observations; between them it is `tr(T
    dS_a)`."""
    if not theta:
        return 2 * n[None, None]
    found = _by_factor(glmm, theta, gram)
    information = functools.reduce(operator.add, (own.information for own in found))
    between = functools.reduce(operator.add, (own.trace for own in found))[:, None]
    return jnp.block([[information, between], [between.T, 2 * n[None, None]]])


class OfFactor(NamedTuple):
    """`tr(T dS_a T dS_b) / 2` and `tr(T dS_a)` of the levels of one grouping factor."""

    information: Float[Array, "size size"]
    trace: Float[Array, " size"]


def _by_factor(glmm: GLMM, theta, gram: Gram) -> list[OfFactor]:
    lam = relative_factor(glmm, theta)
    factor = factorise(glmm.structure, lam, gram)
    own = (*gram.diag, *(row[0] for row in gram.trail))
    blocks = () if len(lam) == 1 and glmm.structure.chain else factor.blocks()

    def changed(number: int, of: Callable[[Any], Array]) -> Array:
        """Derivatives of a function of one of the factors by all of `theta`, on a last axis."""
        by_term = jax.jacfwd(lambda theta: of(relative_factor(glmm, theta)[number]))(theta)
        return jnp.concatenate(jax.tree.leaves(by_term), -1)

    found = []
    for number, one in enumerate(lam):
        if isinstance(one, Links):
            found.append(_of_links(one, own[number], functools.partial(changed, number)))
            continue
        assert isinstance(one, Matrices)
        if not blocks:
            columns = one.transposed(own[number])
            t = own[number] - small.multiply(
                jnp.swapaxes(columns, 0, 1), factor.solve((columns,))[0]
            )
        else:
            t = _precision(one, blocks[number], own[number])
        found.append(_of_matrices(t, changed(number, Matrices.outer)))
    return found


def _of_matrices(t: Float[Array, "q q levels"], slope: Float[Array, "q q _ size"]) -> OfFactor:
    same = slope.shape[2] == 1
    moved = (
        jnp.einsum("ijg,jka->ikga", t, slope[:, :, 0])
        if same
        else jnp.einsum("ijg,jkga->ikga", t, slope)
    )
    return OfFactor(0.5 * jnp.einsum("ikga,kigb->ab", moved, moved), jnp.einsum("iiga->a", moved))


def _precision(
    lam: Matrices, block: Float[Array, "_ _ levels"], gram: Array
) -> Float[Array, "q q levels"]:
    """The blocks of `Z'V^-1Z` of a factor among others; where `lam` differs from level to level
    that of the model with this factor alone."""
    if lam.values.shape[-1] == 1:
        # lam' Z'V^-1Z lam = I - H^-1, of which only the blocks are at hand
        back = Matrices(jnp.linalg.pinv(lam.values[..., 0])[..., None])
        return two_sided(back, jnp.eye(lam.rank, dtype=lam.dtype)[:, :, None] - block, back)
    return gram - small.multiply(small.multiply(gram, lam.covariance(block)), gram)


def _of_links(lam: Links, d: Float[Array, "q levels"], changed: Callable) -> OfFactor:
    """The same by random vectors `w ~ N(0, T)` of the model with this factor alone, `E[(dS_a w)' T
    dS_b w]` and `E[w' dS_a w]`: there is no matrix here, and a metric need not be exact."""
    solve, d = lam.block(d).factored().solver(), jnp.maximum(d, 0.0)[:, None]

    def precision(x: Array) -> Array:
        """`T x = D x - D lam H^-1 lam' D x`, of `D x`."""
        return x - d * lam.times(solve(lam.transposed(x)))

    signs = jax.random.rademacher(jax.random.key(0), (2, len(d), _PROBES, d.shape[-1]), d.dtype)
    w = precision(jnp.sqrt(d) * signs[0] + d * lam.times(signs[1]))
    moved = changed(lambda lam: lam.times(lam.transposed(w)))
    back = jnp.stack([precision(d * moved[..., k]) for k in range(moved.shape[-1])], -1)
    information = jnp.einsum("qpga,qpgb->ab", moved, back) / _PROBES
    return OfFactor(
        0.25 * (information + information.T), jnp.einsum("qpg,qpga->a", w, moved) / _PROBES
    )
