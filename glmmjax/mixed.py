"""A model with its names: what the data were, beside the arrays that the numerics see."""

import dataclasses
import functools
from typing import Any

import numpy as np

from ._errors import ModelError
from .covariances import covariance_named
from .design import Design, build_design
from .families import AbstractFamily, as_family
from .model import GLMM
from .structure import Grouped, Layout, make_layout
from .working import Working, working_coordinates

_PAIRS = 20_000  # rows looked at to see whether covariances can be told apart


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
    def group(self) -> str | None:
        """The grouping factor, None for a model without random effects."""
        return self.design.random[0].formula.group if self.design.random else None

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of the grouping factor."""
        return self.design.random[0].levels if self.design.random else ()

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
        """The model in working coordinates."""
        return working_coordinates(self.glmm)

    @functools.cached_property
    def response_sd(self) -> np.ndarray:
        """Standard deviation of the response (of each of its components)."""
        return np.asarray(self.glmm.y)[..., self.glmm.weights > 0].std(-1)

    def with_dropped_rows(self, count: int) -> "MixedModel":
        """The same model, whose table had lost `count` rows with missing values before."""
        return dataclasses.replace(self, design=dataclasses.replace(self.design, dropped_rows=count))

    @functools.cached_property
    def nobs(self) -> int:
        """Rows with a positive weight."""
        return int((self.design.weights > 0).sum())


def mixed_model(formula: str, data: Any, *, family: str | AbstractFamily, weights=None, offset=None) -> MixedModel:
    """Parse, check and lay out; raises `ModelError`."""
    distribution = as_family(family)
    design = build_design(formula, data, response=distribution.response, weights=weights, offset=offset)
    return lay_out(design, distribution)


def lay_out(design: Design, family: AbstractFamily) -> MixedModel:
    """The model of a design; raises `ModelError` for terms that are not identified."""
    _refuse_several_factors(design)
    _refuse_dependent_columns(design)
    _refuse_overlapping_terms(design)
    return arrange(design, family)


def arrange(design: Design, family: AbstractFamily) -> MixedModel:
    """The model of a design that is known to be identified, or is not going to be fitted."""
    refs = design.random[0].refs if design.random else np.zeros(len(design.y), int)
    layout = make_layout(refs, len(design.random[0].levels) if design.random else 1)
    return MixedModel(design, assemble(design, family, layout), layout)


def assemble(design: Design, family: AbstractFamily, layout: Layout) -> GLMM:
    """The arrays of a design in the blocks of `layout`."""
    terms = design.random
    z = np.concatenate([term.z for term in terms], 1) if terms else np.zeros((len(design.y), 0))
    return GLMM(
        y=layout.to_blocks(design.y.T),
        weights=layout.to_blocks(design.weights) * layout.present,
        offset=layout.to_blocks(design.offset[None]),
        x=(layout.to_blocks(design.fixed.x.T),),
        structure=Grouped(layout.to_blocks(z.T), layout.group_of_block, layout.groups, (0,) * z.shape[1]),
        family=family,
        covariances=tuple(covariance_named(term.formula.covariance, term.z.shape[1]) for term in terms),
    )


def check_response(model: MixedModel) -> None:
    """Raise a `ModelError` if there is no response to fit."""
    if not model.has_response:
        raise ModelError(
            "This model has no response: give one on the left of the formula, or responses to gj.fit_many."
        )


def plan(model: MixedModel) -> str:
    """The structure chosen for the random effects, in words."""
    glmm, layout = model.glmm, model.layout
    blocks, width = layout.rows.shape
    filled = layout.present.mean()
    lines = [f"{model.nobs} observations in {blocks} blocks of {width} ({filled:.0%} filled)"]
    if model.group is None:
        return "\n".join([*lines, "no random effects"])
    q = glmm.structure.q
    lines.append(f"{model.group}: {len(model.levels)} levels, H is one {q} x {q} block a level")
    for term, covariance in zip(model.design.random, glmm.covariances, strict=True):
        lines.append(f"  {term.formula.text}: {covariance.name}({', '.join(term.names)})")
    return "\n".join(lines)


def _refuse_several_factors(design: Design) -> None:
    groups = list(dict.fromkeys(term.formula.group for term in design.random))
    if len(groups) > 1:
        raise ModelError(
            f"This version fits one grouping factor, and the formula has {len(groups)} ({', '.join(groups)}): "
            "keep the terms of one of them."
        )


def _refuse_dependent_columns(design: Design) -> None:
    present = design.weights > 0
    for term in design.random:
        z = term.z[present]
        left = np.abs(np.diag(np.linalg.qr(z, mode="r"))) if len(z) >= z.shape[1] else np.zeros(z.shape[1])
        lost = left <= 1e-10 * np.sqrt((z * z).sum(0))
        if lost.any():
            name = term.names[int(np.argmax(lost))]
            raise ModelError(
                f"Column {name} of {term.formula.text} is zero or a linear combination of those before it, so it "
                "is not identified: leave it out."
            )


def _refuse_overlapping_terms(design: Design) -> None:
    """Terms on one factor whose covariances cannot be told apart, such as `(1 | g) + (x | g)`.

    The covariance of observations i and j of a group is a sum over terms and columns c, d of `z_ic S_cd z_jd`, linear
    in the free entries of `S`; they are identified if these products, over pairs in the same group, are independent.
    """
    if len(design.random) < 2:
        return
    refs, present = design.random[0].refs, design.weights > 0
    order = np.flatnonzero(present)[np.argsort(refs[present], kind="stable")]
    looked_at = np.unique(np.linspace(0, len(order) - 1, _PAIRS).astype(int))
    first, second = order[looked_at], np.roll(order, -1)[looked_at]
    second = np.where(refs[first] == refs[second], second, first)
    left, right = np.concatenate([first, first]), np.concatenate([first, second])
    columns = []
    for term in design.random:
        q = len(term.names)
        rows, cells = np.diag_indices(q) if term.formula.covariance == "diag" else np.tril_indices(q)
        z = term.z / np.sqrt((term.z * term.z).mean(0))
        columns += [z[left, c] * z[right, d] + z[left, d] * z[right, c] for c, d in zip(rows, cells, strict=True)]
    if np.linalg.matrix_rank(np.stack(columns), tol=1e-8 * np.sqrt(len(left))) < len(columns):
        terms = " + ".join(term.formula.text for term in design.random)
        raise ModelError(f"The covariances of {terms} cannot be told apart, because the terms share columns.")
