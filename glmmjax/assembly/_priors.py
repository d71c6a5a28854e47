"""A model with priors: what is said of them by name, and the defaults, as the arrays of a `Prior`.

Defaults are weakly informative, and follow the units of the data (Gelman, Jakulin, Pittau and Su
2008, Ann. Appl. Stat. 2; Goodrich, Gabry, Ali and Brilleman, rstanarm).
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from .._errors import ModelError
from .._precision import own_settings
from ..families import AbstractFamily, AbstractParameter, innermost
from ..priors import (
    LKJ,
    AbstractDistribution,
    Entry,
    Exponential,
    Firth,
    Flat,
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
from ._units import UNKNOWN, Units, units_of

_INTERCEPT = "Intercept"
_CORRELATIONS = LKJ(2)
_DOMAINS = {"coefficients": "real", "intercept": "real", "sd": "positive", "other": "positive"}
_CONSTANT = 1e-10  # times its largest number a column varies by rounding only


class Parameter(NamedTuple):
    """A parameter that has a prior.

    Attributes:
        argument: of `Priors` that speaks of it.
        name: as `fit.confint(parm="all")` has it; of correlations the grouping factor.
        usual: the default prior; of correlations none.
        place: number of its linear predictor, or of its term.
    """

    argument: str
    name: str
    usual: Entry
    place: int = 0


def with_priors(model: MixedModel, priors: Priors | None) -> MixedModel:
    """The same model with priors; raises a `ModelError` for a name that it lacks, and a
    distribution that is none of its parameter."""
    if priors is None:
        return model
    present = (model.design.weights > 0)[None]
    prior = _prior_of(model, priors, _units_of(model), present)
    prior = jax.tree.map(lambda leaf: leaf[0], prior)
    glmm = dataclasses.replace(model.glmm, prior=prior)
    return dataclasses.replace(model, glmm=glmm, priors=priors)


def _prior_of(
    model: MixedModel, priors: Priors, units: Units, present: Bool[np.ndarray, "*members n"]
) -> Prior:
    """The arrays of the priors of members, of each of which these are the units; `present` are the
    rows that count, of all alike or of each."""
    everything = list(_parameters(model, units, present))
    _refuse(model, priors, everything)
    members = units.scale.shape

    def of(argument: tuple[str, ...], place: int | None = None):
        own = [one for one in everything if one.argument in argument]
        own = own if place is None else [one for one in own if one.place == place]
        return densities([_resolved(priors, one) for one in own], members)

    terms = tuple(
        TermPrior(
            kinds=tuple(_kind(c.kind) for k, _, c in components(model) if k == number),
            deviations=of(("sd",), number),
            others=of(("other",), number),
            eta=np.broadcast_to(_lkj(priors, _group(model, number)).eta, members),
            back=np.broadcast_to(np.eye(own.size), (*members, own.size, own.size)),
        )
        for number, own in enumerate(model.glmm.covariances)
    )
    rows = _rows(model, present)
    return Prior(
        rows=np.broadcast_to(rows, (*members, *rows.shape[-2:])),
        coefficients=of(("intercept", "coefficients")),
        terms=terms,
        dispersion=of(("dispersion",)),
        firth=isinstance(priors.coefficients, Firth),
    )


def prior_of_members(
    model: MixedModel,
    y: Float[np.ndarray, "members n *any"],
    weights: Float[np.ndarray, "*members n"],
    offset: Float[np.ndarray, "*members n"],
) -> Prior:
    """Those of the model, in the units of each member of a batch of one design; weights and the
    offset of the mean may be those of all."""
    units = units_of(model.family, y, weights, offset)
    return _prior_of(model, model.priors or Priors(), units, weights > 0)


def prior_table(model: MixedModel, priors: Priors | None = None) -> pd.DataFrame:
    """The prior of each parameter, in words: columns `parameter, prior`. Without `priors` they are
    those of the model, or the defaults."""
    priors = (model.priors or Priors()) if priors is None else priors
    everything = list(_parameters(model, _units_of(model), model.design.weights > 0))
    _refuse(model, priors, everything)
    found = [(own.name, _words(model, priors, own)) for own in everything]
    return pd.DataFrame(found, columns=["parameter", "prior"])


def _words(model: MixedModel, priors: Priors, own: Parameter) -> str:
    if own.argument == "corr":
        return str(_lkj(priors, _group(model, own.place)))
    if isinstance(priors.coefficients, Firth) and own.argument in ("coefficients", "intercept"):
        return str(priors.coefficients)
    return _resolved(priors, own).text()


def _units_of(model: MixedModel) -> Units:
    design = model.design
    if not model.has_response:
        return UNKNOWN
    return units_of(model.family, design.y[None], design.weights, design.offset)


def _rows(model: MixedModel, present: np.ndarray) -> np.ndarray:
    """(..., p, p) the linear combinations of all coefficients that have a prior: themselves, and
    the intercept at the means of the other columns."""
    p = model.glmm.p
    rows, first = np.tile(np.eye(p), (*present.shape[:-1], 1, 1)), 0
    for own in model.design.predictors:
        for k, name in enumerate(own.fixed.names):
            if name == _INTERCEPT:
                means = _mean(own.fixed.x.T, present[..., None, :])
                rows[..., first + k, first : first + means.shape[-1]] = means
        first += len(own.fixed.names)
    return rows


def _mean(x: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Over the last axis, of what is present."""
    return (x * present).sum(-1) / present.sum(-1)


