"""How a fit ended, in words: its status, all else that holds, and which parameters went where."""

import numpy as np

from .._status import STATUSES, End, Status
from ..assembly import MixedModel
from ..families import innermost, is_hurdle

_NOT_FITTED = (Status.NOT_RUN, Status.CONSTANT, Status.INVALID)


def message(model: MixedModel, status: Status, ends: np.ndarray) -> str:
    """The sentence of a status, followed by what is particular to this fit.

    `ends` are the codes of `End` of the coefficients of all linear predictors, the random terms and
    the family's own parameters.
    """
    details = [
        _sentence(model, End(code), ends == code) for code in np.unique(ends) if code != End.INSIDE
    ]
    dropped = dropped_columns(model)
    if dropped and status not in _NOT_FITTED:
        details.append(f"Dropped, as linear combinations of other columns: {', '.join(dropped)}.")
    return " ".join([status.value, *details])


def messages(model: MixedModel, status: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(members,) the same of many fits; `status` are indices into `STATUSES`, `ends` is (members,
    ...)."""
    kinds, which = np.unique(np.column_stack([status, ends]), axis=0, return_inverse=True)
    words = [message(model, STATUSES[kind[0]], kind[1:]) for kind in kinds]
    return np.array(words, dtype=object)[which.reshape(-1)]


def dropped_columns(model: MixedModel) -> list[str]:
    """Columns of the linear predictors that were linear combinations of others, and have no
    coefficient."""
    return [f"{own.prefix}{name}" for own in model.design.predictors for name in own.fixed.dropped]


def _sentence(model: MixedModel, end: End, where: np.ndarray) -> str:
    """What ended so, of the coefficients, terms and parameters `where` it is true."""
    found = [name for name, here in zip(_names(model), where, strict=True) if here]
    if end is End.LIMIT:
        return _limits(model, where)
    together = ", ".join(found)
    return {
        End.SINGULAR: f"Singular: {together}.",
        End.INFINITE: f"Running off to infinity: {together}.",
        End.UNBOUNDED: f"The likelihood grows without bound along {together}.",
        End.LATTICE: f"The likelihood grows without bound along {together}.",
        End.FLAT: f"Not told apart: {together}.",
    }[end]


def _names(model: MixedModel) -> list[str]:
    coefficients = [
        f"{own.prefix}{name}" for own in model.design.predictors for name in own.fixed.names
    ]
    terms = []
    for term in model.design.random:
        levels = term.names if term.matrix is not None else term.levels
        alone = len(levels) == 1 and not term.is_smooth
        terms.append(
            f"{term.formula.text}{', whose grouping factor has one level' if alone else ''}"
        )
    return [*coefficients, *terms, *model.family.dispersion_names]


def _limits(model: MixedModel, where: np.ndarray) -> str:
    """The limits that were reached, one by one."""
    family, names, sentences, first = model.family, _names(model), [], 0
    for own in model.design.predictors:
        last = first + len(own.fixed.names)
        gone = [
            name for name, here in zip(names[first:last], where[first:last], strict=True) if here
        ]
        if gone:
            sentences.append(
                f"At the limit of the family {', '.join(gone)} ran off:"
                f" {_limit_of(model, own.name)}."
            )
        first = last
    m = len(family.dispersion_names)
    for k in np.flatnonzero(where[len(where) - m :]):
        if family.traits.has_residual:
            end = "went to 0: the random effects leave nothing to the residuals."
        elif k == family.traits.limit:
            end = f"went to {float(family.dispersion(np.zeros(m))[k]):g}: {family.traits.simpler}."
        else:
            end = "ran off to where it changes nothing."
        sentences.append(f"At the limit of the family {family.dispersion_names[k]} {end}")
    return " ".join(sentences)


def _limit_of(model: MixedModel, part: str) -> str:
    """What it means that a linear predictor beside the mean's ran off as a whole."""
    if part == "disp":
        return innermost(model.family).traits.simpler or "the dispersion changes nothing there"
    if is_hurdle(model.family):
        return "the probability of zero is zero or one in every row"
    return "there are no extra zeros, so leave ziformula out"
