"""A model with its names: what the data were, beside the arrays that the numerics see."""

import dataclasses
import functools
from typing import Any

import numpy as np

from ._errors import ModelError
from .covariances import AbstractCovariance, Placed, covariance_named, is_separate, kinds, placed
from .design import Design, RandomPart, build_design, category_labels, is_identified, with_rows
from .existence import refuse_without_maximum
from .families import AbstractFamily, AbstractOrdinal, Dispersed, ZeroInflated, as_family, innermost
from .identified import refuse_dependent_columns, refuse_overlapping_terms
from .model import GLMM
from .structure import PROBES, Columns, Grouping, Laid, Layout, Structure, make_structure
from .working import Working, working_coordinates

_ROUNDING = 1e-13


@dataclasses.dataclass(frozen=True, eq=False)
class MixedModel:
    """A design with its family, laid out for computation.

    Attributes:
        design: formula, names, levels, and arrays in the order of the rows.
        glmm: the numerical model, float64 NumPy arrays in blocks.
        layout: where each row of `design` lies in `glmm`.
    """

    design: Design
    glmm: GLMM
    layout: Layout

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
    return lay_out(
        build_design(formula, data, response=distribution.response, covariances=kinds(), **given),
        distribution,
    )


def with_data(model: MixedModel, data: Any) -> MixedModel:
    """The same model of other rows; see `design.with_rows`."""
    return arrange(with_rows(model.design, data), model.family)


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


def lay_out(design: Design, family: AbstractFamily) -> MixedModel:
    """The model of a design; raises `ModelError` for terms that are not identified, and for a
    response for which the likelihood has no maximum."""
    refuse_without_maximum(design, family)
    refuse_dependent_columns(design)
    refuse_overlapping_terms(
        design, covariances_of(design), has_residual=innermost(family).traits.has_residual
    )
    return arrange(design, family)


def arrange(design: Design, family: AbstractFamily) -> MixedModel:
    """The model of a design that is known to be identified, or is not going to be fitted."""
    family = _with_categories(family, design)
    laid = make_structure(groupings(design), len(design.y))
    return MixedModel(design, assemble(design, family, laid), laid.layout)


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


def assemble(design: Design, family: AbstractFamily, laid: Laid) -> GLMM:
    """The arrays of a design in the blocks of its layout."""
    layout, offsets, weights = (
        laid.layout,
        [own.offset for own in design.predictors],
        design.weights,
    )
    if len(offsets) > 1 and innermost(family).traits.has_residual:
        # The standard deviation has a predictor of its own, of which precisions are an offset.
        present = weights > 0
        offsets[1] = offsets[1] - 0.5 * np.log(np.where(present, weights, 1.0))
        weights = present.astype(np.float64)
    return GLMM(
        y=layout.to_blocks(design.y.T),
        weights=layout.to_blocks(weights) * layout.present,
        offset=layout.to_blocks(np.stack(offsets)),
        x=tuple(layout.to_blocks(own.fixed.x.T) for own in design.predictors),
        structure=laid.structure,
        family=family,
        covariances=covariances_of(design, laid.structure),
    )


def covariances_of(
    design: Design, structure: Structure | None = None
) -> tuple[AbstractCovariance, ...]:
    """The covariance structure of each random term; with room for all places and levels of its
    factor in `structure`, which may be more than the term has."""
    room: dict[int, Columns] = {}
    for terms, columns in zip(structure.terms, structure.factors, strict=True) if structure else ():
        room |= dict.fromkeys(terms, columns)
    return tuple(
        _covariance_of(term, room.get(number)) for number, term in enumerate(design.random)
    )


def _covariance_of(term: RandomPart, room: Columns | None) -> AbstractCovariance:
    name = term.formula.covariance
    if is_separate(name):
        return placed(name, *_places_of(term, room))
    return covariance_named(
        name,
        len(term.names),
        coordinates=term.coordinates,
        matrix=term.matrix,
        rank=term.formula.rank,
    )


def _places_of(term: RandomPart, room: Columns | None) -> tuple[np.ndarray, np.ndarray]:
    """The places (most, dims, levels) of each level, and which there are; those that only pad are
    behind the last."""
    assert term.coordinates is not None
    table, coordinates = term.separate.table, np.asarray(term.coordinates)
    if room is not None:
        table = table[:, :1] if room.alike else table
        levels = 1 if room.alike else room.levels
        table = np.pad(
            table, [(0, room.q - len(table)), (0, levels - table.shape[1])], constant_values=-1
        )
    present = table >= 0
    behind = coordinates.max() + 1 + np.arange(len(table))
    return (
        np.where(present[:, None], np.moveaxis(coordinates[table], -1, 1), behind[:, None, None]),
        present,
    )


def groupings(design: Design) -> list[Grouping]:
    """The grouping factors: terms on the same factor share one, unless each row has only one of
    their columns."""
    covariances = covariances_of(design)
    return [
        _grouping(design, numbers, [covariances[k] for k in numbers])
        for numbers in _sharing_a_factor(design)
    ]


