"""A model with its names: what the data were, beside the arrays that the numerics see."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._errors import ModelError
from ..covariances import kinds
from ..design import Design, build_design, category_labels, is_identified, with_rows
from ..families import (
    AbstractFamily,
    AbstractOrdinal,
    Dispersed,
    ZeroInflated,
    as_family,
    innermost,
)
from ..model import (
    GLMM,
    Roomy,
    Wide,
    Working,
    as_it_is,
    wide,
    wide_as_it_is,
    with_room,
    working_coordinates,
)
from ..priors import Priors
from ..structure import Arrangement, Layout, make_structure, make_structures, round_far_up
from ._arrays import assemble, groupings, response_size
from ._covariances import Covariances, covariances_of
from ._existence import refuse_without_maximum
from ._identified import refuse_dependent_columns, refuse_overlapping_terms

_SMALL = 2**15  # rows, up to which compiling costs more than arrays with room to spare


@dataclasses.dataclass(frozen=True, eq=False)
class MixedModel:
    """A design with its family, laid out for computation.

    Attributes:
        design: formula, names, levels, and arrays in the order of the rows.
        glmm: the numerical model, float64 NumPy arrays in blocks.
        layout: where each row of `design` lies in `glmm`.
        priors: what is said of priors, which `glmm` then has; None for maximum likelihood.
    """

    design: Design
    glmm: GLMM
    layout: Layout
    priors: Priors | None = None

    @property
    def family(self) -> AbstractFamily:
        """Distribution of the response."""
        return self.glmm.family

    @property
    def has_response(self) -> bool:
        """Whether the formula has a left-hand side; without one `y` is NaN."""
        return self.design.has_response

    @property
    def is_linear(self) -> bool:
        """Whether the exact likelihood is at hand: gaussian family, identity link."""
        return self.family.name == "gaussian" and self.family.link.name == "identity"

    @functools.cached_property
    def working(self) -> Working:
        """The model in working coordinates; `ModelError` if the rows of a part do not identify
        it."""
        check_identified(self)
        return working_coordinates(self.glmm)

    @functools.cached_property
    def roomy(self) -> Roomy:
        """The model in working coordinates, in arrays that other models of about its size have."""
        if len(self.design.y) > _SMALL:
            return as_it_is(self.working, self.layout)
        check_identified(self)
        glmm, layout = self._far_up()
        return with_room(working_coordinates(glmm), layout)

    @functools.cached_property
    def wide(self) -> Wide:
        """The model in its own coordinates, in arrays that other models of about its size have:
        there is one of rows that do not identify it, too."""
        if len(self.design.y) > _SMALL:
            return wide_as_it_is(self.glmm, self.layout)
        return wide(*self._far_up())

    def _far_up(self) -> tuple[GLMM, Layout]:
        """The arrays with lengths of few sizes."""
        design, covariances = self.design, covariances_of(self.design)
        laid = make_structure(groupings(design, covariances), len(design.y), round_far_up)
        glmm = assemble(design, self.family, covariances, laid)
        return dataclasses.replace(glmm, prior=self.glmm.prior), laid.layout

    @functools.cached_property
    def response_size(self) -> np.ndarray:
        """(1,) the size of the response, as in `Traits.spread`."""
        present = self.design.weights > 0
        return response_size(self.design.y[None, present], self.design.offset[present], self.family)

    def with_dropped_rows(self, count: int) -> "MixedModel":
        """The same model, whose table had lost `count` rows with missing values before."""
        return dataclasses.replace(
            self, design=dataclasses.replace(self.design, dropped_rows=count)
        )

    @functools.cached_property
    def nobs(self) -> int:
        """Rows with a positive weight."""
        return int((self.design.weights > 0).sum())


def mixed_model(  # noqa: PLR0913 - keyword-only
    formula: str,
    data: Any,
    *,
    family: str | AbstractFamily,
    ziformula: str | None = None,
    dispformula: str | None = None,
    weights=None,
    offset=None,
    matrices=None,
    context=None,
    link: str | None = None,
) -> MixedModel:
    """Parse, check and lay out; raises `ModelError`."""
    distribution, others = with_other_predictors(as_family(family, link), ziformula, dispformula)
    given = {
        "weights": weights,
        "offset": offset,
        "matrices": matrices,
        "others": others,
        "context": context,
    }
    return checked_model(
        build_design(formula, data, response=distribution.response, covariances=kinds(), **given),
        distribution,
    )


def with_data(model: MixedModel, data: Any) -> MixedModel:
    """The same model of other rows, with the same priors; see `design.with_rows`."""
    other = model_of(with_rows(model.design, data), model.family)
    glmm = dataclasses.replace(other.glmm, prior=model.glmm.prior)
    return dataclasses.replace(other, glmm=glmm, priors=model.priors)


def with_other_predictors(
    family: AbstractFamily, ziformula: str | None, dispformula: str | None
) -> tuple[AbstractFamily, dict[str, str]]:
    """The family with a linear predictor for each formula that is given, and these formulas by
    their names."""
    others: dict[str, str] = {}
    if dispformula is not None:
        family, others = Dispersed(family), others | {"disp": dispformula}
    if ziformula is not None:
        family, others = ZeroInflated(family), others | {"zi": ziformula}
    return family, others


def checked_model(design: Design, family: AbstractFamily) -> MixedModel:
    """The model of a design; raises `ModelError` for terms that are not identified, and for a
    response for which the likelihood has no maximum."""
    covariances = covariances_of(design)
    refuse_without_maximum(design, family)
    refuse_dependent_columns(design)
    refuse_overlapping_terms(
        design, covariances, has_residual=innermost(family).traits.has_residual
    )
    return _arranged(design, family, covariances)


def model_of(design: Design, family: AbstractFamily) -> MixedModel:
    """The model of a design that is known to be identified, or is not going to be fitted."""
    return _arranged(design, family, covariances_of(design))


class LaidOut(NamedTuple):
    """Where the numbers of a design go: the covariances of its terms, structure and layout."""

    covariances: Covariances
    laid: Arrangement

    def model(self, design: Design, family: AbstractFamily) -> MixedModel:
        """The model of the design, its arrays in these places."""
        glmm = assemble(design, family, self.covariances, self.laid)
        return MixedModel(design, glmm, self.laid.layout)


def alike(designs: Sequence[Design]) -> list[LaidOut]:
    """The places of several designs, padded to one shape."""
    covariances = [covariances_of(design) for design in designs]
    groups = [groupings(*both) for both in zip(designs, covariances, strict=True)]
    laid = make_structures(groups, [len(design.y) for design in designs])
    return [LaidOut(*both) for both in zip(covariances, laid, strict=True)]


def _arranged(design: Design, family: AbstractFamily, covariances: Covariances) -> MixedModel:
    laid = make_structure(groupings(design, covariances), len(design.y))
    return LaidOut(covariances, laid).model(design, _with_categories(family, design))


def _with_categories(family: AbstractFamily, design: Design) -> AbstractFamily:
    """A family of ordered categories with those that the response has, unless they were given."""
    if not isinstance(family, AbstractOrdinal):
        return family
    if not design.has_response:
        if family.categories is None:
            kind = type(family).__name__
            raise ModelError(
                f"A model of categories without a response needs a number: gj.{kind}(categories=5)."
            )
        return family
    found = int(design.y.max())
    if family.categories is None or (family.categories == found and family.labels is None):
        labels = category_labels(design.response_name, design.frame, design.weights, design.context)
        # A response that took the place of another one need not have all of the categories.
        return family.with_categories(found, labels if len(labels) == found else None)
    if family.categories < found:
        raise ModelError(
            f"The response {design.response_name} has {found} categories, not {family.categories}."
        )
    return family


def check_identified(model: MixedModel) -> None:
    """Raise a `ModelError` if the model is one of other rows, which do not identify it."""
    if model.design.is_inherited and not is_identified(model.design):
        raise ModelError(
            "These rows alone do not identify the model: it has a likelihood at given parameters,"
            " and no fit."
        )


def check_response(model: MixedModel) -> None:
    """Raise a `ModelError` if there is no response to fit."""
    if not model.has_response:
        raise ModelError(
            "This model has no response: give one on the left of the formula, or responses to"
            " gj.fit_many."
        )
