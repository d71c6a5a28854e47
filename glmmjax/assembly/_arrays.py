"""From a design to arrays in blocks: grouping factors, and the numerical model in a layout."""

import numpy as np

from ..covariances import AbstractCovariance, Placed
from ..design import Design
from ..families import AbstractFamily, innermost
from ..model import GLMM
from ..structure import Arrangement, Grouping
from ._covariances import Covariances, with_room

_ROUNDING = 1e-13


def assemble(
    design: Design, family: AbstractFamily, covariances: Covariances, laid: Arrangement
) -> GLMM:
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
        covariances=with_room(design, covariances, laid.structure),
    )


def groupings(design: Design, covariances: Covariances) -> list[Grouping]:
    """The grouping factors: terms on the same factor share one, unless each row has only one of
    their columns."""
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
