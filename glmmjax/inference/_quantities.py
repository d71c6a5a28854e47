"""What intervals, bootstraps and studies speak of: every parameter of a model on its natural scale,
by name."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._precision import own_settings
from .._programs import Program
from .._types import Array
from ..assembly import MixedModel, component_name, components
from ..covariances import AbstractCovariance
from ..families import AbstractFamily
from ._coefficients import block, names_of

_POINTS = 32  # in a call


class Quantity(NamedTuple):
    """One of them.

    Attributes:
        name: a coefficient's (`x`, `zi_x`, `disp_x`), `sd(x|g)`, `cor(x,z|g)`, `range(t|g)`, or
            that of a parameter of the family (`sigma`, `phi`).
        kind: `coefficient`, `sd`, `cor`, `other` (another parameter of a term, positive), or
            `dispersion`.
        position: number among the coefficients, or among the others.
    """

    name: str
    kind: str
    position: int


def quantities(model: MixedModel) -> list[Quantity]:
    """All of them: the coefficients, then the random terms', then the family's own."""
    fixed = names_of(model)
    found = [Quantity(name, "coefficient", k) for k, name in enumerate(fixed)]
    for _, term, component in components(model):
        kind = component.kind if component.kind in ("sd", "cor") else "other"
        name = component_name(component, term.formula.group)
        found.append(Quantity(name, kind, len(found) - len(fixed)))
    for name in model.family.dispersion_names:
        name = f"dispersion({name})" if name in fixed else name
        found.append(Quantity(name, "dispersion", len(found) - len(fixed)))
    return found


def chosen(model: MixedModel, parm: Any, part: str = "mean") -> list[Quantity]:
    """The quantities that `parm` names: `fixed` (the coefficients of `part`), `random` (all
    others), `all`, or a name or names, in which spaces do not count; raises `ModelError` for one
    that is none."""
    everything, own = quantities(model), range(*block(model, part).indices(model.glmm.p))
    if isinstance(parm, str) and parm in ("fixed", "random", "all"):
        return [
            one
            for one in everything
            if parm == "all"
            or (
                (parm == "random") == (one.kind != "coefficient")
                and (one.kind != "coefficient" or one.position in own)
            )
        ]
    by_name = {_squeezed(one.name): one for one in everything}
    names = names_in("parm", parm)
    for name in names:
        if _squeezed(name) not in by_name:
            known = ", ".join(one.name for one in everything)
            raise ModelError(
                f"parm must be 'fixed', 'random', 'all' or names of parameters, and {name!r} is"
                f" none; the model has {known}."
            )
    return [by_name[_squeezed(name)] for name in names]


def names_in(argument: str, given: Any) -> list[str]:
    """A name or a list of names as a list; a `ModelError` for anything else."""
    names = [given] if isinstance(given, str) else given
    is_list = isinstance(names, Sequence | pd.Index) and all(isinstance(n, str) for n in names)
    if not is_list:
        raise ModelError(f"{argument} must be a name or a list of names, not {given!r}.")
    return list(names)


def _squeezed(name: str) -> str:
    return name.replace(" ", "")


class Natural(NamedTuple):
    """What is reported of the random terms, in the order of `components`, and the parameters of the
    family, at some points.

    Attributes:
        values: a standard deviation that is the only parameter of its term has a sign.
        slopes: their derivatives by all of (theta, phi).
    """

    values: Float[np.ndarray, "points natural"]
    slopes: Float[np.ndarray, "points natural variances"]


def natural(model: MixedModel, points: Float[np.ndarray, "points size"]) -> Natural:
    """Of all parameters of `points`, in the user's coordinates. One program, without data, whatever
    the number of points."""
    p, sizes, _ = model.glmm.sizes
    ends = np.cumsum([p, *sizes])
    found = []
    for first in range(0, max(len(points), 1), _POINTS):
        some = points[first : first + _POINTS]
        padded = some[np.minimum(np.arange(_POINTS), len(some) - 1)]
        theta = tuple(padded[:, a:b] for a, b in itertools.pairwise(ends.tolist()))
        with own_settings():
            own = _natural(model.glmm.covariances, model.family, theta, padded[:, ends[-1] :])
            found.append([np.asarray(leaf)[: len(some)] for leaf in own])
    return Natural(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


@Program
def _natural(
    covariances: tuple[AbstractCovariance, ...],
    family: AbstractFamily,
    theta: tuple[Float[Array, "points _"], ...],
    phi: Float[Array, "points _"],
) -> tuple[Float[Array, "points components"], Float[Array, "points components variances"]]:
    def values(theta, phi):
        scale, found = family.random_scale(phi), [jnp.zeros(0, phi.dtype)]
        for covariance, own in zip(covariances, theta, strict=True):
            # A standard deviation alone is a line through zero, where a root has no slope.
            is_line = covariance.size == 1
            lam = scale * covariance.factor(jnp.ones_like(own) if is_line else own)
            parts = [
                component.value(own, lam @ lam.T)[1] * (own[0] if is_line else 1.0)
                for component in covariance.components(("",) * covariance.q)
            ]
            found.append(jnp.stack(parts))
        return jnp.concatenate([*found, jnp.asarray(family.dispersion(phi), phi.dtype)])

    def one(theta, phi):
        slopes = jax.jacfwd(values, (0, 1))(theta, phi)
        return values(theta, phi), jnp.concatenate(jax.tree.leaves(slopes), 1)

    return jax.vmap(one)(theta, phi)
