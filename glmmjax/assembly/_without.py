"""A model without some of its fixed effects, for tests that these are zero."""

import dataclasses

import numpy as np
from jaxtyping import Bool

from ..design import Design
from ._mixed import MixedModel, checked_model


def without_coefficients(model: MixedModel, left_out: Bool[np.ndarray, " p"]) -> MixedModel:
    """The model without some columns of its fixed parts (its formulas still name them)."""
    return checked_model(design_without(model.design, left_out), model.family)


def design_without(design: Design, left_out: Bool[np.ndarray, " p"]) -> Design:
    """The design without some columns of its fixed parts, in the order of all predictors."""
    predictors, first = [], 0
    for own in design.predictors:
        fixed, count = own.fixed, len(own.fixed.names)
        out = left_out[first : first + count]
        names = tuple(name for name, gone in zip(fixed.names, out, strict=True) if not gone)
        kept = dataclasses.replace(
            fixed, names=names, x=fixed.x[:, ~out], keep=np.asarray(fixed.keep)[~out]
        )
        predictors.append(dataclasses.replace(own, fixed=kept))
        first += count
    return dataclasses.replace(design, predictors=tuple(predictors))
