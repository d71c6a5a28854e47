"""Designs with and without a random effect of every observation."""

from dataclasses import replace

import numpy as np

from ..formula import RandomFormula
from ._parts import Design
from ._random import random_part


def observation_effect(design: Design) -> int | None:
    """The number, among the random terms, of the mean's `(1 | g)` with a level a row; None without
    one."""
    for number, term in enumerate(design.random):
        is_mean = term.predictor == 0 and term.formula in design.formula.random
        if is_mean and term.names == ("Intercept",) and len(term.levels) == len(design.y):
            return number
    return None


def with_observation_effect(design: Design) -> Design:
    """The design with `(1 | observation)` added to the mean, where the column `observation` numbers
    the rows (with `_` behind its name if the data have such a column)."""
    name = "observation"
    while name in design.frame:
        name += "_"
    frame = design.frame.assign(**{name: np.arange(1, len(design.frame) + 1)})
    term = RandomFormula("1", (name,), "us", f"(1 | {name})")
    written = design.formula.random
    part = random_part(term, frame, "columns", None, design.context, design.weights > 0)
    random = (*design.random[: len(written)], part, *design.random[len(written) :])
    formula = design.formula.with_random((*written, term))
    return replace(design.with_mean(formula=formula), frame=frame, random=random)


def without_term(design: Design, number: int) -> Design:
    """The design without one of the random terms of the mean that its formula names."""
    gone = design.random[number].formula
    left = tuple(term for term in design.formula.random if term != gone)
    random = (*design.random[:number], *design.random[number + 1 :])
    return replace(design.with_mean(formula=design.formula.with_random(left)), random=random)
