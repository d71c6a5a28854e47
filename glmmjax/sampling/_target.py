"""Log densities of posteriors, in coordinates in which they are nearly standard normal."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..methods import Data, IntegralObjective, joint_at, log_prior
from ..model import GLMM, Params, scaled_factor, unpack
from ..structure import Effects, Factors
from ._centring import diagonal, transport
from ._effects import drawn_effects

Scalar = Float[Array, ""]
Position = Float[Array, " dim"]


class Place(NamedTuple):
    """Where a posterior lies, and how wide it is: packed working parameters are `centre + lower
    z1`, random effects `mode + path z1 + spread z2`, with `z` about standard normal. Effects are
    spherical, or centred as far as `weight` says (`_centring`).

    Attributes:
        centre, lower: the mode of the parameters, and the factor of their covariance there.
        mode: (rank, levels) the conditional mode of the random effects of each factor.
        path: (rank, levels, size) what it moves by.
        spread: (rank, rank, levels) factors of the covariances of a level's effects given the
            parameters; (rank, levels) of linked effects, their standard deviations.
        lam, weight: (q, q) the factor of the effects at the mode, and (q, levels) how far each is
            centred; None where none is.
    """

    centre: Float[Array, " size"]
    lower: Float[Array, "size size"]
    mode: Effects
    path: tuple[Float[Array, "_ _ size"], ...]
    spread: tuple[Float[Array, "*_ _ _"], ...]
    lam: tuple[Float[Array, "_ _"] | None, ...]
    weight: tuple[Float[Array, "_ _"] | None, ...]


class Posed(NamedTuple):
    """Members to sample from: `own` is what differs between their models, `shared` the rest."""

    own: GLMM
    shared: GLMM
    place: Place


class Point(NamedTuple):
    """Packed working parameters and spherical random effects."""

    vector: Float[Array, " size"]
    b: Effects


class AbstractTarget(eqx.Module):
    """What is sampled; `likelihood` has the data's part in it."""

    likelihood: eqx.AbstractVar[IntegralObjective]

    @abc.abstractmethod
    def dimension(self, place: Place) -> int:
        """Numbers in a position."""

    @abc.abstractmethod
    def log_density(self, glmm: GLMM, data: Data, place: Place, z: Position) -> Scalar:
        """Of the posterior at `z`, up to a constant."""

    @abc.abstractmethod
    def point(self, glmm: GLMM, place: Place, z: Position, key: Array) -> Point:
        """What `z` stands for; random effects that are integrated out are drawn given it."""


class Joint(AbstractTarget):
    """Parameters and random effects together, these not centred."""

    likelihood: IntegralObjective

    def dimension(self, place):
        return len(place.centre) + sum(part.size for part in place.mode)

    def log_density(self, glmm, data, place, z):
        vector, parts = self._parts(place, z)
        params = unpack(glmm, vector)
        at = joint_at(glmm, params)
        b, log_jacobian = _spherical(at.lam, place, parts)
        value = at.log_joint(at.predictor(b), b).sum() + log_jacobian
        if glmm.family.dispersion_names:
            value = value + self.likelihood.base(glmm, data)(params.phi)
        return value + _prior(glmm, params)

    def point(self, glmm, place, z, key):
        vector, parts = self._parts(place, z)
        lam = scaled_factor(glmm, unpack(glmm, vector))
        return Point(vector, _spherical(lam, place, parts)[0])

    def _parts(self, place: Place, z: Position) -> Point:
        """Effects are those that are sampled."""
        size = len(place.centre)
        own, b, first = z[:size], [], size
        for mode, path, spread in zip(place.mode, place.path, place.spread, strict=True):
            part = z[first : first + mode.size].reshape(mode.shape)
            moved = spread * part if spread.ndim == 2 else jnp.einsum("qrg,rg->qg", spread, part)
            b.append(mode + path @ own + moved)
            first += mode.size
        return Point(place.centre + place.lower @ own, tuple(b))


class Marginal(AbstractTarget):
    """Parameters alone, the random effects integrated out."""

    likelihood: IntegralObjective

    def dimension(self, place):
        return len(place.centre)

    def log_density(self, glmm, data, place, z):
        vector = place.centre + place.lower @ z
        value, _ = self.likelihood.value(glmm, data, vector, place.mode)
        return _prior(glmm, unpack(glmm, vector)) - value

    def point(self, glmm, place, z, key):
        vector = place.centre + place.lower @ z
        return Point(vector, drawn_effects(glmm, unpack(glmm, vector), place.mode, key))


def _spherical(lam: Factors, place: Place, parts: Effects) -> tuple[Effects, Scalar]:
    """Spherical effects, and the log Jacobian determinant of these by `parts`."""
    found, log_jacobian = [], jnp.zeros(())
    for own, part, at_mode, weight in zip(lam, parts, place.lam, place.weight, strict=True):
        if at_mode is None or weight is None:
            found.append(part)
            continue
        moved = transport(own, at_mode, weight)
        found.append(jnp.einsum("qrg,rg->qg", moved, part))
        log_jacobian = log_jacobian + jnp.log(jnp.abs(diagonal(moved))).sum()
    return tuple(found), log_jacobian


def _prior(glmm: GLMM, params: Params) -> Scalar:
    """With a standard normal one of coefficients that only pad."""
    padding = jnp.where(glmm.absent, params.beta, 0.0)
    return log_prior(glmm, params, jacobian=True) - 0.5 * padding @ padding