def _spread(x: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The standard deviation of a column (n,); one if it is constant."""
    spread = np.sqrt(_mean((x - _mean(x, present)[..., None]) ** 2, present))
    return np.where(spread > _CONSTANT * np.abs(x).max(initial=0.0), spread, 1.0)


def _parameters(model: MixedModel, units: Units, present: np.ndarray) -> Iterator[Parameter]:
    """All that have a prior: coefficients, then those of terms, then the family's own."""
    for number, own in enumerate(model.design.predictors):
        centre, scale = _of_predictor(model, number, units)
        for name, x in zip(own.fixed.names, own.fixed.x.T, strict=True):
            full = f"{own.prefix}{name}"
            if name == _INTERCEPT:
                yield Parameter("intercept", full, entry(Normal, centre, 2.5 * scale), number)
            else:
                unit = scale / _spread(x, present)
                yield Parameter("coefficients", full, entry(Normal, 0.0, 2.5 * unit), number)
    for number in range(len(model.glmm.covariances)):
        yield from _of_term(model, number, units, present)
    names = {name for own in model.design.predictors for name in own.fixed.names}
    for own in model.family.parameters:
        name = f"dispersion({own.name})" if own.name in names else own.name
        yield Parameter("dispersion", name, _of_family(model.family, own, units))


def _of_predictor(model: MixedModel, number: int, units: Units) -> tuple:
    """Centre and scale of a linear predictor."""
    if number == 0:
        return units.centre, units.scale
    is_spread = model.design.predictors[number].name == "disp"
    is_spread &= innermost(model.family).traits.has_residual
    return (np.log(units.spread) if is_spread else 0.0), np.ones_like(units.scale)


def _of_term(
    model: MixedModel, number: int, units: Units, present: np.ndarray
) -> Iterator[Parameter]:
    """Standard deviations are in units of the linear predictor over those of their column, others
    in units of their own."""
    term, covariance = model.design.random[number], model.glmm.covariances[number]
    found = [component for k, _, component in components(model) if k == number]
    _, scale = _of_predictor(model, term.predictor, units)
    columns = term.z.T if term.position is None else ()
    spreads = [_spread(x, present) for x in columns]
    with own_settings():
        theta = jnp.zeros(covariance.size).at[covariance.scales].set(1.0)
        is_plain = all(own.kind in ("sd", "cor") for own in found)
        at = (
            np.ones(len(found))
            if is_plain
            else np.asarray(natural_of(covariance, theta, jnp.ones(()))[0])
        )
    for k, own in enumerate(found):
        name = component_name(own, term.formula.group)
        if own.kind == "sd":
            spread = spreads[k] if len(spreads) == sum(c.kind == "sd" for c in found) else 1.0
            yield Parameter("sd", name, entry(Gamma, 2.0, spread / scale), number)
        elif own.kind == "cor":
            yield Parameter("corr", name, entry(Flat), number)
        else:
            yield Parameter("other", name, entry(LogNormal, np.log(at[k]), 1.0), number)


def _of_family(family: AbstractFamily, own: AbstractParameter, units: Units) -> Entry:
    """The default prior of a parameter of the family (of what it exceeds its lower bound by)."""
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
    return usual.get(type(own).__name__, entry(StudentT, 3.0, 0.0, 2.5))


def _given(priors: Priors, own: Parameter) -> AbstractDistribution | None:
    """What is said of a parameter."""
    given = getattr(priors, own.argument)
    if isinstance(priors.coefficients, Firth) and own.argument in ("coefficients", "intercept"):
        return Flat()
    if isinstance(given, Mapping):
        return {_squeezed(name): one for name, one in given.items()}.get(_squeezed(own.name))
    return given


def _resolved(priors: Priors, own: Parameter) -> Entry:
    """What is said of a parameter, or the default."""
    given = _given(priors, own)
    return own.usual if given is None else entry(type(given), *dataclasses.astuple(given))


def _lkj(priors: Priors, group: str) -> LKJ:
    if isinstance(priors.corr, Mapping):
        named = {_squeezed(name): one for name, one in priors.corr.items()}
        return named.get(_squeezed(group), _CORRELATIONS)
    return priors.corr or _CORRELATIONS


def _group(model: MixedModel, number: int) -> str:
    return model.design.random[number].formula.group


def _kind(kind: str) -> str:
    return kind if kind in ("sd", "cor") else "other"


def _squeezed(name: str) -> str:
    return name.replace(" ", "")


def _refuse(model: MixedModel, priors: Priors, everything: list[Parameter]) -> None:
    """Raise a `ModelError` for priors that do not fit the model."""
    if not isinstance(priors, Priors):
        raise ModelError(f"priors must be gj.Priors(...), not {type(priors).__name__}.")
    for number, own in enumerate(model.glmm.covariances):
        if sum(k == number for k, _, _ in components(model)) != own.size:
            raise ModelError(
                f"There are no priors for {model.design.random[number].formula.text}: several of"
                " its parameters mean the same standard deviations and correlations."
            )
    if isinstance(priors.coefficients, Firth):
        _refuse_firth(model, priors)
    for field in dataclasses.fields(priors):
        argument = field.name
        names = [own.name for own in everything if own.argument == argument]
        if argument == "corr":
            names = sorted(
                {_group(model, own.place) for own in everything if own.argument == "corr"}
            )
        _refuse_unknown(argument, getattr(priors, argument), names)
    for own in everything:
        _refuse_domain(own.argument, own.name, _given(priors, own), _domain(model, own))


def _refuse_firth(model: MixedModel, priors: Priors) -> None:
    is_binary = model.family.response in ("binary", "proportion") and model.glmm.predictors == 1
    if not (is_binary and model.glmm.sizes[2] == 0):
        raise ModelError(
            "coefficients of Priors: Firth() is a prior for binary data, of the binomial and"
            " Bernoulli families."
        )
    if priors.intercept is not None:
        raise ModelError(
            "coefficients of Priors: Firth() is a prior of the intercept too: leave intercept out."
        )


def _refuse_unknown(argument: str, given: object, names: list[str]) -> None:
    known = {_squeezed(name) for name in names}
    for name in given if isinstance(given, Mapping) else ():
        if _squeezed(str(name)) not in known:
            has = f"it has {', '.join(names)}" if names else "it has none"
            raise ModelError(f"{argument} of Priors names {name!r}, which the model lacks; {has}.")


def _domain(model: MixedModel, own: Parameter) -> str:
    """`real` or `positive`: what a parameter, or what it exceeds its lower bound by, can be."""
    if own.argument != "dispersion":
        return _DOMAINS.get(own.argument, "real")
    lows = {f"dispersion({one.name})": one.low for one in model.family.parameters}
    lows |= {one.name: one.low for one in model.family.parameters}
    return "positive" if np.isfinite(lows[own.name]) else "real"


def _refuse_domain(argument: str, name: str, given: object, domain: str) -> None:
    """Raise a `ModelError` for a distribution of numbers that the parameter cannot be, or that is
    of a part of those that it can be."""
    if not isinstance(given, AbstractDistribution) or isinstance(given, Flat):
        return
    if domain == "positive":
        is_wrong = given.domain == "real" or (isinstance(given, Uniform) and given.low < 0)
        numbers, others, example = "a positive number", "of any numbers", "gj.HalfNormal(1)"
    else:
        is_wrong = given.domain == "positive"
        numbers, others, example = "any number", "of positive numbers", "gj.Normal(0, 2.5)"
    if is_wrong:
        raise ModelError(
            f"{argument} of Priors: {name} is {numbers}, and {given} a distribution {others}: take"
            f" {example}, or another of gj.priors."
        )
