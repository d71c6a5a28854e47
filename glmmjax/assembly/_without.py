"""A model without some of its fixed effects, for tests that these are zero."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool

from ..design import Design
from ..priors import Priors
from ._mixed import MixedModel, checked_model
from ._priors import with_priors


def without_coefficients(model: MixedModel, left_out: Bool[np.ndarray, " p"]) -> MixedModel:
    """The model without some columns of its fixed parts (its formulas still name them); what is
    left has the priors that it had."""
    rest = checked_model(design_without(model.design, left_out), model.family)
    return with_priors(rest, priors_without(model.priors, model.design, left_out))


def priors_without(
    priors: Priors | None, design: Design, left_out: Bool[np.ndarray, " p"]
) -> Priors | None:
    """Priors that do not name the coefficients that are left out."""
    if priors is None:
        return None
    names = [f"{own.prefix}{name}" for own in design.predictors for name in own.fixed.names]
    gone = {name.replace(" ", "") for name, out in zip(names, left_out, strict=True) if out}

    def kept(given):
        if not isinstance(given, Mapping):
            return given
        return {name: own for name, own in given.items() if name.replace(" ", "") not in gone}

    return dataclasses.replace(
        priors, intercept=kept(priors.intercept), coefficients=kept(priors.coefficients)
    )


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
