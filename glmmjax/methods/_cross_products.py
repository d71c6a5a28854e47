"""The exact likelihood of a Gaussian model with identity link, ML and REML, from cross-products of
each group."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..linalg import small
from ..model import GLMM, Params, relative_factor
from ..structure import AbstractFactor, Effects, Factors, Gram, Structure, factorise, to_spherical

Scalar = Float[Array, ""]


class DesignProducts(NamedTuple):
    """Weighted cross-products of `Z` and `X`, the number of observations and half the sum of their
    log weights.

    `zx` is (q, p, levels) for each grouping factor; `absent` marks with a one columns of zeros.
    """

    zz: Gram
    zx: Effects
    xx: Float[Array, "p p"]
    absent: Float[Array, " p"]
    n: Scalar
    half_log_weights: Scalar


class ResponseProducts(NamedTuple):
    """Weighted cross-products with the response, `r = y - offset`."""

    zr: Effects
    xr: Float[Array, " p"]
    rr: Scalar


class CrossProducts(NamedTuple):
    """All that the likelihood needs of `n` observations; it never returns to them."""

    design: DesignProducts
    response: ResponseProducts


class Eliminated(NamedTuple):
    """Cross-products of `X` and `r` in the metric `(I + Z lam lam' Z')^-1`; `H`, and `H^-1 lam'Z'(X
    r)`."""

    factor: AbstractFactor
    solved: Effects
    xx: Float[Array, "p p"]
    xr: Float[Array, " p"]
    rr: Scalar


def cross_products(glmm: GLMM) -> CrossProducts:
    """Weighted cross-products of `Z`, `X` and `y - offset`."""
    return CrossProducts(design_products(glmm), response_products(glmm))


def design_products(glmm: GLMM) -> DesignProducts:
    """The part of the cross-products that does not depend on the response."""
    (x,), w = glmm.x, glmm.weights
    present = w > 0
    return DesignProducts(
        zz=glmm.structure.gram(w[None, None]),
        zx=glmm.structure.gather((x * w)[None]),
        xx=jnp.tensordot(x * w, x, [(1, 2), (1, 2)]),
        absent=glmm.absent.astype(w.dtype),
        n=present.sum().astype(w.dtype),
        half_log_weights=0.5 * jnp.log(jnp.where(present, w, 1.0)).sum(),
    )


def response_products(glmm: GLMM) -> ResponseProducts:
    """The part of the cross-products that depends on the response."""
    (x,), w, r = glmm.x, glmm.weights, glmm.y - glmm.offset[0]
    return ResponseProducts(
        zr=glmm.structure.gather((w * r)[None]), xr=jnp.tensordot(x, w * r, 2), rr=(w * r * r).sum()
    )


def least_squares(glmm: GLMM) -> Float[Array, " p"]:
    """Weighted least-squares estimate of `beta` in the model without random effects, zero for
    columns of zeros."""
    (x,), w = glmm.x, glmm.weights
    xx = jnp.tensordot(x * w, x, [(1, 2), (1, 2)]) + jnp.diag(glmm.absent.astype(w.dtype))
    return _solve(xx, jnp.tensordot(x, w * (glmm.y - glmm.offset[0]), 2))


def integrate_out(cross: CrossProducts, structure: Structure, lam: Factors) -> Eliminated:
    """Integrate the random effects out of the cross-products (Bates et al. 2015, section 3)."""
    design, response = cross
    factor = factorise(structure, lam, design.zz)
    both = zip(design.zx, response.zr, strict=True)
    columns = to_spherical(lam, tuple(jnp.concatenate([zx, zr[:, None]], 1) for zx, zr in both))
    solved = factor.solve(columns)
    p = len(design.xx)
    nothing = jnp.zeros((p + 1, p + 1), design.xx.dtype)
    taken = sum(
        (jnp.einsum("qag,qbg->ab", c, s) for c, s in zip(columns, solved, strict=True)), nothing
    )
    xx, xr = design.xx - taken[:-1, :-1], response.xr - taken[:-1, -1]
    return Eliminated(factor, solved, xx, xr, response.rr - taken[-1, -1])


def log_likelihood_at(glmm: GLMM, cross: CrossProducts, params: Params) -> Scalar:
    """Log-likelihood at `params`."""
    e = integrate_out(cross, glmm.structure, relative_factor(glmm, params.theta))
    squares = e.rr - 2 * params.beta @ e.xr + params.beta @ e.xx @ params.beta
    return _log_density(cross, squares, params.phi[0], e.factor.logdet().sum(), cross.design.n)


class Profiled(NamedTuple):
    """What maximising over `beta` gives: its value, and `X'V^-1X` times the residual variance."""

    beta: Float[Array, " p"]
    xx: Float[Array, "p p"]


def log_likelihood_at_best_beta(
    glmm: GLMM, cross: CrossProducts, theta, log_sigma: Scalar, *, reml: bool
) -> tuple[Scalar, Profiled]:
    """Log-likelihood (restricted: with beta integrated out instead) as a function of the variances
    alone. Coefficients of columns of zeros are none."""
    e = integrate_out(cross, glmm.structure, relative_factor(glmm, theta))
    xx, absent = e.xx + jnp.diag(cross.design.absent), cross.design.absent
    beta, logdet, n = _solve(xx, e.xr), e.factor.logdet().sum(), cross.design.n
    if reml:
        logdet, n = logdet + _logdet(xx), n - (1 - absent).sum()
    value = _log_density(cross, e.rr - beta @ e.xr, log_sigma, logdet, n)
    return value, Profiled(beta, xx)


def _log_density(
    cross: CrossProducts, squares: Scalar, log_sigma: Scalar, logdet: Scalar, n: Scalar
) -> Scalar:
    deviance = (
        logdet + squares * jnp.exp(-2 * log_sigma) + n * (jnp.log(2 * jnp.pi) + 2 * log_sigma)
    )
    return cross.design.half_log_weights - 0.5 * deviance


def _solve(a: Float[Array, "p p"], b: Float[Array, " p"]) -> Float[Array, " p"]:
    return small.multiply(small.inverse(a[..., None]), b[:, None])[:, 0]


def _logdet(a: Float[Array, "p p"]) -> Scalar:
    return small.logdet(a[..., None])[0]
