"""The joint density of responses and random effects, of which every method is made."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..model import GLMM, Params, fixed_predictor, linear_predictor, scaled_factor
from ..structure import (
    AbstractFactor,
    Effects,
    Elimination,
    Factors,
    eliminate,
    factorise,
    to_natural,
    to_spherical,
)
from ._conditional import Cells, Curvature, Eta, log_kernel

PerComponent = Float[Array, " components"]


class Joint(NamedTuple):
    """`log f(y | b) - b'b / 2` (kernels only) as a function of the spherical random effects `b`.

    Attributes:
        glmm: the model.
        phi: the family's own parameters.
        fixed: `X beta + offset`.
        lam: the factor of the random effects, `u = lam b`.
    """

    glmm: GLMM
    phi: Float[Array, " m"]
    fixed: Eta
    lam: Factors

    def predictor(self, b: Effects) -> Eta:
        """`X beta + offset + Z lam b`."""
        return linear_predictor(self.glmm, self.fixed, to_natural(self.lam, b))

    def log_joint(self, eta: Eta, b: Effects) -> PerComponent:
        """The density of each component, at `b` with its `predictor`."""
        return self.density(log_kernel(self.glmm, eta, self.phi), b)

    def density(self, kernel: Cells, b: Effects) -> PerComponent:
        """The same from the `log_kernel` there."""
        structure = self.glmm.structure
        return structure.sum_components(kernel) - 0.5 * structure.dot(b, b)

    def rounding(self, kernel: Cells, b: Effects) -> PerComponent:
        """What rounding may have made of `density`: a part of the sum of the sizes of its terms,
        which may be far larger than their sum; zero where that is not finite."""
        sizes = -self.density(-jnp.abs(kernel), b)
        room = 16 * jnp.finfo(sizes.dtype).eps * sizes
        return jnp.where(jnp.isfinite(room), room, 0.0)

    def slope(self, score: Eta, b: Effects) -> Effects:
        """Its gradient by `b`, `lam' Z' score - b`, from the `score` there."""
        return less(to_spherical(self.lam, self.glmm.structure.gather(score)), b)

    def factor(self, w: Curvature) -> AbstractFactor:
        """The factor of `H = I + lam' Z'WZ lam`, minus the second derivative where `w` is that of
        the responses."""
        return factorise(self.glmm.structure, self.lam, self.glmm.structure.gram(w))

    def eliminated(self, w: Curvature) -> Elimination:
        """What solutions with `H` need of its factor."""
        structure = self.glmm.structure
        return eliminate(structure, structure.matrix(self.lam, structure.gram(w))).left


def joint_at(glmm: GLMM, params: Params) -> Joint:
    """The joint density at `params`."""
    fixed = fixed_predictor(glmm, params.beta)
    return Joint(glmm, params.phi, fixed, scaled_factor(glmm, params))


def less(a: Effects, b: Effects) -> Effects:
    """`a - b`."""
    return tuple(one - two for one, two in zip(a, b, strict=True))
