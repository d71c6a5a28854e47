"""Unstructured and diagonal covariances of the random effects of one level."""

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .._types import Array


class AbstractCovariance(eqx.Module):
    """The covariance `lam lam'` of `q` random effects of a level, from unconstrained parameters `theta`.

    `lam` is a smooth function of `theta` in which a variance of zero is an ordinary point, so there is no
    boundary: `theta` and its mirror image (a column of `lam` with the other sign) are the same model.
    """

    q: eqx.AbstractVar[int]
    name: eqx.AbstractClassVar[str]

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """Number of parameters."""

    @abc.abstractmethod
    def factor(self, theta: Float[Array, " size"]) -> Float[Array, "q q"]:
        """Lower-triangular factor `lam`."""

    @abc.abstractmethod
    def start(self, sd: Float[Array, " q"]) -> Float[Array, " size"]:
        """`theta` of uncorrelated effects with standard deviations `sd`."""

    @abc.abstractmethod
    def working_basis(
        self, z: Float[np.ndarray, "*members n q"], count: Int[Array, "*members"] | int
    ) -> Float[np.ndarray, "*members q q"]:
        """Lower-triangular `a` such that `a lam` is again a factor of this kind, and the columns of `z a^-1` have mean
        square one over `count` rows (others are zero) and are as orthogonal as that allows."""

    @abc.abstractmethod
    def transform(
        self, theta: Float[np.ndarray, " size"], a: Float[np.ndarray, "*members q q"]
    ) -> Float[np.ndarray, "*members size"]:
        """`theta` of `a lam`, linear in `theta`; `a` is a working basis or its inverse."""

    @abc.abstractmethod
    def canonical(self, theta: Float[Array, " size"]) -> Float[Array, " size"]:
        """The mirror image of `theta` whose `lam` has no negative diagonal."""


class Unstructured(AbstractCovariance):
    """Any covariance: `theta` is the lower triangle of `lam`, row by row (`us` in glmmTMB, `|` in a formula)."""

    q: int = eqx.field(static=True)
    name: ClassVar[str] = "us"

    @property
    def size(self):
        return self.q * (self.q + 1) // 2

    def factor(self, theta):
        # A product with the (constant) positions: linear, so its derivatives are products too and trace quickly.
        return (theta @ _positions(self.q).astype(theta.dtype)).reshape(self.q, self.q)

    def start(self, sd):
        return jnp.diag(sd)[np.tril_indices(self.q)]

    def working_basis(self, z, count):
        # z = q l with a lower-triangular l: the QR factors of the columns in reverse, reversed.
        r = np.linalg.qr(z[..., ::-1], mode="r") / np.sqrt(count)[..., None, None]
        signs = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
        return (r * signs[..., None])[..., ::-1, ::-1]

    def transform(self, theta, a):
        lam = np.zeros((self.q, self.q))
        lam[np.tril_indices(self.q)] = theta
        return (a @ lam)[..., *np.tril_indices(self.q)]

    def canonical(self, theta):
        lam = self.factor(theta)
        return (lam * jnp.where(jnp.diagonal(lam) < 0, -1.0, 1.0))[np.tril_indices(self.q)]


def _positions(q: int) -> np.ndarray:
    """(q (q + 1) / 2, q * q): where each entry of a lower triangle lies in the flattened matrix."""
    rows, columns = np.tril_indices(q)
    return np.eye(q * q)[rows * q + columns]


class Diagonal(AbstractCovariance):
    """Independent effects: `theta` is the diagonal of `lam` (`diag` in glmmTMB, `||` in a formula)."""

    q: int = eqx.field(static=True)
    name: ClassVar[str] = "diag"

    @property
    def size(self):
        return self.q

    def factor(self, theta):
        return jnp.diag(theta)

    def start(self, sd):
        return sd

    def working_basis(self, z, count):
        return np.sqrt((z * z).sum(-2) / np.asarray(count)[..., None])[..., None] * np.eye(self.q)

    def transform(self, theta, a):
        return np.diagonal(a, axis1=-2, axis2=-1) * theta

    def canonical(self, theta):
        return jnp.abs(theta)


COVARIANCES: dict[str, Callable[[int], AbstractCovariance]] = {kind.name: kind for kind in (Unstructured, Diagonal)}


def covariance_named(name: str, q: int) -> AbstractCovariance:
    """The covariance structure called `name` for `q` random effects."""
    return COVARIANCES[name](q)
