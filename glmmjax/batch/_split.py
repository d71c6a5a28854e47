"""Members with data of their own: given as models, or as the rows of each level of a column."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._errors import ModelError
from .._status import STATUSES, Status
from ..assembly import MixedModel, check_identified, check_response, with_other_predictors
from ..covariances import is_separate, kinds
from ..design import Design, RandomPart, is_identified, split_design
from ..families import AbstractFamily, as_family, innermost
from ..fit import FIT
from ..priors import Priors
from ._known import known_status
from ._members import OwnDesigns


def own_designs(models: Sequence[MixedModel], priors: Priors | None = None) -> OwnDesigns:
    """Models of one structure as members; raises `ModelError` if one differs."""
    for number, model in enumerate(models):
        check_response(model)
        check_identified(model)
        for what, own, first in zip(_PARTS, _structure(model), _structure(models[0]), strict=True):
            if own != first:
                raise ModelError(
                    f"Model {number} has another {what} than model 0: {own} instead of {first}."
                )
    status = np.full(len(models), FIT, np.int8)
    return OwnDesigns(
        [model.design for model in models], models[0].family, range(len(models)), status, priors
    )


def split_by(  # noqa: PLR0913 - the arguments of `fit_by`
    formula: str,
    data: Any,
    by: str,
    *,
    family: str | AbstractFamily,
    weights: Any = None,
    offset: Any = None,
    matrices: Mapping[str, Any] | None = None,
    ziformula: str | None = None,
    dispformula: str | None = None,
    context: Mapping[str, Any] | None = None,
    link: str | None = None,
    priors: Priors | None = None,
) -> OwnDesigns:
    """The rows of each level of `by` as members; those that cannot be fitted get a status."""
    distribution, others = with_other_predictors(as_family(family, link), ziformula, dispformula)
    if distribution.response == "ordered":
        raise ModelError(
            "fit_by does not take ordered categories: the levels may not have all of them."
        )
    given = {
        "weights": weights,
        "offset": offset,
        "matrices": matrices,
        "others": others,
        "context": context,
    }
    levels, designs = split_design(
        formula, data, by, response=distribution.response, covariances=kinds(), **given
    )
    if not all(design.has_response for design in designs):
        raise ModelError("fit_by needs a response on the left of the formula.")
    status = np.array([_known(design, distribution) for design in designs], np.int8)
    return OwnDesigns(designs, distribution, levels, status, priors)


_PARTS = ("family", "set of fixed effects", "random part")


def _structure(model: MixedModel) -> tuple[str, tuple, tuple]:
    design, family = model.design, model.family
    random = tuple(
        (t.predictor, t.formula.group, _names(t), t.formula.covariance) for t in design.random
    )
    categories = (
        f" of {len(family.dispersion_names) + 1} categories" if family.response == "ordered" else ""
    )
    fixed = tuple((own.name, own.fixed.names) for own in design.predictors)
    fixed = fixed if len(fixed) > 1 else design.fixed.names
    return f"{innermost(family).name} ({family.link.name}){categories}", fixed, random


def _names(term: RandomPart) -> tuple[str, ...]:
    """What members must have in common: not the places of effects that differ from level to level
    anyway."""
    return () if is_separate(term.formula.covariance) else term.names


def _known(design: Design, family: AbstractFamily) -> int:
    if not len(design.y):
        return STATUSES.index(Status.INVALID)
    known = FIT
    if (design.weights > 0).any():
        known = int(known_status(design, family, design.y[None], design.weights, design.offset)[0])
    if known == FIT and not is_identified(design):
        known = STATUSES.index(Status.NOT_IDENTIFIED)
    return known
