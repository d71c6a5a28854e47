"""The model as an equation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..assembly import MixedModel
from ..design import Predictor, RandomPart
from ..families import AbstractOrdinal, innermost
from ._html import Html, tag
from ._laws import law_of, own_parameters
from ._mathml import (
    applied,
    brackets,
    commas,
    letter,
    linked,
    matrix,
    of_row,
    row,
    sign,
    square,
    sub,
    words,
)

_LETTERS = {"mean": ("β", "u"), "disp": ("δ", "w"), "zi": ("γ", "v")}
_MOST = 12  # coefficients that are written one by one
_EFFECTS = 4  # of a level that are
_IN_A_LINE = 3
_NOTHING = Html("")
_ZERO, _ONE = tag("mn", "0"), tag("mn", "1")
_P = of_row(letter("p"))


class Line(NamedTuple):
    """A left side, a relation (or the sign that a line goes on with), and a right side."""

    left: Html
    relation: str
    right: Html


def equation(model: MixedModel) -> Html:
    """The responses, each linear predictor, the random effects."""
    lines = list(_responses(model))
    for number, own in enumerate(model.design.predictors):
        lines += _linear_predictor(model, number, own)
    lines += [_effects(model, term) for term in model.design.random if not term.is_smooth]
    rows = [
        tag("mtr", tag("mtd", row(own.left)), tag("mtd", sign(own.relation)), tag("mtd", own.right))
        for own in lines
    ]
    found = tag("math", tag("mtable", *rows), display="block")
    label = "The model as an equation"
    return tag(
        "div", found, class_="scroll equation", tabindex="0", role="region", aria_label=label
    )


def _responses(model: MixedModel) -> Iterator[Line]:
    family, has_zeros = innermost(model.family), _has(model, "zi")
    if isinstance(family, AbstractOrdinal):
        yield _of_categories(family, model)
        return
    law = law_of(family)
    arguments = [_parameter(model, name) for name in law.arguments]
    if family.traits.is_quasi:
        (mean,), y = arguments, row(of_row(letter("y")), *_given(model))
        yield Line(applied("E", y), "=", mean)
        share = [brackets(_ONE, sign("−"), mean)] if family.response == "proportion" else []
        yield Line(applied("var", y), "∝", row(mean, *share))
        return
    arguments += [
        _parameter(model, name)
        for name in own_parameters(family)
        if f"{name}^2" not in law.arguments
    ]
    right = applied(law.symbol, *arguments)
    if has_zeros:
        right = row(right, words(" with probability "), _ONE, sign("−"), _P)
    yield Line(row(_response(law.left), *_given(model)), "∼", right)
    if has_zeros:
        yield Line(of_row(letter("y")), "=", row(_ZERO, words(" with probability "), _P))


def _of_categories(family: AbstractOrdinal, model: MixedModel) -> Line:
    y, k = of_row(letter("y")), letter("k")
    threshold, eta = sub(letter("t"), k), of_row(letter("eta"))
    if family.name == "adjacent_category":
        over = applied("P", row(y, sign("="), k, sign("+"), _ONE, *_given(model)))
        under = applied("P", row(y, sign("="), k, *_given(model)))
        return Line(applied("log", tag("mfrac", over, under)), "=", row(eta, sign("−"), threshold))
    event = row(y, sign("≤"), k, *_given(model))
    if family.name == "continuation_ratio":
        given = _given(model) or (sign("|"),)
        event = row(y, sign("="), k, *given, *([sign(",")] if model.design.random else []))
        event = row(event, y, sign("≥"), k)
    left = linked(family.link.name, applied("P", event))
    return Line(left, "=", row(threshold, sign("−"), eta))


def _has(model: MixedModel, part: str) -> bool:
    return any(own.name == part for own in model.design.predictors)


def _given(model: MixedModel) -> tuple[Html, ...]:
    return (sign("|"), letter("u")) if model.design.random else ()


def _response(left: str) -> Html:
    name = left.removeprefix("log ").removesuffix("*")
    y = of_row(letter(name))
    y = tag("msubsup", letter(name), letter("i"), sign("∗")) if left.endswith("*") else y
    return applied("log", y) if left.startswith("log") else y


def _parameter(model: MixedModel, name: str) -> Html:
    """An argument of the distribution, with an index where it differs from row to row."""
    plain = name.removesuffix("^2")
    if name == "exp eta":
        return applied("exp", of_row(letter("eta")))
    family = innermost(model.family)
    differs = plain in ("mu", "eta", "n")
    differs = differs or (_has(model, "disp") and plain == family.dispersion_names[0])
    if not name.endswith("^2"):
        return of_row(letter(plain)) if differs else letter(plain)
    own = square(letter(plain), letter("i")) if differs else square(letter(plain))
    if family.name != "gaussian" or model.design.weights_name is None:
        return own
    return row(own, sign("/"), of_row(words("weight")))


def _linear_predictor(model: MixedModel, number: int, own: Predictor) -> Iterator[Line]:
    terms = [*_fixed(own), *_offset(own)]
    for term in model.design.random:
        if term.predictor == number:
            terms += _random(term, own.name)
    lines = [terms[k : k + _IN_A_LINE] for k in range(0, len(terms), _IN_A_LINE)]
    for k, some in enumerate(lines):
        pieces = [piece for part in some for piece in (sign("+"), part)]
        left = _NOTHING if k else _left(model, own.name)
        yield Line(left, "+" if k else "=", row(*pieces[1:]))


def _left(model: MixedModel, part: str) -> Html:
    family = innermost(model.family)
    if part == "zi":
        return linked("logit", _P)
    if part == "disp":
        return linked("log", of_row(letter(family.dispersion_names[0])))
    has_mean = not isinstance(family, AbstractOrdinal) and "mu" in law_of(family).arguments
    return linked(family.link.name, of_row(letter("mu"))) if has_mean else of_row(letter("eta"))


def _fixed(own: Predictor) -> list[Html]:
    beta, curves = _LETTERS[own.name][0], own.fixed.smooths
    of_curves = {name for smooth in curves for name in smooth.names}
    names = [name for name in own.fixed.names if name not in of_curves]
    if len(names) > _MOST:
        whole = tag("msubsup", _bold("x"), letter("i"), sign("⊤"))
        found = [row(whole, _bold(beta))]
    else:
        first = 0 if "Intercept" in names else 1
        found = [
            _times(sub(letter(beta), tag("mn", str(k))), n) for k, n in enumerate(names, first)
        ]
    for smooth in curves:
        curve = letter("f") if smooth.level is None else sub(letter("f"), words(smooth.level))
        found.append(row(curve, brackets(of_row(words(smooth.formula.variable)))))
    return found


def _offset(own: Predictor) -> list[Html]:
    return [of_row(words("offset"))] if np.any(own.offset) else []


def _times(coefficient: Html, column: str) -> Html:
    if column == "Intercept":
        return coefficient
    return row(coefficient, words(" "), of_row(words(column)))


def _bold(name: str) -> Html:
    return tag("mi", name, class_="bold")


def _random(term: RandomPart, part: str) -> list[Html]:
    u, group = letter(_LETTERS[part][1]), row(words(term.formula.group), sign("["), letter("i"))
    group = row(group, sign("]"))
    if term.is_smooth:
        return []
    if term.position is not None and term.matrix is None:
        return [row(sub(u, group), brackets(of_row(words(term.formula.columns))))]
    if term.matrix is not None or len(term.names) == 1:
        name = "Intercept" if term.matrix is not None else term.names[0]
        return [_times(_effect(u, name, group), name)]
    if len(term.names) > _EFFECTS:
        whole = tag("msubsup", _bold("z"), letter("i"), sign("⊤"))
        return [row(whole, sub(_bold(_LETTERS[part][1]), group))]
    return [_times(_effect(u, name, group), name) for name in term.names]


def _effect(u: Html, name: str, group: Html) -> Html:
    return sub(u, group) if name == "Intercept" else sub(u, words(name), sign(","), group)


def _effects(model: MixedModel, term: RandomPart) -> Line:
    """The distribution of the effects of a level."""
    part = model.design.predictors[term.predictor].name
    u, group = letter(_LETTERS[part][1]), words(term.formula.group)
    kind, names = term.formula.covariance, term.names
    covariance = sub(tag("mi", "Σ", mathvariant="normal"), group)
    if term.position is not None:
        known = row(square(letter("sigma"), group), words(str(term.formula.matrix)))
        return Line(sub(u, group), "∼", _normal(covariance if term.matrix is None else known))
    if len(names) == 1:
        return Line(
            _effect(u, names[0], group), "∼", _normal(square(letter("sigma"), _of(names[0], group)))
        )
    if len(names) > _EFFECTS:
        return Line(sub(_bold(_LETTERS[part][1]), group), "∼", _normal(covariance))
    left = brackets(commas([_effect(u, name, group) for name in names]))
    if kind in ("us", "diag") and len(names) == 2:
        covariance = _of_two(names, group, kind)
    return Line(left, "∼", _normal(covariance))


def _normal(covariance: Html) -> Html:
    return applied("N", _ZERO, covariance)


def _of(name: str, group: Html) -> Html:
    """The index of a standard deviation."""
    return group if name == "Intercept" else words(name)


def _of_two(names: tuple[str, ...], group: Html, kind: str) -> Html:
    sigma, index = letter("sigma"), [_of(name, group) for name in names]
    sds = [sub(sigma, own) for own in index]
    between = _ZERO if kind == "diag" else row(letter("ρ"), *sds)
    first, last = (square(sigma, own) for own in index)
    return matrix([[first, between], [between, last]])
