"""Where a fit starts: the model without random effects, variances by moments, curvature as PQL sees
it."""

import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import block_diag, cho_solve
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..covariances import Placed
from ..families import AbstractComposite, on_branch
from ..model import GLMM, Params, fixed_predictor, places, scaled_factor
from ..structure import Columns, Effects, Gram, Structure, factorise, to_spherical
from ._conditional import Curvature, Eta, expected_curvature, log_kernel, score
from ._information import theta_information
from ._objective import Start

Scalar = Float[Array, ""]
MAX_SCORING = 25


class Scoring(NamedTuple):
    """State of Fisher scoring: coefficients, their log-likelihood, the next step and its length."""

    beta: Float[Array, " p"]
    value: Scalar
    step: Float[Array, " p"]
    length: Scalar
    gain: Scalar
    turns: Int[Array, ""]


class Linearised(NamedTuple):
    """The working linear model without random effects: linear predictors, curvatures, `Z'WZ`."""

    eta: Eta
    w: Curvature
    gram: Gram


def start_params(glmm: GLMM) -> Params:
    """Pooled estimates of `beta` and `phi`, and moment estimates of the variances."""
    beta, phi = pooled(glmm)
    return Params(beta, _moment_theta(glmm, phi, _linearised(glmm, beta, phi)), phi)


def start_and_information(
    glmm: GLMM, start: Start, base: Callable[[Float[Array, " m"]], Float[Array, ""]]
) -> tuple[Params, Float[Array, "size size"]]:
    """Where a search begins, and the information there: `start_params` unless `start` is given, and
    `pql_information`."""
    given = start.params
    beta, phi = jax.lax.cond(start.given, lambda: (given.beta, given.phi), lambda: pooled(glmm))
    at = _linearised(glmm, beta, phi)
    moments = _moment_theta(glmm, phi, at)
    theta = tuple(jnp.where(start.given, *pair) for pair in zip(given.theta, moments, strict=True))
    params = Params(beta, theta, phi)
    return params, pql_information(glmm, params, at, base)


def _linearised(glmm: GLMM, beta: Float[Array, " p"], phi: Float[Array, " m"]) -> Linearised:
    eta = fixed_predictor(glmm, beta)
    w = expected_curvature(glmm, eta, phi)
    return Linearised(eta, w, glmm.structure.gram(w))


def _moment_theta(
    glmm: GLMM, phi: Float[Array, " m"], at: Linearised
) -> tuple[Float[Array, " _"], ...]:
    z_score = glmm.structure.gather(score(glmm, at.eta, phi))
    scale = glmm.family.random_scale(phi)
    return start_theta(glmm, tuple(own / scale for own in moment_sd(glmm, z_score, at.gram)))


def pooled(glmm: GLMM) -> tuple[Float[Array, " p"], Float[Array, " m"]]:
    """`beta` and `phi` without random effects: linear predictors beside that of the mean start at a
    constant."""
    family = glmm.family
    if not isinstance(family, AbstractComposite):
        beta = pooled_beta(glmm)
        mu = family.mean(
            fixed_predictor(glmm, beta)[0], jnp.zeros(len(family.dispersion_names), beta.dtype)
        )
        return beta, jnp.array(family.start_phi(glmm.y, mu, glmm.weights), beta.dtype)
    y, weights = family.inner_response(glmm.y, glmm.weights)
    inside = dataclasses.replace(
        glmm, family=family.inner, y=y, weights=weights, x=glmm.x[:-1], offset=glmm.offset[:-1]
    )
    beta, phi = pooled(inside)
    level, phi = family.start(glmm.y, phi, glmm.weights)
    return jnp.concatenate([beta, _at_level(glmm, level, len(glmm.x) - 1)]), phi


def _at_level(glmm: GLMM, level: Scalar, number: int) -> Float[Array, " _"]:
    """Coefficients of a linear predictor that is nearly `level`: columns of x are orthogonal with
    mean square one."""
    present = glmm.weights > 0
    return (
        jnp.tensordot(glmm.x[number], jnp.where(present, level - glmm.offset[number], 0.0), 2)
        / present.sum()
    )


def start_theta(glmm: GLMM, sd: tuple[Float[Array, " _"], ...]) -> tuple[Float[Array, " _"], ...]:
    """`theta` of each term for uncorrelated random effects with standard deviations `sd`, given by
    grouping factor."""
    return tuple(
        c.start(sd[at.factor][at.columns])
        for c, at in zip(glmm.covariances, places(glmm), strict=True)
    )


