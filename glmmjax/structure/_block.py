"""The blocks of `H` that belong to the levels of one factor, before and after they are factored.

A block is a small dense matrix, or, where effects lie along a line and each depends on the one
before it only, a chain of them. Write `u_j = r_j u_(j-1) + s_j b_j` and let `d_j` be the curvature
of the log density by `u_j`. What follows after `j` is, once its effects are eliminated, a parabola
in `u_j` of curvature `a_(j+1)`, so from the last to the first

    m_j = d_j + a_(j+1),      h_j = 1 + s_j^2 m_j,      a_j = r_j^2 m_j / h_j,      log det = sum
    log h_j.

Nothing is divided by an innovation `s_j`, so variances of zero and correlations of one are ordinary
points; it is the Kalman filter that runs backwards (Durbin and Koopman 2012, chapter 4).
"""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int

from .._types import Array
from ..linalg import small

Columns = Float[Array, "q *columns levels"]


class AbstractPivots(eqx.Module):
    """A factored block of each level."""

    @abc.abstractmethod
    def solver(self) -> Callable[[Columns], Columns]:
        """`x -> A^-1 x`."""

    @abc.abstractmethod
    def half_solve(self, x: Columns) -> Columns:
        """`r' x` with `A^-1 = r' r`."""

    @abc.abstractmethod
    def logdet(self) -> Float[Array, " levels"]:
        """`log det A`."""

    @abc.abstractmethod
    def positive(self) -> Bool[Array, " levels"]:
        """Whether `A` is positive definite."""

    @abc.abstractmethod
    def solve_at(
        self, levels: Int[Array, " some"], x: Float[Array, "q some"]
    ) -> Float[Array, "q some"]:
        """`A^-1 x` for columns each of which belongs to one of the `levels`."""


class AbstractBlock(eqx.Module):
    """A block of each level."""

    @property
    @abc.abstractmethod
    def entries(self) -> Array:
        """The numbers by which `log det` is differentiated for what `AbstractFactor.blocks`
        gives."""

    @abc.abstractmethod
    def factored(self) -> AbstractPivots:
        """Its factor."""


class DensePivots(AbstractPivots):
    """A dense matrix; it is solved by its inverse."""

    matrix: Float[Array, "q q levels"]

    def solver(self):
        inverse = small.inverse(self.matrix)
        return lambda x: small.multiply(inverse, x)

    def half_solve(self, x):
        return small.solve_upper(small.cholesky(self.matrix), x)

    def logdet(self):
        return small.logdet(self.matrix)

    def positive(self):
        return jnp.isfinite(small.cholesky(self.matrix)).all((0, 1))

    def solve_at(self, levels, x):
        return small.multiply(small.inverse(self.matrix)[..., levels], x)


class DenseBlock(AbstractBlock):
    """A dense matrix, the only kind from which finer factors take something: a chain of effects is
    eliminated first."""

    matrix: Float[Array, "q q levels"]

    @property
    def entries(self):
        return self.matrix

    def factored(self):
        return DensePivots(self.matrix)


class LinkedPivots(AbstractPivots):
    """A chain whose effects are eliminated from the last to the first; `r`, `s`, `m`, `h` as in
    this module's text."""

    r: Float[Array, "q _"]
    s: Float[Array, "q _"]
    m: Float[Array, "q levels"]
    h: Float[Array, "q levels"]

    def solver(self):
        return self._solve

    def _solve(self, x: Columns) -> Columns:
        links = (self.r, self.s, self.m, self.h)

        def backward(c, link):
            r, s, m, h, x = link
            return r * (c - s * m * x) / h, x + s * c

        def forward(u, link):
            r, s, m, h, pulled = link
            b = (pulled - s * m * r * u) / h
            return r * u + s * b, b

        zero = jnp.zeros_like(x[0])
        pulled = jax.lax.scan(backward, zero, (*links, x), reverse=True)[1]
        return jax.lax.scan(forward, zero, (*links, pulled))[1]

    def half_solve(self, x):
        def forward(u, link):
            r, s, m, h, x = link
            b = x / jnp.sqrt(h) - s * m * r * u / h
            return r * u + s * b, b

        return jax.lax.scan(forward, jnp.zeros_like(x[0]), (self.r, self.s, self.m, self.h, x))[1]

    def logdet(self):
        return jnp.log(self.h).sum(0)

    def positive(self):
        return (self.h > 0).all(0)

    def solve_at(self, levels, x):
        def take(part: Array) -> Array:
            return part if part.shape[-1] == 1 else part[..., levels]

        return LinkedPivots(
            take(self.r), take(self.s), self.m[..., levels], self.h[..., levels]
        ).solver()(x)


class LinkedBlock(AbstractBlock):
    """A chain: curvatures by the effects `u` themselves, and the links between them."""

    curvature: Float[Array, "q levels"]
    step: Float[Array, "q _"]
    innovation: Float[Array, "q _"]

    @property
    def entries(self):
        return self.curvature

    def factored(self):
        def backward(a, link):
            d, r, s = link
            m = d + a
            h = 1 + s**2 * m
            return r**2 * m / h, (m, h)

        links = (self.curvature, self.step, self.innovation)
        _, (m, h) = jax.lax.scan(backward, jnp.zeros_like(self.curvature[0]), links, reverse=True)
        return LinkedPivots(self.step, self.innovation, m, h)
