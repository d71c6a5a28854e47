"""Parameters from numbers on the scales that people think in."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._numbers import as_float64
from .._precision import own_settings
from ..assembly import MixedModel, components
from ..covariances import Component
from ..model import Params


def natural_params(  # noqa: PLR0913 - keyword-only
    model: MixedModel,
    *,
    fixef: Any,
    sd: Any = None,
    corr: Any = None,
    dispersion: Any = None,
    zi: Any = None,
    disp: Any = None,
) -> Params:
    """The `Params` of a model from coefficients, standard deviations, correlations and dispersion.

    Args:
        fixef: every coefficient by name, on the scale of the linear predictor.
        sd: standard deviations of the random effects, also on that scale: a number for a single
            one, else by name (`term1` of `varcorr`; with its group, "Intercept | g", if several
            factors have that name).
        corr: correlations of the random effects and further parameters of their covariance by pair
            of names (`term1` and `term2` of `varcorr`), `{("Intercept", "x"): 0.3}`, or a number if
            there is one pair; correlations not given are zero.
        dispersion: the family's own parameters: a number for a single one, else by name.
        zi, disp: every coefficient of these linear predictors by name, if the model has them.

    Raises:
        ModelError: a name that is missing or unknown, a number out of its range, or correlations
            that no covariance has.
    """
    beta = _coefficients(model, {"fixef": fixef, "disp": disp, "zi": zi})
    phi = _phi(model, dispersion)
    found = list(components(model))
    deviations = _deviations(
        sd, [(term.formula.group, c.term1) for _, term, c in found if c.kind == "sd"]
    )
    others = _others(corr, [(term.formula.group, c) for _, term, c in found if c.kind != "sd"])
    with own_settings():
        scale = float(model.family.random_scale(phi))
    values: list[list[float]] = [[] for _ in model.design.random]
    for number, _, component in found:
        values[number].append(next(deviations) / scale if component.kind == "sd" else next(others))
    theta = tuple(_theta(model, number, np.array(own)) for number, own in enumerate(values))
    return Params(beta, theta, phi)


def _coefficients(model: MixedModel, given: dict[str, Any]) -> Float[np.ndarray, " p"]:
    """Coefficients of all linear predictors; the argument for the mean is called `fixef`."""
    names = {
        "fixef" if own.name == "mean" else own.name: own.fixed.names
        for own in model.design.predictors
    }
    for argument in given:
        if given[argument] is not None and argument not in names:
            raise ModelError(f"The model has no {argument}formula, so leave {argument} out.")
    return np.concatenate(
        [_numbers(argument, given[argument], own) for argument, own in names.items()]
    )


def _theta(
    model: MixedModel, number: int, values: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " size"]:
    try:
        return model.glmm.covariances[number].from_components(values)
    except ModelError as error:
        raise ModelError(
            f"sd and corr do not fit {model.design.random[number].formula.text}: {error}"
        ) from None


def _deviations(given: Any, places: list[tuple[str, str]]) -> Iterator[float]:
    """Standard deviations in order; a name that several factors have is written with its group,
    "Intercept | g"."""
    names = [name for _, name in places]
    keys = [name if names.count(name) == 1 else f"{name} | {group}" for group, name in places]
    deviations = _numbers("sd", given, keys)
    if (deviations < 0).any():
        raise ModelError("sd must not be negative.")
    return iter(deviations.tolist())


def _numbers(argument: str, given: Any, names: Iterable[str]) -> Float[np.ndarray, " k"]:
    """Finite numbers in the order of `names`."""
    names = list(names)
    values = _by_name(argument, given, names)
    unknown = [str(name) for name in values if name not in names]
    if unknown:
        raise ModelError(
            f"{argument} has {', '.join(unknown)}, which the model lacks; {_has(names)}."
        )
    missing = [name for name in names if name not in values]
    if missing:
        raise ModelError(f"{argument} lacks {', '.join(missing)}; {_has(names)}.")
    for name in names:
        if not _is_number(values[name]):
            raise ModelError(f"{argument} of {name} must be a finite number, not {values[name]!r}.")
    return np.array([float(values[name]) for name in names], np.float64)


def _by_name(argument: str, given: Any, names: list[str]) -> dict:
    if given is None:
        return {}
    if isinstance(given, Mapping) or hasattr(given, "to_dict"):
        return dict(given)
    if len(names) == 1 and np.ndim(given) == 0:
        return {names[0]: given}
    raise ModelError(
        f"{argument} must give numbers by name, such as {{name: number}}, not {given!r};"
        f" {_has(names)}."
    )


def _has(names: list[str]) -> str:
    return f"the model has {', '.join(names)}" if names else "the model has none"


def _is_number(value: Any) -> bool:
    try:
        number = as_float64("", value)
    except ModelError:
        return False
    return number.ndim == 0 and bool(np.isfinite(number)) and not isinstance(value, bool)


def _phi(model: MixedModel, given: Any) -> Float[np.ndarray, " m"]:
    dispersion = _numbers("dispersion", given, model.family.dispersion_names)
    with own_settings():
        phi = np.array(model.family.unconstrained(tuple(jnp.asarray(dispersion))), np.float64)
    if not np.isfinite(phi).all():
        rules = ", ".join(
            f"{own.name} must {own.rule}"
            for own, value in zip(model.family.parameters, phi, strict=True)
            if not np.isfinite(value)
        )
        raise ModelError(
            f"dispersion {given!r} is out of the range that the family {model.family.name} has:"
            f" {rules}."
        )
    return phi


def _others(given: Any, places: list[tuple[str, Component]]) -> Iterator[float]:
    """Correlations and further parameters in order; correlations that are not given are zero."""
    pairs = [(c.term1, c.term2) for _, c in places]
    keys = [
        pair if pairs.count(pair) == 1 else (*pair, group)
        for pair, (group, _) in zip(pairs, places, strict=True)
    ]
    values = _by_pair(given, keys)
    known = set(keys) | {(key[1], key[0], *key[2:]) for key in keys}
    for pair, value in values.items():
        if pair not in known:
            raise ModelError(
                f"corr has {pair!r}, which is no pair of correlated random effects of the model."
            )
        if not _is_number(value):
            raise ModelError(f"corr of {_written(pair)} must be a finite number, not {value!r}.")
    found = []
    for key, (_, component) in zip(keys, places, strict=True):
        value = values.get(key, values.get((key[1], key[0], *key[2:])))
        is_correlation = component.kind == "cor"
        if value is None and not is_correlation:
            raise ModelError(f"corr lacks {key!r}, the {component.kind} of the covariance.")
        if value is not None and is_correlation and abs(value) >= 1:
            raise ModelError(f"corr of {_written(key)} must lie between -1 and 1, not {value!r}.")
        found.append(0.0 if value is None else float(value))
    return iter(found)


def _written(pair: tuple[str, ...]) -> str:
    return f"{pair[0]} and {pair[1]}"


def _by_pair(given: Any, keys: list[tuple[str, ...]]) -> dict:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if len(keys) == 1 and np.ndim(given) == 0:
        return {keys[0]: given}
    raise ModelError(
        "corr must give numbers by pairs of names, such as {('Intercept', 'x'): 0.3}, not"
        f" {given!r}."
    )
