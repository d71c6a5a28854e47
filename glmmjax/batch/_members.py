"""Where the members of a batch come from: many responses of one design, or designs of their own."""

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeGuard

import equinox as eqx
import jax
import numpy as np

from .._errors import ModelError
from .._status import STATUSES, Status
from ..assembly import (
    LaidOut,
    MixedModel,
    alike,
    check_identified,
    checked_model,
    design_without,
    model_of,
    prior_of_members,
    priors_without,
    response_size,
    with_priors,
    without_coefficients,
)
from ..design import CENSORED, Design, formula_offset, is_identified, replace_response
from ..families import AbstractFamily, innermost
from ..fit import FIT, AbstractMembers, MemberArrays
from ..model import GLMM, Working, working_coordinates
from ..priors import Prior, Priors
from ..structure import Layout, Structure
from ._known import known_status
from ._responses import AbstractResponses, per_row, with_trials, without_absent


def some_of(loaded: MemberArrays, members: np.ndarray) -> MemberArrays:
    """Those of the members that are here, by their place among them."""
    if len(members) == len(loaded.size):
        return loaded

    def take(leaf: np.ndarray, own: bool) -> np.ndarray:
        return leaf[members] if own else leaf

    working = loaded.working
    one_design = not any(jax.tree.leaves(loaded.own.x))
    backs = working.beta_back, working.effects_back, working.theta_back
    beta_back, effects_back, theta_back = (
        backs if one_design else jax.tree.map(lambda leaf: leaf[members], backs)
    )
    some = Working(
        jax.tree.map(take, working.glmm, loaded.own), beta_back, effects_back, theta_back
    )
    return MemberArrays(np.full(len(members), FIT), some, loaded.own, loaded.size[members])


class AbstractManyMembers(AbstractMembers):
    """What running a batch needs of its members beside what their statistics do."""

    @abc.abstractmethod
    def shape(self, bucket: np.ndarray) -> tuple[int, int]:
        """Cells of a member of a bucket, and numbers that are kept of `H`, padding included."""

    @abc.abstractmethod
    def inputs(self) -> Iterator:
        """Arrays and texts that the results depend on, for a digest."""


