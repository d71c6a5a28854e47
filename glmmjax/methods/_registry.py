"""The methods by name, and which one a model is fitted by."""

import dataclasses
from typing import Any

from .._errors import ModelError
from ..assembly import MixedModel
from ._aghq import AGHQ
from ._exact import Exact
from ._laplace import Laplace
from ._method import AbstractMethod
from ._penalised import Penalised
from ._restricted import RestrictedLaplace

_LAPLACE, _RESTRICTED, _EXACT = Laplace(), RestrictedLaplace(), (Exact(), Exact(reml=True))

METHODS: dict[str, type[AbstractMethod]] = {
    own.name: own for own in (Laplace, AGHQ, Exact, RestrictedLaplace, Penalised)
}


def choose_method(
    model: MixedModel, method: AbstractMethod | None, *, reml: bool
) -> AbstractMethod:
    """The method to use, by default the exact likelihood where there is one; raises `ModelError` if
    it cannot serve the model."""
    if method is None:
        is_exact = model.is_linear and model.priors is None
        method = _EXACT[bool(reml)] if is_exact else (_RESTRICTED if reml else _LAPLACE)
    if not isinstance(method, AbstractMethod):
        known = ", ".join(f"{own.__name__}()" for own in METHODS.values() if own.is_chosen)
        raise ModelError(f"method must be an object, one of {known}: gj.Laplace(), not {method!r}.")
    if reml and not method.is_restricted:
        raise ModelError(
            f"There is no restricted likelihood by {type(method).__name__}: leave method out."
        )
    if model.priors is not None and not isinstance(method, Penalised):
        method = Penalised(method)
    method.check(model)
    return method


def method_to_dict(method: AbstractMethod) -> dict[str, Any]:
    """A method as plain values, its name and its fields; `ModelError` if it is not registered."""
    name = method.name
    if METHODS.get(name) is not type(method):
        kind = type(method).__name__
        raise ModelError(f"A fit by {kind} can be saved after gj.METHODS[{name!r}] = {kind}.")
    values = {own.name: getattr(method, own.name) for own in dataclasses.fields(method)}
    return {"name": name} | {
        field: method_to_dict(own) if isinstance(own, AbstractMethod) else own
        for field, own in values.items()
    }


def method_from_dict(given: dict[str, Any]) -> AbstractMethod:
    """The inverse of `method_to_dict`."""
    name = given["name"]
    if name not in METHODS:
        raise ModelError(f"the method {name!r} is not in gj.METHODS; add it before you load.")
    return METHODS[name](
        **{
            key: method_from_dict(own) if isinstance(own, dict) else own
            for key, own in given.items()
            if key != "name"
        }
    )
