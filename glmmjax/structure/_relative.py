"""The relative covariance factor `lam` of one grouping factor, `u = lam b` in each of its
levels."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from .._types import Array
from ..linalg import small
from ._block import AbstractBlock, DenseBlock, LinkedBlock


class AbstractRelative(eqx.Module):
    """`lam` of one grouping factor. Parts that it is applied to may have axes between the first and
    the last."""

    @property
    @abc.abstractmethod
    def dtype(self) -> jnp.dtype:
        """That of its numbers."""

    @abc.abstractmethod
    def times(self, b: Float[Array, "rank *columns levels"]) -> Float[Array, "q *columns levels"]:
        """`lam b`."""

    @abc.abstractmethod
    def transposed(
        self, x: Float[Array, "q *columns levels"]
    ) -> Float[Array, "rank *columns levels"]:
        """`lam' x`."""

    @abc.abstractmethod
    def scaled(self, by: Array | float) -> "AbstractRelative":
        """`by lam`."""

    @abc.abstractmethod
    def at(self, levels: Int[Array, " some"]) -> "AbstractRelative":
        """That of some levels, one after the other."""

    @abc.abstractmethod
    def block(self, gram: Array) -> AbstractBlock:
        """The block `I + lam' gram lam` of each level."""

    @abc.abstractmethod
    def covariance(self, block: Array) -> Array:
        """What `AbstractFactor.blocks` says of `b` as covariances of `u`."""


class Matrices(AbstractRelative):
    """Any factor, as a matrix: the same in all levels, or one for each.

    Attributes:
        values: (q, rank, 1) or (q, rank, levels).
    """

    values: Float[Array, "q rank _"]

    @property
    def dtype(self):
        return self.values.dtype

    def times(self, b):
        return small.multiply(self.values, b)

    def transposed(self, x):
        return small.multiply(jnp.swapaxes(self.values, 0, 1), x)

    def scaled(self, by):
        return Matrices(by * self.values)

    def at(self, levels):
        return self if self.values.shape[-1] == 1 else Matrices(self.values[..., levels])

    def block(self, gram):
        identity = jnp.eye(self.values.shape[1], dtype=gram.dtype)
        return DenseBlock(identity[:, :, None] + two_sided(self, gram, self))

    def covariance(self, block):
        return jnp.swapaxes(self.times(jnp.swapaxes(self.times(block), 0, 1)), 0, 1)

    @property
    def rank(self) -> int:
        """Number of spherical effects of a level."""
        return self.values.shape[1]

    def outer(self) -> Float[Array, "q q _"]:
        """`lam lam'`."""
        return small.multiply(self.values, jnp.swapaxes(self.values, 0, 1))


class Links(AbstractRelative):
    """Effects along a line, each depending on the one before it only: `u_j = step_j u_(j-1) +
    innovation_j b_j`.

    Attributes:
        step: (q, 1) or (q, levels), of which the first of a level has no meaning.
        innovation: of the same shape.
    """

    step: Float[Array, "q _"]
    innovation: Float[Array, "q _"]

    @property
    def dtype(self):
        return self.innovation.dtype

    def times(self, b):
        def forward(u, link):
            step, innovation, b = link
            u = step * u + innovation * b
            return u, u

        return jax.lax.scan(forward, jnp.zeros_like(b[0]), (self.step, self.innovation, b))[1]

    def transposed(self, x):
        def backward(carried, link):
            step, innovation, x = link
            total = x + carried
            return step * total, innovation * total

        return jax.lax.scan(
            backward, jnp.zeros_like(x[0]), (self.step, self.innovation, x), reverse=True
        )[1]

    def scaled(self, by):
        return Links(self.step, by * self.innovation)

    def at(self, levels):
        shared = self.step.shape[-1] == 1
        return self if shared else Links(self.step[:, levels], self.innovation[:, levels])

    def block(self, gram):
        return LinkedBlock(gram, self.step, self.innovation)

    def covariance(self, block):
        return block  # of a chain of effects the curvature is by `u` itself

    def matrices(self) -> Matrices:
        """The same factor with all its entries."""
        identity = jnp.eye(len(self.step), dtype=self.dtype)
        return Matrices(
            self.times(
                jnp.broadcast_to(identity[:, :, None], (*identity.shape, self.step.shape[-1]))
            )
        )


def two_sided(
    left: AbstractRelative, m: Float[Array, "q r *levels"], right: AbstractRelative
) -> Array:
    """`left' m right` of each level."""
    return jnp.swapaxes(right.transposed(jnp.swapaxes(left.transposed(m), 0, 1)), 0, 1)
