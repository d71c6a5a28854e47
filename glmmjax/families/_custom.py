"""A family of the user's own, from one function."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ModelError
from ._family import AbstractMeanFamily, Traits, absolute_curvature, as_link
from ._link import LINKS, AbstractLink
from ._parameter import AbstractParameter, free

_START = {
    "real": lambda y: y,
    "positive": lambda y: y,
    "count": lambda y: y + 0.1,
    "binary": lambda y: (y + 0.5) / 2,
}
_COVERING = ("log", "softplus", "logit", "probit", "cloglog", "cauchit")


class CustomFamily(AbstractMeanFamily):
    """A distribution given by the log density of one observation.

    Args:
        log_prob: `log_prob(y, eta, phi)` for one response, its linear predictor and (k,)
            unconstrained parameters: the normalised log density, in `jax.numpy`, twice
            differentiable by `eta` and `phi` wherever they may go.
        link: by its name; the mean of the response is its inverse of `eta`.
        response: kind of response, "real", "positive", "count" or "binary", which the data are
            checked against.
        parameters: names of the parameters `phi`, which are reported as they are (a logarithm stays
            one).
        start: (k,) where the search of `phi` starts; zeros if not given.
        sample: `sample(key, eta, phi)`, a draw of one response, for `simulate`, bootstraps and
            simulation studies.

    Prior weights multiply the log density. The expected curvature is not known, so only `Laplace()`
    with the observed one and `AGHQ` fit it; for starting values the absolute observed one stands
    in. Compiled programs belong to the functions themselves, so make a family once and use it
    again. A fit cannot be saved to a file.

    Raises:
        ModelError: an argument does not have this form.
    """

    log_prob: Callable = eqx.field(static=True)
    link: AbstractLink
    response: str = eqx.field(static=True)
    parameters: tuple[AbstractParameter, ...] = eqx.field(static=True)
    start: tuple[float, ...] = eqx.field(static=True)
    sampler: Callable | None = eqx.field(static=True)
    name: ClassVar[str] = "custom"

    def __init__(
        self,
        log_prob: Any,
        *,
        link: str | AbstractLink = "identity",
        response: str = "real",
        parameters: Any = (),
        start: Any = None,
        sample: Any = None,
    ):
        self.link = as_link(link, tuple(LINKS), self.name)
        if response not in _START:
            raise ModelError(
                f"The response of a family is one of {', '.join(_START)}, not {response!r}."
            )
        self.parameters = free(_names(parameters))
        self.start = _numbers(start, len(self.parameters))
        _check_scalar(log_prob, len(self.start))
        if not (sample is None or callable(sample)):
            raise ModelError(f"sample must be a function of (key, eta, phi), not {sample!r}.")
        self.log_prob, self.response, self.sampler = log_prob, response, sample

    def kernel(self, y, eta, phi):
        return jnp.vectorize(lambda one, at: self.log_prob(one, at, phi), signature="(),()->()")(
            y, eta
        )

    def base(self, y, phi, weight):
        return jnp.zeros_like(weight * y)

    def variance(self, y, eta, phi):
        raise ModelError(
            "The variance of a family of your own is not known: take residuals(kind='response')."
        )

    def expected_curvature(self, y, eta, phi):
        return absolute_curvature(self, y, eta, phi)

    def sample(self, key, y, eta, phi, weight):
        sampler = self.sampler
        if sampler is None:
            raise ModelError(
                "This family cannot be simulated from: give it sample=, a function of (key, eta,"
                " phi)."
            )
        keys = jax.random.split(key, eta.size)
        drawn = jax.vmap(lambda k, at: sampler(k, at, phi))(keys, eta.ravel())
        return drawn.reshape(eta.shape).astype(eta.dtype)

    def start_mean(self, y):
        return _START[self.response](y)

    def start_phi(self, y, mu, weights):
        return tuple(jnp.asarray(value, mu.dtype) for value in self.start)

    @property
    def own_traits(self):
        covers = self.response == "real" or self.link.name in _COVERING
        return Traits(log_concave=False, covers_line=covers, has_expectation=False)


def _names(parameters: Any) -> tuple[str, ...]:
    is_sequence = isinstance(parameters, Iterable) and not isinstance(parameters, str)
    names = list(parameters) if is_sequence else [None]
    if not all(isinstance(name, str) for name in names):
        raise ModelError(f"parameters must be a tuple of names, not {parameters!r}.")
    names = tuple(str(name) for name in names)
    if len(set(names)) < len(names):
        raise ModelError(
            f"parameters must have names of their own, and {', '.join(names)} repeats one."
        )
    return names


def _numbers(start: Any, k: int) -> tuple[float, ...]:
    """The start as numbers; zeros if it is None."""
    if start is None:
        return (0.0,) * k
    sentence = f"start must be a tuple of {k} finite numbers, one a parameter, not {start!r}."
    try:
        values = np.asarray(start, np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(sentence) from error
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ModelError(sentence)
    if len(values) != k:
        raise ModelError(f"start has {len(values)} numbers, and there are {k} parameters.")
    return tuple(values.tolist())


def _check_scalar(log_prob: Any, k: int) -> None:
    if not callable(log_prob):
        raise ModelError(f"log_prob must be a function of (y, eta, phi), not {log_prob!r}.")
    try:
        inspect.signature(log_prob).bind(None, None, None)
    except TypeError as error:
        raise ModelError(f"log_prob must take three arguments, (y, eta, phi): {error}.") from error
    except ValueError:
        pass  # some functions that are not written in Python have no signature to look at
    number = jax.ShapeDtypeStruct((), jnp.result_type(float))
    try:
        shape = jax.eval_shape(log_prob, number, number, jax.ShapeDtypeStruct((k,), number.dtype))
    except jax.errors.TracerBoolConversionError as error:
        raise ModelError(
            "log_prob decides by the values of its arguments, with if, while, and, or, min or max:"
            " use jnp.where, jnp.minimum or jnp.maximum instead."
        ) from error
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise ModelError(
            "log_prob turns its arguments into numbers of Python or NumPy: use jax.numpy."
        ) from error
    if getattr(shape, "shape", None) != ():
        raise ModelError("log_prob must return one number for one y, one eta and the vector phi.")
