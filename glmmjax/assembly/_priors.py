"""A model with priors: what is said of them by name, and the defaults, as the arrays of a `Prior`.

Defaults are weakly informative, and follow the units of the data (Gelman, Jakulin, Pittau and Su
2008, Ann. Appl. Stat. 2; Goodrich, Gabry, Ali and Brilleman, rstanarm).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float

from .._errors import ModelError
from .._precision import own_settings
from .._programs import Program
from ..families import AbstractComposite, AbstractFamily, AbstractParameter, innermost
from ..model import GLMM
from ..priors import (
    LKJ,
    AbstractDistribution,
    Entry,
    Exponential,
    Firth,
    Gamma,
    InverseGamma,
    LogNormal,
    Normal,
    Prior,
    Priors,
    StudentT,
    TermPrior,
    Uniform,
    densities,
    entry,
    natural_of,
)
from ._components import component_name, components
from ._mixed import MixedModel

_WITHOUT_UNIT = ("log", "logit", "probit", "cloglog", "cauchit", "softplus")
_INTERCEPT = "Intercept"
_CORRELATIONS = LKJ(2)


class Units(NamedTuple):
    """The mean response on the scale of the link, and what one unit there is: the standard
    deviation of the response, or one for a link that takes its unit away; and the standard
    deviation itself. Of one model, or of members."""

    centre: Float[np.ndarray, "*members"]
    scale: Float[np.ndarray, "*members"]
    spread: Float[np.ndarray, "*members"]


class Named(NamedTuple):
    """The prior of a parameter: its name, and its distribution."""

    name: str
    own: Entry


def with_priors(model: MixedModel, priors: Priors | None) -> MixedModel:
    """The same model with priors; raises a `ModelError` for a name that it lacks, and a
    distribution that is none of its parameter."""
    if priors is None:
        return model
    if not isinstance(priors, Priors):
        raise ModelError(f"priors must be gj.Priors(...), not {type(priors).__name__}.")
    _refuse(model, priors)
    prior = prior_of(model, priors, units_of(model.roomy.glmm) if model.has_response else _NONE)
    return dataclasses.replace(
        model, glmm=dataclasses.replace(model.glmm, prior=prior), priors=priors
    )


_NONE = Units(np.array(0.0), np.array(1.0), np.array(1.0))


def units_of(glmm: GLMM, own: Any = None) -> Units:
    """The units of a model, or of members, of whose arrays those in the mask `own` have a leading
    axis."""
    with own_settings():
        if own is None:
            return jax.tree.map(np.asarray, _units(glmm))
        axes = jax.tree.map(lambda is_own: 0 if is_own else None, own)
        return jax.tree.map(np.asarray, jax.vmap(_found, (axes,))(glmm))


def _found(glmm: GLMM) -> Units:
    family, y, weights = glmm.family, jnp.asarray(glmm.y), jnp.asarray(glmm.weights)
    while isinstance(family, AbstractComposite):
        y, weights = family.inner_response(y, weights)
        family = family.inner
    if family.response == "ordered":
        return Units(jnp.zeros(()), jnp.ones(()), jnp.ones(()))
    each, total = family.start_mean(y), weights.sum()
    mean = (weights * each).sum() / total
    spread = jnp.sqrt((weights * (each - mean) ** 2).sum() / total)
    spread = jnp.where(spread > 0, spread, 1.0)
    slope = jnp.abs(jax.grad(lambda mu: family.link.link(mu))(mean))
    centre = family.link.link(mean) - (weights * glmm.offset[0]).sum() / total
    is_free = family.link.name in _WITHOUT_UNIT
    return Units(centre, jnp.ones(()) if is_free else spread * slope, spread)


_units = Program(_found)


def prior_of(model: MixedModel, priors: Priors, units: Units) -> Prior:
    """The arrays of the prior, whose numbers have the leading axes that `units` have."""
    members = np.shape(units.scale)
    rows, coefficients = _coefficients(model, priors, units)
    terms = []
    for number, covariance in enumerate(model.glmm.covariances):
        kinds, named = _of_term(model, priors, number, units)
        parts = [
            densities([own.own for own, kind in zip(named, kinds, strict=True) if kind == wanted])
            if not members
            else densities(
                [own.own for own, kind in zip(named, kinds, strict=True) if kind == wanted], members
            )
            for wanted in ("sd", "other")
        ]
        eta = np.broadcast_to(_lkj(model, priors, number).eta, members)
        back = np.broadcast_to(np.eye(covariance.size), (*members, *[covariance.size] * 2))
        terms.append(TermPrior(kinds, *parts, eta, back))
    return Prior(
        rows=np.broadcast_to(rows, (*members, *rows.shape)),
        coefficients=densities([own.own for own in coefficients], members),
        terms=tuple(terms),
        dispersion=densities([own.own for own in _dispersion(model, priors, units)], members),
        firth=isinstance(priors.coefficients, Firth),
    )


def prior_table(model: MixedModel, priors: Priors) -> pd.DataFrame:
    """The prior of each parameter, in words: columns `parameter, prior`."""
    units = units_of(model.roomy.glmm) if model.has_response else _NONE
    _, coefficients = _coefficients(model, priors, units)
    found = [(own.name, own.own.text()) for own in coefficients]
    if isinstance(priors.coefficients, Firth):
        count = model.design.predictors[0].fixed.x.shape[1]
        found[:count] = [(own.name, "Firth()") for own in coefficients[:count]]
    for number in range(len(model.glmm.covariances)):
        kinds, named = _of_term(model, priors, number, units)
        lkj = str(_lkj(model, priors, number))
        found += [
            (own.name, lkj if kind == "cor" else own.own.text())
            for own, kind in zip(named, kinds, strict=True)
        ]
    found += [(own.name, own.own.text()) for own in _dispersion(model, priors, units)]
    return pd.DataFrame(found, columns=["parameter", "prior"])


def _coefficients(
    model: MixedModel, priors: Priors, units: Units
) -> tuple[np.ndarray, list[Named]]:
    """(p, p) linear combinations of all coefficients, and their priors."""
    p, first, found = model.glmm.p, 0, []
    rows, present = np.eye(p), model.design.weights > 0
    for number, own in enumerate(model.design.predictors):
        x = own.fixed.x[present]
        centre, scale = _of_predictor(model, number, units)
        for k, name in enumerate(own.fixed.names):
            full = f"{own.prefix}{name}"
            if name == _INTERCEPT:
                rows[first + k, first : first + x.shape[1]] = x.mean(0)
                usual = entry(Normal, centre, 2.5 * scale)
                found.append(Named(full, _given(priors.intercept, full, usual)))
                continue
            spread = x[:, k].std()
            usual = entry(Normal, 0.0, 2.5 * scale / (spread if spread > 0 else 1.0))
            by_hand = None if isinstance(priors.coefficients, Firth) else priors.coefficients
            found.append(Named(full, _given(by_hand, full, usual)))
        if isinstance(priors.coefficients, Firth) and number == 0:
            found[:] = [Named(one.name, Entry("Flat", (1.0, 1.0, 1.0))) for one in found]
        first += x.shape[1]
    return rows, found


def _of_predictor(model: MixedModel, number: int, units: Units) -> tuple[Any, Any]:
    """Centre and scale of a linear predictor."""
    if number == 0:
        return units.centre, units.scale
    is_spread = model.design.predictors[number].name == "disp"
    is_spread &= innermost(model.family).traits.has_residual
    return (np.log(units.spread) if is_spread else 0.0), 1.0


def _of_term(
    model: MixedModel, priors: Priors, number: int, units: Units
) -> tuple[tuple[str, ...], list[Named]]:
    """The kinds of what is reported of a term, and their priors (those of correlations do not
    count)."""
    kinds, found = [], []
    natural = _at_zero(model, number)
    _, scale = _of_predictor(model, model.design.random[number].predictor, units)
    own = [(term, c) for k, term, c in components(model) if k == number]
    for (term, component), at_zero in zip(own, natural, strict=True):
        name = component_name(component, term.formula.group)
        if component.kind == "sd":
            usual, given = entry(Gamma, 2.0, 1 / np.asarray(scale)), priors.sd
        elif component.kind == "cor":
            usual, given = Entry("Flat", (1.0, 1.0, 1.0)), None
        else:
            usual, given = entry(LogNormal, float(np.log(at_zero)), 1.0), priors.other
        kinds.append(component.kind if component.kind in ("sd", "cor") else "other")
        found.append(Named(name, _given(given, name, usual)))
    return tuple(kinds), found


def _at_zero(model: MixedModel, number: int) -> np.ndarray:
    """What is reported of a term where its parameters are one (standard deviations) and zero (all
    others): the units of these."""
    covariance = model.glmm.covariances[number]
    count = sum(k == number for k, _, _ in components(model))
    kinds = [c.kind for k, _, c in components(model) if k == number]
    if all(kind in ("sd", "cor") for kind in kinds):
        return np.ones(count)
    theta = np.zeros(covariance.size)
    theta[covariance.scales] = 1.0
    with own_settings():
        return np.asarray(natural_of(covariance, jnp.asarray(theta), jnp.ones(()))[0])


def _dispersion(model: MixedModel, priors: Priors, units: Units) -> list[Named]:
    names = {one for own in model.design.predictors for one in own.fixed.names}
    return [
        Named(full, _given(priors.dispersion, full, _usual(model.family, own, units)))
        for own in model.family.parameters
        for full in (f"dispersion({own.name})" if own.name in names else own.name,)
    ]


def _usual(family: AbstractFamily, own: AbstractParameter, units: Units) -> Entry:
    """The default prior of a parameter of the family (of what it exceeds its lower bound by)."""
    kind = type(own).__name__
    if own.name == "sigma":
        is_response = innermost(family).response in ("real", "censored")
        return entry(Exponential, 1 / units.spread if is_response else 1.0)
    if own.name == "df":
        return entry(Gamma, 2.0, 0.1)
    usual = {
        "Square": entry(Exponential, 1.0),
        "OneAndSquare": entry(Exponential, 1.0),
        "InverseSquare": entry(InverseGamma, 0.4, 0.3),
        "OneToTwo": entry(Uniform, 0.0, 1.0),
        "Positive": entry(LogNormal, 0.0, 2.0),
        "Ratio": entry(LogNormal, 0.0, 1.0),
    }
    return usual.get(kind, entry(StudentT, 3.0, 0.0, 2.5))


def _given(
    given: AbstractDistribution | Mapping[str, AbstractDistribution] | None, name: str, usual: Entry
) -> Entry:
    """What is said of a parameter, or the default."""
    if isinstance(given, Mapping):
        given = {_squeezed(key): own for key, own in given.items()}.get(_squeezed(name))
    return usual if given is None else entry(type(given), *dataclasses.astuple(given))


def _lkj(model: MixedModel, priors: Priors, number: int) -> LKJ:
    if isinstance(priors.corr, Mapping):
        return priors.corr.get(model.design.random[number].formula.group, _CORRELATIONS)
    return priors.corr or _CORRELATIONS


def _squeezed(name: str) -> str:
    return name.replace(" ", "")


def _refuse(model: MixedModel, priors: Priors) -> None:
    """Raise a `ModelError` for what does not fit the model."""
    for number, own in enumerate(model.glmm.covariances):
        if sum(k == number for k, _, _ in components(model)) != own.size:
            raise ModelError(
                f"{model.design.random[number].formula.text} has no prior: several of its"
                " parameters mean the same standard deviations and correlations."
            )
    if isinstance(priors.coefficients, Firth) and not (
        model.family.response in ("binary", "proportion") and model.glmm.predictors == 1
    ):
        raise ModelError("Firth() is a prior for binary data: the binomial and Bernoulli families.")
    kinds = {
        "intercept": ("coefficient", "real"),
        "coefficients": ("coefficient", "real"),
        "sd": ("standard deviation", "positive"),
        "other": ("parameter", "positive"),
    }
    names = _names(model)
    for argument, own in names.items():
        given = getattr(priors, argument)
        if isinstance(given, Mapping):
            known = [_squeezed(name) for name in own]
            for name in given:
                if _squeezed(name) not in known:
                    has = f"it has {', '.join(own)}" if own else "it has none"
                    raise ModelError(
                        f"{argument} of Priors names {name!r}, which the model lacks; {has}."
                    )
        each = given.values() if isinstance(given, Mapping) else [given]
        for one in each:
            what, domain = kinds.get(argument, ("", ""))
            if domain == "positive" and isinstance(one, AbstractDistribution):
                _check_positive(argument, what, one)


def _check_positive(argument: str, what: str, own: AbstractDistribution) -> None:
    below = isinstance(own, Uniform) and own.low < 0
    if (own.domain == "real" and type(own).__name__ != "Flat") or below:
        raise ModelError(
            f"{argument} of Priors: a {what} is not negative, and {own} is a distribution of any"
            " number; take gj.HalfNormal(1) or the like."
        )


def _names(model: MixedModel) -> dict[str, list[str]]:
    """The parameters of each argument of `Priors`."""
    found: dict[str, list[str]] = {
        name: [] for name in ("intercept", "coefficients", "sd", "corr", "dispersion", "other")
    }
    for own in model.design.predictors:
        for name in own.fixed.names:
            where = "intercept" if name == _INTERCEPT else "coefficients"
            found[where].append(f"{own.prefix}{name}")
    for _, term, component in components(model):
        name = component_name(component, term.formula.group)
        where = component.kind if component.kind in ("sd",) else "other"
        if component.kind == "cor":
            where, name = "corr", term.formula.group
        found[where].append(name)
    found["dispersion"] = [own.name for own in _dispersion(model, Priors(), _NONE)]
    return found