def moment_sd(glmm: GLMM, z_score: Effects, gram: Gram) -> tuple[Float[Array, " _"], ...]:
    """Standard deviations at which the squared scores of the pooled model have their expectation,
    by grouping factor.

    With `m = Z'WZ` the scores `s` of the levels have `E[s_j^2] = m_jj + sum_k m_jk^2 var_k`: summed
    over the levels, one linear equation a column (a factor with one column a row counts as one). No
    estimate is below its own standard error in the absence of random effects, because zero is a
    stationary point of the likelihood, nor above what it would be if there were no other.
    """
    structure = glmm.structure
    if not z_score:
        return ()
    own = (*gram.diag, *(row[0] for row in gram.trail))
    excess = [score**2 - _diagonal(m) for score, m in zip(z_score, own, strict=True)]
    sums = jnp.concatenate(
        [_units(f, e.sum(1), 0) for f, e in zip(structure.factors, excess, strict=True)]
    )
    squares = sums_of_squares(structure, gram)
    alone = jnp.diagonal(squares)
    alone = jnp.where(alone > 0, alone, 1.0)
    least = jnp.sqrt(2 / alone)
    scale = 1 / jnp.sqrt(alone)
    together = scale * jnp.linalg.solve(
        squares * scale[:, None] * scale + 1e-6 * jnp.eye(len(alone)), scale * sums
    )
    sd = jnp.sqrt(jnp.clip(together, least, jnp.maximum(sums / alone, least)))
    counts = [1 if f.position is not None else f.q for f in structure.factors]
    parts = jnp.split(sd, np.cumsum(counts)[:-1])
    parts = [
        _of_places(glmm, number, *both, parts[number])
        for number, both in enumerate(zip(z_score, own, strict=True))
    ]
    return tuple(
        jnp.broadcast_to(part, (f.q,)) for part, f in zip(parts, structure.factors, strict=True)
    )


def _of_places(
    glmm: GLMM, number: int, score: Array, gram: Array, sd: Float[Array, " _"]
) -> Float[Array, " _"]:
    """`sd` of effects at separate places from pairs of them, as there may be one observation at
    each.

    Over the places of a level `E[(sum s)^2 - sum s^2] = sd^2 sum_(i != j) m_i r_ij m_j`, `r` being
    the correlations at the start. Where these are zero, what is left of the right-hand side is
    rounding, which a compiler may leave at other than zero.
    """
    (first, *_), m = glmm.structure.terms[number], _diagonal(gram)
    covariance = glmm.covariances[first]
    if not isinstance(covariance, Placed):
        return sd
    at = jnp.zeros(covariance.size, m.dtype).at[0].set(1.0)
    lam = covariance.relative(at, linked=glmm.structure.factors[number].linked)
    sums, squares = score.sum(0) ** 2 - (score**2).sum(0), lam.transposed(m) ** 2 - m**2
    expected = squares.sum()
    is_known = expected > jnp.sqrt(jnp.finfo(m.dtype).eps) * (m**2).sum()
    return jnp.sqrt(jnp.maximum(sums.sum() / jnp.where(is_known, expected, jnp.inf), sd**2))


def sums_of_squares(structure: Structure, gram: Gram) -> Float[Array, "units units"]:
    """Sums of squares of the entries of `Z'WZ` by pair of columns."""
    factors, chain = structure.factors, structure.chain
    units = [1 if f.position is not None else f.q for f in factors]
    # What is not entered (without a matrix only the blocks of the levels are known) counts as zero.
    table: list[list[Array]] = [[jnp.zeros((one, two)) for two in units] for one in units]

    def enter(f: int, g: int, block: Array, levels: int) -> None:
        total = (block**2).sum(tuple(range(block.ndim - levels, block.ndim)))
        total = (
            jnp.diag(total) if total.ndim == 1 else total
        )  # of linked effects there is the diagonal only
        table[f][g] = _units(factors[g], _units(factors[f], total, 0), 1)
        table[g][f] = table[f][g].T

    for t in range(chain):
        enter(t, t, gram.diag[t], 1)
        for s, block in enumerate(gram.nest[t], t + 1):
            enter(s, t, block, 1)
        for r, block in enumerate(gram.border[t], chain):
            enter(r, t, block, 1)
    for r, (diagonal, *others) in enumerate(gram.trail, chain):
        enter(r, r, diagonal, 1)
        for s, block in enumerate(others, r + 1):
            enter(r, s, block, 2)
    return jnp.block(table)


def _diagonal(m: Float[Array, "*q levels"]) -> Float[Array, "q levels"]:
    """Of the matrices of the levels, of which linked effects have the diagonal only."""
    return m if m.ndim == 2 else jnp.diagonal(m).T


