"""Draws of the random effects given the parameters, by Laplace's approximation."""

import jax
import jax.numpy as jnp

from .._types import Array
from ..methods import conditional_mode, joint_at, observed_curvature
from ..model import GLMM, Params
from ..structure import Effects, to_spherical


def drawn_effects(glmm: GLMM, params: Params, start: Effects, key: Array) -> Effects:
    """Spherical random effects from `N(mode, H^-1)`.

    A draw of `lam'Z'W^(1/2) e + d` with standard normal `e`, `d` has the covariance `H = I +
    lam'Z'WZ lam`, so `H^-1` times it has `H^-1` (Papandreou and Yuille 2010). Curvatures that are
    negative count as zero: effects are then spread a little further.
    """
    mode = conditional_mode(glmm, params, start).b
    at = joint_at(glmm, params)
    w = observed_curvature(glmm, at.predictor(mode), params.phi)
    w, root = _root(w)
    for_rows, *for_levels = jax.random.split(key, 1 + len(mode))
    noise = jax.random.normal(for_rows, root.shape[1:], root.dtype)
    of_rows = to_spherical(
        at.lam, glmm.structure.gather(jnp.einsum("ij...,j...->i...", root, noise))
    )
    own = (jax.random.normal(k, b.shape, b.dtype) for k, b in zip(for_levels, mode, strict=True))
    moved = at.factor(w).solve(tuple(a + b for a, b in zip(of_rows, own, strict=True)))
    return tuple(a + b for a, b in zip(mode, moved, strict=True))


def _root(w: Array) -> tuple[Array, Array]:
    """Curvatures (predictors, predictors, ...) without what is negative in them, and `r` with `r r'
    = w`."""
    if len(w) == 1:
        w = jnp.maximum(w, 0.0)
        return w, jnp.sqrt(w)
    values, vectors = jnp.linalg.eigh(jnp.moveaxis(w, (0, 1), (-2, -1)))
    root = vectors * jnp.sqrt(jnp.maximum(values, 0.0))[..., None, :]
    root = jnp.moveaxis(root, (-2, -1), (0, 1))
    return jnp.einsum("ik...,jk...->ij...", root, root), root
