"""Random effects of one grouping factor (or none): `H(b) = I + lam' Z'WZ lam` is one small block a group."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._types import Array
from . import _small as small

Cells = Float[Array, "*batch blocks width"]
Effects = Float[Array, "q groups"]
Blocks = Float[Array, "q q groups"]


class Grouped(eqx.Module):
    """`Z` of one grouping factor with `q` random columns: observations of a group share a vector of `q` effects.

    Attributes:
        z: (q, blocks, width) random columns.
        group_of_block: (blocks,) sorted group of each block, None when block `g` is group `g`.
        groups: number of groups, padded ones included (they have H = I and b = 0, invisible).
        predictor_of: linear predictor to which each random column belongs.
    """

    z: Float[Array, "*members q blocks width"]
    group_of_block: Int[Array, "*members blocks"] | None
    groups: int = eqx.field(static=True)
    predictor_of: tuple[int, ...] = eqx.field(static=True)

    @property
    def q(self) -> int:
        """Random effects a group."""
        return len(self.predictor_of)

    def spread(self, u: Effects, predictors: int) -> Float[Array, "predictors blocks width"]:
        """`Z u`: what the random effects add to each linear predictor."""
        parts = self.z * self._to_blocks(u)[..., None]
        zero = jnp.zeros_like(parts, shape=parts.shape[1:])
        own = [[parts[c] for c in range(self.q) if self.predictor_of[c] == j] for j in range(predictors)]
        return jnp.stack([sum(columns, zero) for columns in own])

    def gather(self, f: Float[Array, "predictors blocks width"]) -> Effects:
        """`Z' f` for values `f` of each linear predictor."""
        own = f if len(f) == 1 else f[list(self.predictor_of)]
        return self.sum_groups(self.z * own)

    def gram(self, w: Float[Array, "predictors predictors blocks width"]) -> Blocks:
        """`Z' W Z`, one block a group, for curvatures `w` between linear predictors."""
        own = w if len(w) == 1 else w[list(self.predictor_of)][:, list(self.predictor_of)]
        return self.sum_groups(self.z[:, None] * self.z * own)

    def sum_groups(self, values: Cells) -> Float[Array, "*batch groups"]:
        """Sum of `values` over the observations of each group."""
        sums = values.sum(-1)
        if self.group_of_block is None:
            return sums
        zero = jnp.zeros((*sums.shape[:-1], self.groups), sums.dtype)
        return zero.at[..., self.group_of_block].add(sums, indices_are_sorted=True)

    def _to_blocks(self, per_group: Float[Array, "*batch groups"]) -> Float[Array, "*batch blocks"]:
        return per_group if self.group_of_block is None else per_group[..., self.group_of_block]

    def factorise(self, lam: Float[Array, "q q"], gram: Blocks) -> "GroupedFactor":
        """`H = I + lam' gram lam`."""
        identity = jnp.eye(self.q, dtype=gram.dtype)[:, :, None]
        return GroupedFactor(identity + small.congruence(lam, gram))

    def no_effects(self, dtype) -> Effects:
        """Spherical random effects of zero."""
        return jnp.zeros((self.q, self.groups), dtype)


class GroupedFactor(eqx.Module):
    """What can be asked of `H`, a block a group. The blocks are small, so solving multiplies by their inverses."""

    matrix: Blocks

    def solve(self, x: Float[Array, "q *columns groups"]) -> Float[Array, "q *columns groups"]:
        """`H^-1 x`; `x` may have axes between the first and the last."""
        return small.multiply(self.blocks(), x)

    def half_solve(self, x: Effects) -> Effects:
        """`l'^-1 x` with `H = l l'`: standard normal `x` becomes a draw from `N(0, H^-1)`."""
        return small.solve_upper(small.cholesky(self.matrix), x)

    def logdet(self) -> Float[Array, " groups"]:
        """`log det H` of each group."""
        return small.logdet(self.matrix)

    def blocks(self) -> Blocks:
        """`H^-1`, the covariance of the spherical random effects given the data; NaN where `H` is not positive."""
        return small.inverse(self.matrix)

    def positive(self) -> Bool[Array, " groups"]:
        """Whether `H` of a group is positive definite."""
        return jnp.isfinite(small.cholesky(self.matrix)).all((0, 1))
