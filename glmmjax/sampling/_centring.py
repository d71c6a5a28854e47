"""Random effects centred where the data know them: what a sampler moves is, effect by effect, a
mixture of the spherical ones and of those on their own scale (as Papaspiliopoulos, Roberts and
Sköld 2007).

With `lam` the factor of a level's effects and `lam0` the one at the mode, the spherical effects are
`b = T c` with `T = (I - W) + W lam^-1 lam0`, lower triangular: `c = b` for weights of zero, and
`lam0 c` are the effects themselves for weights of one, which hardly move with `lam` where there are
many rows a level.
"""

import jax.numpy as jnp
from jaxtyping import Float

from .._types import Array
from ..linalg import small
from ..structure import AbstractRelative, Matrices

_MOST_EFFECTS = 6  # of a level


def is_centred(lam: AbstractRelative) -> bool:
    """Whether effects with such a factor may be centred."""
    if not isinstance(lam, Matrices):
        return False
    q, rank, levels = lam.values.shape
    return levels == 1 and q == rank <= _MOST_EFFECTS


def weights(
    variance: Float[Array, "q levels"], diagonal: Float[Array, " q"], moved: Float[Array, "size q"]
) -> Float[Array, "q levels"]:
    """How far each effect is centred: by what the data take of its prior `variance`, the less the
    less is known of its scale, so that none is centred at a scale that may be zero. `moved` is what
    the scale moves by for each standard deviation of the parameters."""
    uncertain = 4 * (moved**2).sum(0) / diagonal**2
    known = jnp.clip(1 - uncertain, 0.0, 1.0)
    return jnp.clip(1 - variance, 0.0, 1.0) * known[:, None]


def transport(
    lam: AbstractRelative, at_mode: Float[Array, "q q"], weight: Float[Array, "q levels"]
) -> Float[Array, "q q levels"]:
    """`T` of each level."""
    assert isinstance(lam, Matrices)
    relative = small.solve_lower(lam.values, at_mode[..., None])
    own = jnp.eye(len(at_mode), dtype=weight.dtype)[..., None] * (1 - weight)
    return own + weight[:, None] * relative


def diagonal(matrices: Float[Array, "q q levels"]) -> Float[Array, "levels q"]:
    """Of each."""
    return jnp.diagonal(matrices)
