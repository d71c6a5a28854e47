"""The prior density of all parameters of a model, a pytree of arrays."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln
from jaxtyping import Float

from .._types import Array
from ..covariances import AbstractCovariance, Diagonal, Unstructured
from ..families import AbstractFamily
from ._densities import FLAT, Densities

Scalar = Float[Array, ""]
Theta = Float[Array, " size"]


class TermPrior(eqx.Module):
    """Of one random term, on natural scales: standard deviations of its effects, correlations, and
    other parameters (a range) are independent.

    Attributes:
        kinds: `sd`, `cor` or other, of each number in the order of `Covariance.components`; the
            correlations of an unstructured covariance are one matrix.
        deviations, others: densities of those of a kind.
        eta: the parameter of `LKJ`.
        back: (size, size) what takes `theta` to that of the model in the user's coordinates.
    """

    kinds: tuple[str, ...] = eqx.field(static=True)
    deviations: Densities
    others: Densities
    eta: Float[Array, "*members"]
    back: Float[Array, "*members size size"]

    def log_prob(
        self, covariance: AbstractCovariance, theta: Theta, random_scale: Scalar
    ) -> tuple[Scalar, Scalar]:
        """The log density of the natural parameters, and the log Jacobian determinant of these by
        `theta`, less what is due to mirror images, which share the density."""
        theta = self.back @ theta
        mirrored = len(covariance.scales) * math.log(2)
        if isinstance(covariance, Unstructured):
            value, jacobian = self._of_matrix(covariance, theta, random_scale)
        else:
            value, jacobian = self._of_parameters(covariance, theta, random_scale)
        return value, jacobian - mirrored

    def _of_matrix(
        self, covariance: Unstructured, theta: Theta, random_scale: Scalar
    ) -> tuple[Scalar, Scalar]:
        """With `lam = diag(sd) l`, `l` the Cholesky factor of the correlations: they have `log det
        = 2 sum log l_kk`, and each row of `lam` is a point in polar coordinates."""
        q, lam = covariance.q, random_scale * covariance.factor(theta)
        sd = _length(lam) if q > 1 else jnp.abs(theta) * random_scale
        k = jnp.arange(q)
        log_l = jnp.log(jnp.abs(jnp.diagonal(lam))[1:] / sd[1:])
        value = self.deviations.log_prob(sd) + 2 * (self.eta - 1) * log_l.sum()
        jacobian = ((k[1:] * jnp.log(sd[1:])).sum()) - ((q - k[1:]) * log_l).sum()
        return value - _log_volume(q, self.eta), covariance.size * jnp.log(random_scale) - jacobian

    def _of_parameters(
        self, covariance: AbstractCovariance, theta: Theta, random_scale: Scalar
    ) -> tuple[Scalar, Scalar]:
        natural, jacobian = natural_of(covariance, theta, random_scale)
        parts = {kind: [n for n, own in enumerate(self.kinds) if own == kind] for kind in KINDS}
        sd, cor, others = (natural[jnp.array(parts[kind], int)] for kind in KINDS)
        value = self.deviations.log_prob(jnp.abs(sd))
        value = value + self.others.log_prob(others)
        of_each = (self.eta - 1) * jnp.log1p(-(cor**2)) - _log_volume(2, self.eta)
        return value + of_each.sum(), jacobian


KINDS = ("sd", "cor", "other")


def natural_of(
    covariance: AbstractCovariance, theta: Theta, random_scale: Scalar
) -> tuple[Theta, Scalar]:
    """What `components` show, of a covariance that has as many of them as parameters, and the log
    Jacobian determinant by `theta`. Standard deviations that are a parameter themselves have its
    sign."""
    if covariance.size == 1:
        # Of effects with a covariance of their own it is that of one with factor one.
        one = components_of(covariance, jnp.ones_like(theta), random_scale)
        return theta * one, jnp.log(one[0])
    if isinstance(covariance, Diagonal):
        return random_scale * theta, covariance.size * jnp.log(random_scale)

    def natural(theta):
        return components_of(covariance, theta, random_scale)

    matrix = jax.jacfwd(natural)(theta)
    return natural(theta), jnp.linalg.slogdet(matrix)[1]


def components_of(
    covariance: AbstractCovariance, theta: Theta, random_scale: Scalar
) -> Float[Array, " components"]:
    """What `components` show: standard deviations, correlations and others."""
    lam = random_scale * covariance.factor(theta)
    names = ("",) * covariance.q
    return jnp.stack([own.value(theta, lam @ lam.T)[1] for own in covariance.components(names)])


def _length(rows: Float[Array, "q rank"]) -> Float[Array, " q"]:
    """The length of each row, with a slope of zero where it is zero."""
    squares = (rows * rows).sum(1)
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)


def _log_volume(q: int, eta: Scalar) -> Scalar:
    """The logarithm of the integral of `det(R)^(eta - 1)` over the correlation matrices of `q`
    effects (Lewandowski, Kurowicka and Joe 2009, equation 16)."""
    total = jnp.zeros_like(jnp.asarray(eta))
    for left in range(1, q):
        half = eta + (left - 1) / 2
        total = total + left * ((2 * half - 1) * math.log(2) + betaln(half, half))
    return total


class Prior(eqx.Module):
    """Independent priors on natural scales.

    Attributes:
        rows: (r, p) linear combinations of `beta` that have the densities `coefficients`: the
            coefficients themselves, and the intercept at the means of the covariates.
        coefficients, dispersion: densities of these, and of the family's own parameters (what they
            exceed their lower bound by).
        terms: of each random term.
        firth: whether the coefficients of the mean have Jeffreys' prior instead, which depends on
            the design.
    """

    rows: Float[Array, "*members r p"]
    coefficients: Densities
    terms: tuple[TermPrior, ...]
    dispersion: Densities
    firth: bool = eqx.field(static=True, default=False)

    def log_prob(
        self,
        covariances: tuple[AbstractCovariance, ...],
        family: AbstractFamily,
        beta: Float[Array, " p"],
        theta: tuple[Theta, ...],
        phi: Float[Array, " m"],
    ) -> tuple[Scalar, Scalar]:
        """The log density of all natural parameters (without Jeffreys' prior), and the log Jacobian
        determinant of these by `theta` and `phi` (of `beta` it is constant, and left out)."""
        value = self.coefficients.log_prob(self.rows @ beta)
        jacobian = jnp.zeros((), beta.dtype)
        random_scale = jnp.asarray(family.random_scale(phi), beta.dtype)
        for own, covariance, at in zip(self.terms, covariances, theta, strict=True):
            parts = own.log_prob(covariance, at, random_scale)
            value, jacobian = value + parts[0], jacobian + parts[1]
        natural, log_slope = _of_family(family, phi)
        return value + self.dispersion.log_prob(natural), jacobian + log_slope

    @property
    def holds_coefficients(self) -> bool:
        """Whether every coefficient has a prior that is not flat: no estimate is at infinity."""
        is_flat = np.asarray(self.coefficients.code) == self.coefficients.kinds.index(FLAT)
        return self.firth or not (is_flat & (np.asarray(self.rows) != 0).any(-1)).any()

    def widened(self, kept: np.ndarray, room: int) -> "Prior":
        """The same (NumPy, no members) where the coefficients are in places `kept` of `room`."""
        rows = np.zeros((room, room))
        rows[kept[:, None], kept] = self.rows
        coefficients = self.coefficients.widened(kept, room)
        return eqx.tree_at(lambda own: (own.rows, own.coefficients), self, (rows, coefficients))

    def moved(
        self, beta_back: Float[Array, "*members p p"], theta_back: tuple[Array, ...]
    ) -> "Prior":
        """The same of parameters of which `beta_back` and `theta_back` make those of this one."""
        terms = tuple(
            eqx.tree_at(lambda own: own.back, own, own.back @ back)
            for own, back in zip(self.terms, theta_back, strict=True)
        )
        return eqx.tree_at(lambda own: (own.rows, own.terms), self, (self.rows @ beta_back, terms))


def _of_family(family: AbstractFamily, phi: Float[Array, " m"]) -> tuple[Array, Scalar]:
    """What the natural parameters exceed their lower bounds by, and the log of the product of their
    slopes by their own `phi`, less what is due to mirror images."""
    found, before, log_slope = [], 0.0, jnp.zeros((), phi.dtype)
    for own, at in zip(family.parameters, phi, strict=True):
        value, slope = jax.jvp(
            lambda own_phi, own=own, before=before: own.natural(own_phi, before),
            (at,),
            (jnp.ones_like(at),),
        )
        log_slope = log_slope + jnp.log(jnp.abs(slope)) - (math.log(2) if own.is_even else 0.0)
        found.append(value - own.low if math.isfinite(own.low) else value)
        before = value
    return jnp.asarray(found, phi.dtype).reshape(len(phi)), log_slope
