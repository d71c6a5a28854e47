"""The conditional mode of the spherical random effects, and its exact derivative of every order."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..model import GLMM, Params
from ..structure import AbstractFactor, Effects
from ._conditional import CurvatureRule, Eta, observed_curvature, score
from ._joint import joint_at
from ._newton import find_mode, settled


class Mode(NamedTuple):
    """The conditional mode.

    Attributes:
        b: the spherical random effects that maximise `log f(y | b) - b'b / 2`; NaN in components
            where the search did not settle.
        factor: that of `H` with the observed curvature there.
    """

    b: Effects
    factor: AbstractFactor


def conditional_mode(glmm: GLMM, params: Params, start: Effects) -> Mode:
    """The mode at `params`, searched from `start`."""
    b, parts = _mode(glmm, params, start)
    return Mode(
        b, eqx.tree_at(_structure_of, parts, glmm.structure, is_leaf=lambda leaf: leaf is None)
    )


@eqx.filter_custom_jvp
def _mode(glmm: GLMM, params: Params, start: Effects) -> tuple[Effects, AbstractFactor]:
    """The mode and its factor, without the structure.

    By the implicit function theorem the mode moves as `db = H^-1 d(slope)`. The rule calls `_mode`
    itself, so differentiating the rule again is exact too (one Newton step on a stopped gradient
    would not be). The factor is computed once for both the rule and whoever wants the mode.
    """
    point = find_mode(glmm, params, start)
    found = glmm.structure.to_levels(settled(glmm, point))
    moved = zip(found, point.b, point.direction, strict=True)
    b = tuple(jnp.where(here, b + step, jnp.nan) for here, b, step in moved)
    return b, _parts_at(glmm, params, b)


@_mode.def_jvp
def _(primals, tangents):
    glmm, params, start = primals
    glmm_dot, params_dot, _ = tangents
    b, factor = conditional_mode(glmm, params, start)
    _, slope_dot = eqx.filter_jvp(
        lambda g, p: _slope(g, p, b), (glmm, params), (glmm_dot, params_dot)
    )
    b_dot = factor.solve(slope_dot)
    _, parts_dot = eqx.filter_jvp(_parts_at, (glmm, params, b), (glmm_dot, params_dot, b_dot))
    return (b, eqx.tree_at(_structure_of, factor, None)), (b_dot, parts_dot)


def _parts_at(glmm: GLMM, params: Params, b: Effects) -> AbstractFactor:
    return eqx.tree_at(_structure_of, factor_at(glmm, params, b), None)


def _structure_of(factor: AbstractFactor):
    return factor.structure


def factor_at(
    glmm: GLMM, params: Params, b: Effects, curvature: CurvatureRule = observed_curvature
) -> AbstractFactor:
    """Factor of `H` with the `curvature` at `b`."""
    at = joint_at(glmm, params)
    return at.factor(curvature(glmm, at.predictor(b), params.phi))


def predictor_at(glmm: GLMM, params: Params, b: Effects) -> Eta:
    """`X beta + offset + Z lam b`."""
    return joint_at(glmm, params).predictor(b)


def _slope(glmm: GLMM, params: Params, b: Effects) -> Effects:
    at = joint_at(glmm, params)
    return at.slope(score(glmm, at.predictor(b), params.phi), b)