def _units(columns: Columns, values: Array, axis: int) -> Array:
    """The columns of a factor along `axis`; summed to one if each row has one of them only."""
    return values if columns.position is None else values.sum(axis, keepdims=True)


def pooled_beta(glmm: GLMM) -> Float[Array, " p"]:
    """Fisher scoring for the model without random effects, from a constant mean; damped, in one
    flattened loop."""
    phi = jnp.zeros(len(glmm.family.dispersion_names), glmm.weights.dtype)
    present = glmm.weights > 0
    mean = (glmm.weights * glmm.family.start_mean(glmm.y)).sum() / glmm.weights.sum()
    (x,), first = glmm.x, _at_level(glmm, glmm.family.link.link(mean), 0)
    unknown = jnp.diag(glmm.absent.astype(first.dtype))

    def turn(s: Scoring) -> Scoring:
        beta = s.beta + s.length * s.step
        eta = fixed_predictor(glmm, beta)
        value = log_kernel(glmm, eta, phi).sum()
        better = (value >= s.value) & (on_branch(glmm.family.link, eta[0]) | ~present).all()
        w = expected_curvature(glmm, eta, phi)[0, 0]
        gradient = jnp.tensordot(x, score(glmm, eta, phi)[0], 2)
        information = jnp.tensordot(x * w, x, [(1, 2), (1, 2)]) + unknown
        step = cho_solve((jnp.linalg.cholesky(information), True), gradient)
        moved = Scoring(beta, value, step, jnp.ones_like(value), gradient @ step, s.turns)
        stayed = s._replace(length=s.length / 2)
        return jax.tree.map(lambda a, b: jnp.where(better, a, b), moved, stayed)._replace(
            turns=s.turns + 1
        )

    def going(s: Scoring) -> Bool[Array, ""]:
        return (s.turns < MAX_SCORING) & ~(s.gain < 1e-3)

    infinity = jnp.full((), jnp.inf, first.dtype)
    state = Scoring(
        first, -infinity, jnp.zeros_like(first), jnp.ones_like(infinity), infinity, jnp.array(0)
    )
    return jax.lax.while_loop(going, turn, state).beta


def pql_information(
    glmm: GLMM,
    params: Params,
    at: Linearised,
    base: Callable[[Float[Array, " m"]], Float[Array, ""]],
) -> Float[Array, "size size"]:
    """Information about all parameters in the working linear mixed model of PQL (Breslow and
    Clayton 1993) at b = 0.

    `X'V^-1X` for beta, the expected information for theta, and the observed one for phi; blocks
    between them are zero; `base` is `log_base` as a function of phi.

    With `V^-1 = W - W Z lam H^-1 lam' Z'W` everything falls out of the factor of `H`.
    """
    structure, lam, (eta, w, gram) = glmm.structure, scaled_factor(glmm, params), at
    factor = factorise(structure, lam, gram)
    weighted = jnp.concatenate([w[:, i, None] * x for i, x in enumerate(glmm.x)], 1)  # W X
    columns = to_spherical(lam, structure.gather(weighted))
    rows = [jnp.tensordot(weighted[i], x, [(1, 2), (1, 2)]) for i, x in enumerate(glmm.x)]
    taken = (
        jnp.einsum("qag,qbg->ab", c, s) for c, s in zip(columns, factor.solve(columns), strict=True)
    )
    nothing = jnp.diag(glmm.absent.astype(eta.dtype))
    for_beta = functools.reduce(operator.sub, taken, jnp.concatenate(rows, 1) + nothing)
    scale = glmm.family.random_scale(params.phi)
    for_theta = theta_information(
        glmm, params.theta, jax.tree.map(lambda leaf: leaf * scale**2, gram)
    )

    for_phi = _phi_information(
        lambda phi: -(log_kernel(glmm, eta, phi).sum() + base(phi)), params.phi
    )
    return block_diag(for_beta, for_theta, *((for_phi,) if len(params.phi) else ()))


def _phi_information(in_phi: Callable[[Float[Array, " m"]], Array], phi: Float[Array, " m"]):
    """(m, m) sizes of the second derivatives by each, on the diagonal: differences of slopes,
    traced once."""
    if not len(phi):
        return None
    steps = float(jnp.finfo(phi.dtype).eps) ** (1 / 3) * jnp.eye(len(phi), dtype=phi.dtype)

    def change(step):
        def slope(at):
            return jax.jvp(in_phi, (at,), (step,))[1]

        ahead, behind = jax.lax.map(slope, phi + jnp.stack([step, -step]))
        return (ahead - behind) / (2 * (step @ step))

    return jnp.diag(jnp.abs(jax.lax.map(change, steps)))
