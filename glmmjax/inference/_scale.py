"""The scale on which a parameter is held or has a normal distribution: one without bounds, or with
a variance of zero as its only bound."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

from .._precision import own_settings
from ..assembly import MixedModel, components
from ..families import AbstractParameter
from ._quantities import Natural, Quantity

Values = Float[np.ndarray, " points"]

# The inverse hyperbolic tangent of a correlation that counts as one, to 1e-5
_LARGEST_COR = 6.0


@dataclasses.dataclass(frozen=True)
class Scale:
    """Of one parameter of a model.

    Coefficients are as they are, and standard deviations; correlations are inverse hyperbolic
    tangents; other parameters of terms are logarithms; those of the family are their `phi`, or
    themselves if that of another enters.

    Attributes:
        quantity: the parameter.
        place: its number among all parameters if its scale is one of these, else None.
        low, high: bounds.
        parameter: that of the family whose `phi` the scale is.
    """

    model: MixedModel
    quantity: Quantity
    place: int | None
    low: float = -math.inf
    high: float = math.inf
    parameter: AbstractParameter | None = None

    @property
    def is_coordinate(self) -> bool:
        """Whether the scale is one of the model's parameters."""
        return self.place is not None

    def of(
        self, points: Float[np.ndarray, "points size"], found: Natural | None
    ) -> tuple[Values, Float[np.ndarray, "points size"]]:
        """Values and their derivatives by all parameters at `points`, whose natural values are
        `found`."""
        slopes = np.zeros(points.shape)
        if self.place is not None:
            slopes[:, self.place] = 1.0
            return points[:, self.place], slopes
        assert found is not None
        k, p = self.quantity.position, self.model.glmm.p
        value, slopes[:, p:] = found.values[:, k], found.slopes[:, k]
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.quantity.kind == "cor":
                return np.arctanh(value), slopes / (1 - value**2)[:, None]
            if self.quantity.kind == "other":
                return np.log(value), slopes / value[:, None]
        return value, slopes

    def natural(self, values: np.ndarray) -> np.ndarray:
        """What people read."""
        kind = self.quantity.kind
        if kind == "cor":
            return np.where(np.abs(values) < _LARGEST_COR, np.tanh(values), np.sign(values))
        if kind == "other":
            return np.exp(values)
        if self.parameter is not None:
            with own_settings():
                return np.asarray(self.parameter.natural(np.asarray(values), 0.0))
        return values


def scale_of(model: MixedModel, quantity: Quantity) -> Scale:
    """The scale of a quantity."""
    p, sizes, _ = model.glmm.sizes
    if quantity.kind == "coefficient":
        return Scale(model, quantity, quantity.position)
    if quantity.kind == "sd":
        return Scale(model, quantity, None, low=0.0)
    if quantity.kind == "cor":
        return Scale(model, quantity, None, -_LARGEST_COR, _LARGEST_COR)
    if quantity.kind == "other":
        return Scale(model, quantity, None)
    number = quantity.position - len(list(components(model)))
    parameter = model.family.parameters[number]
    low = 0.0 if parameter.is_even else -math.inf
    if not parameter.is_own:
        return Scale(model, quantity, None)
    return Scale(model, quantity, p + sum(sizes) + number, low, parameter=parameter)