def _grouping(
    design: Design, numbers: list[int], covariances: list[AbstractCovariance]
) -> Grouping:
    terms = [design.random[number] for number in numbers]
    first, own = terms[0], covariances[0]
    grouping = Grouping(
        terms=tuple(numbers),
        refs=first.refs,
        levels=len(first.levels),
        z=np.concatenate([term.z for term in terms], 1),
        position=first.position,
        q=sum(covariance.q for covariance in covariances),
        rank=sum(covariance.rank for covariance in covariances),
        predictor_of=tuple(term.predictor for term in terms for _ in range(term.z.shape[1])),
    )
    if not isinstance(own, Placed):
        return grouping
    separate = first.separate
    return grouping._replace(
        position=separate.find(first.refs, np.asarray(first.position)),
        q=separate.most,
        rank=separate.most,
        separate=True,
        alike=separate.alike,
        linked=own.is_linked,
    )


def _sharing_a_factor(design: Design) -> list[list[int]]:
    """Numbers of the terms of each factor, in order of first appearance."""
    shared: dict[tuple, list[int]] = {}
    for number, term in enumerate(design.random):
        alone = term.position is not None or term.is_smooth
        shared.setdefault((term.formula.group, number if alone else -1), []).append(number)
    return list(shared.values())


def response_size(y: np.ndarray, offset: np.ndarray, family: AbstractFamily) -> np.ndarray:
    """(members,) the size of responses (members, n) or (members, n, k), as in `Traits.spread`: the
    standard deviation where they may be any number, else the mean.

    An identity link takes the offset (n,) or (members, n) out of the response, which may be all
    that varies.
    """
    y = y[..., 0] if y.ndim == 3 else y
    if family.response not in ("real", "censored"):
        return np.abs(y).mean(1)
    left = y - offset if family.link.name == "identity" else y
    moved = left - left[:, :1]
    # In fewer passes over memory than NumPy's.
    sd = np.sqrt(
        np.maximum(np.einsum("bn,bn->b", moved, moved) / moved.shape[1] - moved.mean(1) ** 2, 0.0)
    )
    largest = np.maximum(np.abs(y).max(1), np.abs(left).max(1))
    return np.where(sd > _ROUNDING * largest, sd, np.where(largest > 0, largest, 1.0))


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


def plan(model: MixedModel) -> str:
    """The structure chosen for the random effects, as a table in words."""
    structure, layout = model.glmm.structure, model.layout
    blocks, width = layout.rows.shape
    lines = [
        f"{model.nobs} observations in {blocks} blocks of {width} ({layout.present.mean():.0%}"
        " filled)"
    ]
    if not structure.factors:
        return "\n".join([*lines, "no random effects"])
    for number, terms in enumerate(structure.terms):
        lines.append(_factor_in_words(model, number))
        for term in (model.design.random[k] for k in terms):
            lines.append(f"  {term.formula.text}: {term.formula.covariance}({_some(term.names)})")
    if structure.avoided:
        r = structure.avoided
        lines.append(
            f"no matrix: a dense {r} x {r} one ({8e-9 * r * r:.1f} GB) and what it takes to form it"
            " would be out of proportion. Conjugate gradients, and a log determinant estimated"
            f" with {PROBES} random vectors"
        )
    elif structure.rest:
        r = structure.size_of_rest
        lines.append(f"rest: one dense {r} x {r} matrix")
        lines += [f"  {_border_in_words(model, t)}" for t in range(structure.chain)]
    return "\n".join(lines)


def _factor_in_words(model: MixedModel, number: int) -> str:
    structure = model.glmm.structure
    columns, terms = structure.factors[number], structure.terms[number]
    term = model.design.random[terms[0]]
    size = f"{term.formula.group}: {len(term.levels)} level{'s' if len(term.levels) > 1 else ''}"
    if number >= structure.chain:
        return f"{size}, {columns.rank} effect{'s' if columns.rank > 1 else ''} each, in the rest"
    nested = "" if number + 1 >= structure.chain else f", nested in {_group(model, number + 1)}"
    if columns.linked:
        return (
            f"{size}, a chain of {columns.rank} effects or fewer each, one after the other{nested}"
        )
    return f"{size}, H is one {columns.rank} x {columns.rank} block a level{nested}"


def _border_in_words(model: MixedModel, t: int) -> str:
    structure = model.glmm.structure
    border = structure.borders[t]
    others = ", ".join(_group(model, structure.chain + r) for r in range(len(structure.rest)))
    how = (
        "multiplied as a dense matrix"
        if border.first is None
        else "only those that occur are multiplied"
    )
    return (
        f"{_group(model, t)} meets {others} in {len(border.level)} pairs of a level and a column;"
        f" {how}"
    )


def _group(model: MixedModel, number: int) -> str:
    return model.design.random[model.glmm.structure.terms[number][0]].formula.group


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 6 else (*names[:3], "...", names[-1]))
