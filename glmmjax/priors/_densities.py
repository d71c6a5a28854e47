"""Densities of several numbers, each by a distribution of its own, in one sum."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .._types import Array
from ._distributions import DISTRIBUTIONS, INSIDE, MOST, AbstractDistribution, Flat

FLAT = Flat.__name__


class Densities(eqx.Module):
    """Independent numbers with a distribution each.

    What a program sees of these is which kinds occur; which number has which, and with what
    parameters, are arrays, so that models with a parameter more share it.

    Attributes:
        kinds: names of the distributions.
        code: the place of each number's own among these.
        numbers: (k, 3) parameters of the distributions.
    """

    kinds: tuple[str, ...] = eqx.field(static=True)
    code: Int[Array, "*members k"]
    numbers: Float[Array, "*members k 3"]

    def widened(self, kept: np.ndarray, room: int) -> "Densities":
        """The same (NumPy, no members) in places `kept` of `room`, with `Flat` in the others."""
        code, numbers = np.full(room, self.kinds.index(FLAT)), np.ones((room, MOST))
        code[kept], numbers[kept] = self.code, self.numbers
        return Densities(self.kinds, code, numbers)

    def log_prob(self, x: Float[Array, " k"]) -> Float[Array, ""]:
        """The sum of the log densities."""
        total = jnp.zeros((), x.dtype)
        for place, name in enumerate(self.kinds):
            here = jnp.asarray(self.code) == place
            at, numbers = jnp.where(here, x, INSIDE), jnp.where(here[:, None], self.numbers, 1.0)
            density = DISTRIBUTIONS[name].log_prob(at, *(numbers[:, k] for k in range(MOST)))
            total = total + jnp.where(here, density, 0.0).sum()
        return total


class Entry(NamedTuple):
    """A distribution by its name and numbers, which may be arrays of members."""

    kind: str
    numbers: tuple[float | np.ndarray, ...]

    def text(self) -> str:
        """As it is written, of one model."""
        kind = DISTRIBUTIONS[self.kind]
        return str(kind(*(float(np.ravel(own)[0]) for own in self.numbers[: kind.count()])))


def entry(kind: type[AbstractDistribution], *numbers: float | np.ndarray) -> Entry:
    """One of a kind, its numbers filled up with ones."""
    return Entry(kind.__name__, (*numbers, *(1.0,) * (MOST - len(numbers))))


def densities(each: Sequence[Entry], members: tuple[int, ...]) -> Densities:
    """Of the numbers in order; arrays have the leading axes `members`."""
    kinds = tuple(sorted({FLAT, *(own.kind for own in each)}))
    code = np.array([kinds.index(own.kind) for own in each], np.int64)
    rows = [[np.broadcast_to(number, members) for number in own.numbers] for own in each]
    numbers = np.array(rows, np.float64).reshape(len(each), MOST, *members)
    return Densities(
        kinds, np.broadcast_to(code, (*members, len(each))), np.moveaxis(numbers, (0, 1), (-2, -1))
    )
