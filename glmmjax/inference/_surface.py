"""Log-likelihoods of fits as functions of all parameters: values and gradients at any points, side
by side. One program, whatever the number of points."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..fit import Fits, value_and_gradient
from ..methods import AbstractLikelihood, Data, objective_data
from ..model import GLMM

_POINTS = 32  # in a call
_MEMBERS = 4096  # that are loaded at a time


class Slopes(NamedTuple):
    """At each of some points.

    Attributes:
        loglik: log-likelihood, up to a constant of each member; NaN where there is none.
        gradient: of it by all parameters, in the user's coordinates.
        carry: from where an evaluation nearby begins.
    """

    loglik: Float[np.ndarray, " points"]
    gradient: Float[np.ndarray, "points size"]
    carry: Any


class Surface(NamedTuple):
    """The log-likelihoods of some members of fits.

    Attributes:
        numbers: of the members, among those of the fits.
        likelihood, own, shared: what the program takes; arrays of `own` have a leading axis of
            members.
        rows: of the members in the arrays of `own`.
        jacobian: (size, size) derivative of the user's parameters by the working ones, with a
            leading axis of `rows` where it differs.
        kept: numbers of the parameters that are the model's own among those of the program.
    """

    numbers: Int[np.ndarray, " members"]
    likelihood: AbstractLikelihood
    own: GLMM
    shared: GLMM
    rows: Int[np.ndarray, " members"]
    jacobian: np.ndarray
    kept: Int[np.ndarray, " size"]

    def at(
        self,
        members: Int[np.ndarray, " points"],
        points: Float[np.ndarray, "points size"],
        carry: Any = None,
    ) -> Slopes:
        """Evaluate member `numbers[members[k]]` at point `k`, in the user's coordinates."""
        carry = self.nothing(len(points)) if carry is None else carry
        rows, vectors = self.given(members, points)
        found: list[tuple] = [
            self._some(rows[some], vectors[some], jax.tree.map(lambda c, s=some: c[s], carry))
            for some in _slices(len(points))
        ]
        value, gradient, carry = jax.tree.map(lambda *own: np.concatenate(own), *found)
        jacobian = self.jacobian if self.jacobian.ndim == 2 else self.jacobian[rows]
        transposed = np.swapaxes(jacobian, -1, -2)
        gradient = np.linalg.solve(transposed, gradient[:, self.kept, None])[..., 0]
        return Slopes(-value, -gradient, carry)

    def given(
        self, members: Int[np.ndarray, " points"], points: Float[np.ndarray, "points size"]
    ) -> tuple[Int[np.ndarray, " points"], Float[np.ndarray, "points all"]]:
        """Points as programs take them: rows of `own`, and packed parameters."""
        rows = self.rows[members]
        jacobian = self.jacobian if self.jacobian.ndim == 2 else self.jacobian[rows]
        vectors = np.zeros((len(points), self._size))
        vectors[:, self.kept] = np.linalg.solve(jacobian, points[..., None])[..., 0]
        return rows, vectors

    def _some(self, rows: np.ndarray, vectors: np.ndarray, carry: Any) -> tuple:
        count = len(rows)

        def padded(leaf):
            return np.concatenate([leaf, np.repeat(leaf[-1:], _POINTS - count, 0)])

        carry = jax.tree.map(padded, carry)
        points = _Points(padded(rows), padded(vectors), carry, np.array(count))
        with own_settings():
            found = _at(self.likelihood, self.own, self.shared, points)
            return jax.tree.map(lambda leaf: np.asarray(leaf)[:count], found)

    @property
    def _size(self) -> int:
        p, theta, m = self._glmm.sizes
        return p + sum(theta) + m

    @property
    def _glmm(self) -> GLMM:
        """Arrays of which some have a leading axis of members."""
        return eqx.combine(self.own, self.shared)

    def nothing(self, count: int) -> tuple[np.ndarray, ...]:
        """Random effects of zero."""
        return tuple(np.zeros((count, f.rank, f.levels)) for f in self._glmm.structure.factors)


def surfaces(fits: Fits) -> Iterator[Surface]:
    """The members of fits that ended well, some at a time."""
    if fits.members.is_alone:
        yield _of_one(fits)
        return
    for bucket in fits.members.buckets():
        good = bucket[fits.ok[bucket]]
        for first in range(0, len(good), _MEMBERS):
            numbers = good[first : first + _MEMBERS]
            loaded = fits.members.load(numbers, bucket)
            own, shared = eqx.partition(loaded.working.glmm, loaded.own)
            jacobian = loaded.working.jacobian
            kept = np.arange(jacobian.shape[-1])
            for likelihood, rows in fits.method.joint_likelihoods(loaded.working.glmm):
                yield Surface(numbers[rows], likelihood, own, shared, rows, jacobian, kept)


def _of_one(fits: Fits) -> Surface:
    roomy, one = fits.members.first.roomy, np.zeros(1, int)
    (likelihood, _), *_ = fits.method.joint_likelihoods(roomy.glmm)
    own, shared = eqx.partition(roomy.glmm, jax.tree.map(lambda _: False, roomy.glmm))
    return Surface(one, likelihood, own, shared, one, roomy.working.jacobian, roomy.kept_of_all)


def _slices(count: int) -> list[slice]:
    return [slice(first, min(first + _POINTS, count)) for first in range(0, count, _POINTS)]


class _Points(NamedTuple):
    """Where to evaluate: the members, in the arrays of `own`, their packed parameters in the
    program's coordinates, what evaluations begin from, and how many of these count."""

    rows: Int[Array, " points"]
    vectors: Float[Array, "points size"]
    carry: Any
    count: Int[Array, ""]


@Program
def _at(
    likelihood: AbstractLikelihood, own: GLMM, shared: GLMM, points: _Points
) -> tuple[Float[Array, " points"], Float[Array, "points size"], Any]:
    """Minus the log-likelihood, its gradient, and the carry."""
    differs = bool(jax.tree.leaves(own))
    common = Data((), ()) if differs else objective_data(likelihood, shared)

    def evaluate(k, found):
        glmm = eqx.combine(jax.tree.map(lambda leaf: leaf[points.rows[k]], own), shared)
        data = objective_data(likelihood, glmm) if differs else common
        before = jax.tree.map(lambda leaf: leaf[k], points.carry)
        function = value_and_gradient(likelihood, glmm, data)
        (value, carry), gradient = function(points.vectors[k], before)
        return jax.tree.map(lambda all, one: all.at[k].set(one), found, (value, gradient, carry))

    vectors = points.vectors
    nothing = (jnp.zeros(len(vectors), vectors.dtype), jnp.zeros_like(vectors), points.carry)
    return jax.lax.fori_loop(0, points.count, evaluate, nothing)