class SharedDesign(AbstractManyMembers):
    """Responses (and, where they differ, weights and offsets) of one design."""

    def __init__(self, model: MixedModel, responses: AbstractResponses, weights=None, offset=None):
        check_identified(model)
        design = model.design
        self._model, self._responses = model, responses
        _refuse_censored(design, responses)
        self._weights = per_row("weights", weights, responses.names, design.frame.index)
        self._offset = per_row("offset", offset, responses.names, design.frame.index)
        glmm, layout = model.glmm, model.layout
        if (
            self._weights is not None
            and len(design.predictors) > 1
            and innermost(model.family).traits.has_residual
        ):
            raise ModelError(
                "weights of a gaussian model with dispformula are arguments of gj.glmm."
            )
        self._thin = self._unidentified()
        self._masked = bool((self._prior_weights() == 0).any())
        if self._weights is not None and self._weights.ndim == 1:
            of_all = layout.to_blocks(self._weights) * layout.present
            glmm = dataclasses.replace(glmm, weights=of_all)
        if self._offset is not None:
            # Terms `offset(...)` of the formula stay; the argument is replaced.
            self._of_formula = formula_offset(design)
            self._others = [own.offset for own in design.predictors[1:]]
            total = self._of_formula + (self._offset if self._offset.ndim == 1 else 0.0)
            offset = layout.to_blocks(np.stack([total, *self._others]))
            glmm = dataclasses.replace(glmm, offset=offset)
        self._working = working_coordinates(glmm)
        given = (True, _differs(self._weights), _differs(self._offset))
        none = jax.tree.map(lambda _: False, glmm)
        mask = eqx.tree_at(lambda mask: (mask.y, mask.weights, mask.offset), none, given)
        self._own = eqx.tree_at(_priors_of, mask, replace_fn=lambda _: True)

    def __len__(self):
        return len(self._responses)

    @property
    def names(self):
        return self._responses.names

    @property
    def first(self):
        return self._model

    @property
    def nobs(self):
        return np.broadcast_to((self._prior_weights() > 0).sum(-1), len(self))

    @property
    def is_alone(self):
        return False

    def buckets(self):
        return [np.arange(len(self))]

    def shape(self, bucket):
        return _sizes(self._model.glmm.structure, self._model.layout)

    def load(self, numbers, bucket):
        model, layout, y = self._model, self._model.layout, self._responses.take(numbers)
        y = with_trials(y, model.design)
        present = (
            np.stack([self._prior(number) > 0 for number in numbers]) if self._masked else None
        )
        y = y if present is None else without_absent(y, present)
        status = self._faults(y, numbers)
        here = status == FIT
        if not here.all():
            y, numbers = y[here], numbers[here]
        changed = {"y": layout.to_blocks(np.swapaxes(y, 1, 2) if y.ndim == 3 else y)}
        if _differs(self._weights):
            changed["weights"] = layout.to_blocks(self._weights[numbers]) * layout.present
        if _differs(self._offset):
            totals = self._offset_of(numbers)
            others = (np.broadcast_to(own, totals.shape) for own in self._others)
            changed["offset"] = layout.to_blocks(np.stack([totals, *others], 1))
        prior = None if model.priors is None else self._prior_of(y, numbers)
        glmm = dataclasses.replace(self._working.glmm, prior=prior, **changed)
        working = dataclasses.replace(self._working, glmm=glmm)
        return MemberArrays(
            status, working, self._own, response_size(y, self._offset_of(numbers), model.family)
        )

    def _prior_of(self, y: np.ndarray, numbers: np.ndarray) -> Prior:
        """In the units of each member."""
        weights = self._prior_weights()
        weights = weights[numbers] if weights.ndim == 2 else weights
        own = prior_of_members(self._model, y, weights, self._offset_of(numbers))
        return own.moved(self._working.beta_back, self._working.theta_back)

    def _offset_of(self, numbers: np.ndarray) -> np.ndarray:
        """The offset of the mean, (n,) of all members or (members, n)."""
        if self._offset is None:
            return self._model.design.offset
        return self._of_formula + (
            self._offset[numbers] if _differs(self._offset) else self._offset
        )

    def _faults(self, y: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        if not _differs(self._weights):
            return known_status(
                self._model.design, self._model.family, y, self._prior(0), self._offset_of(numbers)
            )
        status = np.full(len(numbers), STATUSES.index(Status.NOT_IDENTIFIED))
        for i in np.flatnonzero(~self._thin[numbers]):
            given = self._prior(numbers[i]), self._offset_of(numbers[[i]])
            status[i] = known_status(self._model.design, self._model.family, y[[i]], *given)[0]
        return status

    def _unidentified(self) -> np.ndarray:
        """Which members have weights of zero that leave too few rows; raises `ModelError` if all
        share them."""
        design, weights, thin = self._model.design, self._weights, np.zeros(len(self), bool)
        if weights is None:
            return thin
        other = ((weights > 0) != (design.weights > 0)).any(-1)
        if weights.ndim == 2:
            for number in np.flatnonzero(other):
                thin[number] = not is_identified(
                    dataclasses.replace(design, weights=weights[number])
                )
        elif other and not is_identified(dataclasses.replace(design, weights=weights)):
            raise ModelError(
                "weights of zero leave too few rows to identify the model: take terms out of the"
                " formula."
            )
        return thin

    def _prior_weights(self) -> np.ndarray:
        return self._model.design.weights if self._weights is None else self._weights

    def _prior(self, number: int | np.integer) -> np.ndarray:
        weights = self._prior_weights()
        return weights[number] if weights.ndim == 2 else weights

    def random(self, number):
        return self._model.design.random

    def observed(self):
        yield from (*self._responses.inputs(), self._prior_weights())

    def without(self, left_out):
        model = without_coefficients(self._model, left_out)
        return SharedDesign(model, self._responses, self._weights, self._offset)

    def inputs(self):
        leaves, structure = jax.tree.flatten(self._model.glmm)
        yield from (*leaves, structure)
        for name, values in (("weights", self._weights), ("offset", self._offset)):
            if values is not None:
                yield from (name, values)
        yield from self._responses.inputs()

    def model(self, number):
        y = with_trials(self._responses.take(np.array([number])), self._model.design)[0]
        weights = None if self._weights is None else self._prior(number)
        offset = self._offset[number] if _differs(self._offset) else self._offset
        design = replace_response(self._model.design, y, weights, offset)
        # The columns are those that were fitted, whatever weights of zero make of them.
        kept = zip(design.predictors, self._model.design.predictors, strict=True)
        predictors = tuple(dataclasses.replace(own, fixed=fitted.fixed) for own, fitted in kept)
        model = model_of(dataclasses.replace(design, predictors=predictors), self._model.family)
        return with_priors(model, self._model.priors)


class OwnDesigns(AbstractManyMembers):
    """Designs of one structure (terms and their columns), each with its rows.

    `status` holds what is known of members beforehand (-1: nothing). Shapes are rounded within
    buckets, so that few programs serve all members and no member costs more than a few times what
    its own rows would.
    """

    def __init__(
        self,
        designs: Sequence[Design],
        family: AbstractFamily,
        names: Sequence,
        status: np.ndarray,
        priors: Priors | None = None,
    ):
        self._designs, self._family, self._names, self._status = designs, family, names, status
        self._priors = priors
        self._layouts: dict[int, dict[int, LaidOut]] = {}
        good = np.flatnonzero(status == FIT)
        some = next((design for design in designs if len(design.y)), designs[0])
        first = checked_model(designs[good[0]], family) if len(good) else model_of(some, family)
        self._first = with_priors(first, priors)

    def __len__(self):
        return len(self._designs)

    @property
    def names(self):
        return self._names

    @property
    def first(self):
        return self._first

    @property
    def nobs(self):
        return np.array([(design.weights > 0).sum() for design in self._designs])

    @property
    def is_alone(self):
        return False

    def buckets(self):
        # Members within a factor of four of each other in rows share a shape.
        octaves = np.array([max(len(d.y), 1).bit_length() // 2 for d in self._designs])
        return [np.flatnonzero(octaves == octave) for octave in np.unique(octaves)]

    def shape(self, bucket):
        first = next(iter(self._laid(bucket).values()), None)
        return (1, 1) if first is None else _sizes(*first.laid)

    def _laid(self, bucket: np.ndarray) -> dict[int, LaidOut]:
        """How the members of a bucket that can be fitted are laid out, all to one shape, by number;
        found once."""
        key = int(bucket[0])
        if key not in self._layouts:
            numbers = bucket[self._status[bucket] == FIT].tolist()
            laid = alike([self._designs[number] for number in numbers]) if numbers else []
            self._layouts[key] = dict(zip(numbers, laid, strict=True))
        return self._layouts[key]

    def load(self, numbers, bucket):
        laid, status = self._laid(bucket), self._status[numbers]
        here = numbers[status == FIT].tolist()
        if not here:
            return _nobody(status, self._first.glmm)
        models = [self._in_place(laid[number], number) for number in here]
        glmm = jax.tree.map(lambda *leaves: np.stack(leaves), *(model.glmm for model in models))
        own, size = jax.tree.map(lambda _: True, glmm), [model.response_size for model in models]
        return MemberArrays(status, working_coordinates(glmm), own, np.concatenate(size))

    def _in_place(self, laid: LaidOut, number: int) -> MixedModel:
        """A member in the places of its bucket."""
        return with_priors(laid.model(self._designs[number], self._family), self._priors)

    def random(self, number):
        return self._designs[number].random

    def observed(self):
        for own in self._designs:
            yield from (own.y, own.weights)

    def without(self, left_out):
        designs = [design_without(own, left_out) for own in self._designs]
        priors = priors_without(self._priors, self._first.design, left_out)
        return OwnDesigns(designs, self._family, self._names, self._status, priors)

    def inputs(self):
        yield from self._status
        yield repr(self._priors)
        for design in self._designs:
            yield from (design.y, design.weights)
            for own in design.predictors:
                yield from (own.formula.text, own.offset, own.fixed.x)
            for term in design.random:
                parts = (term.z, term.refs, term.position, term.coordinates, term.matrix)
                yield from (part for part in parts if part is not None)
        yield repr(self._family)

    def model(self, number):
        if not len(self._designs[number].y):
            raise ModelError(
                f"Member {self._names[number]!r} has no row without missing values, and so no"
                " model."
            )
        return with_priors(model_of(self._designs[number], self._family), self._priors)


def _sizes(structure: Structure, layout: Layout) -> tuple[int, int]:
    effects = sum(f.rank * f.levels for f in structure.factors[: structure.chain])
    return layout.rows.size, max(1, effects, structure.size_of_rest**2)


def _nobody(status: np.ndarray, glmm: GLMM) -> MemberArrays:
    """What is loaded if no member can be fitted: nothing looks at its arrays."""
    nothing = np.zeros((0, 0))
    working = Working(glmm, nothing, (), ())
    return MemberArrays(status, working, jax.tree.map(lambda _: False, glmm), np.zeros(0))


def _refuse_censored(design: Design, responses: AbstractResponses) -> None:
    if design.response_kind not in CENSORED:
        return
    if len(responses) and responses.take(np.zeros(1, int)).ndim == 3:
        raise ModelError("responses must be (B, n) of values that are not censored.")
    if (design.y[design.weights > 0, 2] != 0).any():
        raise ModelError(
            "The responses of a batch are not censored, and that of the model is: give a list of"
            " models, or a model of values that are not."
        )


def _priors_of(glmm: GLMM) -> list:
    return jax.tree.leaves(glmm.prior)


def _differs(values: np.ndarray | None) -> TypeGuard[np.ndarray]:
    return values is not None and values.ndim == 2
