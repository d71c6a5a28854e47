"""Whether a likelihood has a maximum, as far as the response alone decides it: only what is certain
is refused."""

import numpy as np

from .._errors import ModelError
from ..design import CENSORED, Design, is_constant, is_one_sided, largest_term
from ..families import AbstractFamily, CustomFamily, Dispersed, ZeroInflated, innermost, is_hurdle

_OPEN = (
    "log",
    "softplus",
    "logit",
    "probit",
    "cloglog",
    "cauchit",
)  # links under which the edge is at infinity
_EDGES = {"count": (0,), "positive_count": (1,), "nonnegative": (0,)}
_ALWAYS: frozenset[str] = frozenset()
_MEAN = frozenset({"mean"})


def refuse_without_maximum(design: Design, family: AbstractFamily) -> None:
    """Raise a `ModelError` for a response for which no parameters are best."""
    y, text, present = design.y, design.response_name, design.weights > 0
    if not (design.has_response and present.any()):
        return
    if not without_maximum(design, family, y[None], design.weights, design.offset)[0]:
        _refuse_saturated(design, family)
        return
    if family.response == "proportion":
        what = "has only successes or only failures"
    elif family.response in CENSORED and is_one_sided(y[present]):
        what = "is censored on the same side in every row"
    elif family.response in CENSORED:
        what = "is the same in every row"
    else:
        what = f"is {y[present][0]:g} in every row"
    raise ModelError(f"The response {text} {what}, so the likelihood has no maximum.")


def without_maximum(
    design: Design, family: AbstractFamily, y: np.ndarray, weights: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """(members,) for which of the responses (members, n) or (members, n, k) it is certain that the
    likelihood has no maximum, by the columns of `design`.

    - `weights`: (n,) prior weights.
    - `offset`: (n,) or (members, n) of the mean.

    A response at the edge of what the family can give (counts of zero, successes only) has the
    probability one in the limit of a linear predictor, whatever the offset. One that is the same
    everywhere has a density without bound where the mean can be that number in each row. Either
    needs a constant among the columns.
    """
    found, present = is_constant(y, family.response, weights), weights > 0
    constants = {own.name for own in design.predictors if _holds_constant(own.fixed.x[present])}
    offsets = np.broadcast_to(offset, (len(y), len(weights)))
    known: dict[tuple, bool] = {}
    for member in np.flatnonzero(found):
        rows, given = y[member][present], offsets[member][present]
        key = (
            *np.atleast_1d(rows[0]),
            bool((given == given[0]).all()),
            _is_edge(family.response, rows),
        )
        if key not in known:
            needed = _needed(family, rows, is_even=key[-2])
            known[key] = any(own <= constants for own in needed)
        found[member] = known[key]
    return found


def _needed(family: AbstractFamily, y: np.ndarray, *, is_even: bool) -> list[frozenset[str]]:
    """The sets of linear predictors each of which, if all in it hold a constant, leave the
    likelihood of the response `y`, which is constant, without a maximum; `is_even` says that the
    offset is constant too."""
    if isinstance(family, ZeroInflated):
        zeros = [frozenset({"zi"})] if not y[:1].reshape(-1)[0] else []
        return (
            zeros
            if zeros and is_hurdle(family)
            else zeros + _needed(family.inner, y, is_even=is_even)
        )
    inner = innermost(family)
    if isinstance(inner, CustomFamily):
        return []
    if _is_edge(inner.response, y):
        if inner.response in ("ordered", "closed_unit"):  # thresholds take the place of a constant
            return [_ALWAYS]
        return [_MEAN] if inner.response in CENSORED or inner.link.name in _OPEN else []
    if (
        inner.traits.spread is None
        or not is_even
        or not np.isfinite(inner.link.link(y.reshape(len(y), -1)[:1, 0])).all()
    ):
        return []
    return [_MEAN | {"disp"} if isinstance(family, Dispersed) else _MEAN]


def _is_edge(kind: str, y: np.ndarray) -> bool:
    """Whether a constant response has the value whose probability goes to one at the end of a
    linear predictor."""
    if kind in CENSORED:
        return bool(is_one_sided(y))
    if kind in ("binary", "proportion", "ordered"):
        return True
    return y[0] in _EDGES.get(kind, (0, 1) if kind == "closed_unit" else ())


def _refuse_saturated(design: Design, family: AbstractFamily) -> None:
    """Raise a `ModelError` for a model that reproduces any response, whose dispersion then goes to
    zero."""
    present, inner = design.weights > 0, innermost(family)
    n, p = int(present.sum()), len(design.fixed.names)
    constants = all(_holds_constant(own.fixed.x[present]) for own in design.predictors[1:])
    is_location = (
        inner.response == "real"
        and inner.link.name == "identity"
        and inner.traits.spread is not None
    )
    if p >= n and is_location and constants:
        raise ModelError(
            f"The model has {p} fixed effects{largest_term(design.fixed)} and only {n} rows, so it"
            " reproduces any response and the likelihood has no maximum."
        )


def _holds_constant(x: np.ndarray) -> bool:
    """Whether a constant is a linear combination of the columns (n, p)."""
    if (x == 1).all(0).any():
        return True
    ones = np.ones(len(x))
    return bool(x.shape[1]) and bool(
        np.abs(x @ np.linalg.lstsq(x, ones, rcond=None)[0] - ones).max() < 1e-9
    )
