"""Parameters from numbers on the scales that people think in."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._errors import ModelError
from .._precision import float64
from ..mixed import MixedModel
from ..params import Params


def natural_params(
    model: MixedModel, *, fixef: Any, sd: Any = None, corr: Any = None, dispersion: Any = None
) -> Params:
    """The `Params` of a model from coefficients, standard deviations, correlations and dispersion.

    Args:
        fixef: every coefficient by name, on the scale of the linear predictor.
        sd: standard deviations of the random effects, also on that scale: a number for a single random column, else by
            name of the column.
        corr: correlations of the random effects by pair of names, `{("Intercept", "x"): 0.3}`, or a number if there is
            one pair; those not given are zero.
        dispersion: the family's own parameters: a number for a single one, else by name.

    Raises:
        ModelError: a name that is missing or unknown, a number out of its range, or correlations that no covariance
            has.
    """
    beta = _numbers("fixef", fixef, model.design.fixed.names)
    phi = _phi(model, dispersion)
    columns = [name for term in model.design.random for name in term.names]
    deviations = _numbers("sd", sd, columns)
    if (deviations < 0).any():
        raise ModelError("sd must not be negative.")
    correlations = _correlations(model, corr, columns)
    with float64():
        deviations = deviations / float(model.family.random_scale(phi))
        theta, first = [], 0
        for term, covariance in zip(model.design.random, model.glmm.covariances, strict=True):
            own = slice(first, first + covariance.q)
            lam = deviations[own, None] * _factor(correlations[own, own], term.formula.text)
            unit = np.asarray(covariance.start(jnp.ones(covariance.q)))
            theta.append(covariance.transform(unit, lam))
            first += covariance.q
    return Params(beta, tuple(theta), phi)


def _numbers(argument: str, given: Any, names: Iterable[str]) -> Float[np.ndarray, " k"]:
    """Finite numbers in the order of `names`."""
    names = list(names)
    values = _by_name(argument, given, names)
    unknown = [str(name) for name in values if name not in names]
    if unknown:
        raise ModelError(f"{argument} has {', '.join(unknown)}, which the model lacks; {_has(names)}.")
    missing = [name for name in names if name not in values]
    if missing:
        raise ModelError(f"{argument} lacks {', '.join(missing)}; {_has(names)}.")
    for name in names:
        if not _is_number(values[name]):
            raise ModelError(f"{argument} of {name} must be a finite number, not {values[name]!r}.")
    return np.array([values[name] for name in names], np.float64)


def _by_name(argument: str, given: Any, names: list[str]) -> dict:
    if given is None:
        return {}
    if isinstance(given, Mapping) or hasattr(given, "to_dict"):
        return dict(given)
    if len(names) == 1 and np.ndim(given) == 0:
        return {names[0]: given}
    raise ModelError(f"{argument} must give numbers by name, such as {{name: number}}, not {given!r}; {_has(names)}.")


def _has(names: list[str]) -> str:
    return f"the model has {', '.join(names)}" if names else "the model has none"


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return is_real and bool(np.isfinite(value))


def _phi(model: MixedModel, given: Any) -> Float[np.ndarray, " m"]:
    dispersion = _numbers("dispersion", given, model.family.dispersion_names)
    if (dispersion <= 0).any():
        raise ModelError(f"dispersion must be positive, not {given!r}.")
    with float64():
        return np.array(model.family.unconstrained(tuple(jnp.asarray(dispersion))), np.float64)


def _correlations(model: MixedModel, given: Any, columns: list[str]) -> Float[np.ndarray, "q q"]:
    pairs = [
        (term.names[i], term.names[j])
        for term in model.design.random
        if term.formula.covariance != "diag"
        for i, j in zip(*np.triu_indices(len(term.names), 1), strict=True)
    ]
    matrix = np.eye(len(columns))
    for pair, value in _pairs_given(given, pairs).items():
        if not (isinstance(pair, tuple) and (pair in pairs or pair[::-1] in pairs)):
            raise ModelError(f"corr has {pair!r}, which is no pair of correlated random effects of the model.")
        if not _is_number(value) or abs(value) >= 1:
            raise ModelError(f"corr of {' and '.join(pair)} must lie between -1 and 1, not {value!r}.")
        i, j = columns.index(pair[0]), columns.index(pair[1])
        matrix[i, j] = matrix[j, i] = value
    return matrix


def _pairs_given(given: Any, pairs: list[tuple[str, str]]) -> dict:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if len(pairs) == 1 and np.ndim(given) == 0:
        return {pairs[0]: given}
    raise ModelError(f"corr must give numbers by pairs of names, such as {{('Intercept', 'x'): 0.3}}, not {given!r}.")


def _factor(correlations: Float[np.ndarray, "q q"], term: str) -> Float[np.ndarray, "q q"]:
    try:
        return np.linalg.cholesky(correlations)
    except np.linalg.LinAlgError:
        raise ModelError(f"No random effects have the correlations given for {term}: make them smaller.") from None
