"""The conditional mode of the spherical random effects, and its exact derivative of every order."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..model import GLMM, fixed_predictor, scaled_factor
from ..params import Params
from ..structure import AbstractFactor, Effects, factorise, to_natural, to_spherical
from ._conditional import CurvatureRule, observed_curvature, score
from ._newton import find_mode, less, settled


@eqx.filter_custom_jvp
def conditional_mode(glmm: GLMM, params: Params, start: Effects) -> Effects:
    """`b` that maximises `log f(y | b) - b'b / 2`; NaN in components where the search did not settle.

    By the implicit function theorem the mode moves as `db = H^-1 d(slope)`. The rule calls `conditional_mode`
    itself, so differentiating the rule again is exact too (one Newton step on a stopped gradient would not be).
    """
    point = find_mode(glmm, params, start)
    found = glmm.structure.to_levels(settled(glmm, point))
    moved = zip(found, point.b, point.direction, strict=True)
    return tuple(jnp.where(here, b + step, jnp.nan) for here, b, step in moved)


@conditional_mode.def_jvp
def _(primals, tangents):
    glmm, params, start = primals
    glmm_dot, params_dot, _ = tangents
    b = conditional_mode(glmm, params, start)
    _, slope_dot = eqx.filter_jvp(lambda g, p: _slope(g, p, b), (glmm, params), (glmm_dot, params_dot))
    return b, factor_at(glmm, params, b).solve(slope_dot)


def factor_at(glmm: GLMM, params: Params, b: Effects, curvature: CurvatureRule = observed_curvature) -> AbstractFactor:
    """AbstractFactor of `H = I + lam' Z'WZ lam` with the `curvature` at `b`."""
    lam = scaled_factor(glmm, params)
    w = curvature(glmm, predictor_at(glmm, params, b), params.phi)
    return factorise(glmm.structure, lam, glmm.structure.gram(w))


def predictor_at(glmm: GLMM, params: Params, b: Effects) -> Float[Array, "predictors blocks width"]:
    """`X beta + offset + Z lam b`."""
    fixed = fixed_predictor(glmm, params.beta)
    return fixed + glmm.structure.spread(to_natural(scaled_factor(glmm, params), b), glmm.predictors)


def _slope(glmm: GLMM, params: Params, b: Effects) -> Effects:
    """Gradient by `b` of `log f(y | b) - b'b / 2`."""
    f1 = score(glmm, predictor_at(glmm, params, b), params.phi)
    return less(to_spherical(scaled_factor(glmm, params), glmm.structure.gather(f1)), b)
