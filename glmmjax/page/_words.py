"""The model in words: what is assumed, how it was fitted, and what was left out."""

from collections.abc import Iterator

from ..assembly import MixedModel, prior_table
from ..design import RandomPart, success_label
from ..families import AbstractOrdinal, innermost, is_hurdle
from ..fit import Solution, dropped_columns
from ..report import group_sizes
from ._html import Html, join, tag
from ._laws import law_of
from ._mathml import GREEK

COVARIANCES = {
    "us": "any variances and correlations",
    "diag": "variances of their own and no correlations",
    "homdiag": "one variance and no correlations",
    "cs": "variances of their own and one correlation of all pairs",
    "homcs": "one variance and one correlation of all pairs",
    "ar1": "one variance, and a correlation that is raised to the number of steps between two",
    "hetar1": (
        "variances of their own, and a correlation that is raised to the number of steps between"
        " two"
    ),
    "toep": "variances of their own, and a correlation for each number of steps between two",
    "ou": "one variance, and a correlation that decays exponentially with the time between two",
    "exp": "one variance, and a correlation that decays exponentially with the distance",
    "mat": "one variance, and a Matérn correlation of the distance",
    "rr": "a covariance of reduced rank, of a few factors that all load on",
    "propto": "a known covariance times one unknown variance",
}
"""What each covariance structure says of the effects of a level."""


def in_words(solution: Solution) -> Html:
    """A list of sentences."""
    model = solution.model
    sentences = [*_of_responses(model), *_of_random_effects(model), *_of_method(solution)]
    return tag("ul", *(tag("li", *own) for own in [*sentences, *_of_data(model)]))


def _of_responses(model: MixedModel) -> Iterator[list[str | Html]]:
    family, design = innermost(model.family), model.design
    response = [tag("code", design.response_name), ". "]
    yield [tag("strong", "Response: "), *response, law_of(family).words, *_success(model)]
    parts = {own.name: own.formula.text for own in design.predictors}
    if "disp" in parts:
        name = GREEK.get(family.dispersion_names[0], family.dispersion_names[0])
        yield [
            tag("strong", "Dispersion. "),
            f"The logarithm of {name} has a linear predictor of its own, ",
            tag("code", parts["disp"]),
            ", so that it may differ between rows.",
        ]
    elif family.dispersion_names and not isinstance(family, AbstractOrdinal):
        names = " and ".join(GREEK.get(name, name) for name in family.dispersion_names)
        verb = "is" if len(family.dispersion_names) == 1 else "are"
        yield [tag("strong", "Dispersion. "), f"{names} {verb} the same in all rows."]
    if "zi" in parts:
        own = "All zeros come from" if is_hurdle(model.family) else "Extra zeros come from"
        words = f"{own} a logistic model of their own, "
        yield [tag("strong", "Zeros. "), words, tag("code", parts["zi"]), "."]
    given = "given the random effects, " if design.random else ""
    yield [
        tag("strong", "Independence. "),
        f"{given}the responses of different rows are independent of each other.".capitalize(),
    ]


def _success(model: MixedModel) -> list[str | Html]:
    design = model.design
    label = success_label(design.response_name, design.response_kind, design.frame)
    return [] if label is None else [f" A success is {design.response_name} = {label}."]


def _of_random_effects(model: MixedModel) -> Iterator[list[str | Html]]:
    for term in model.design.random:
        name = tag("code", term.formula.text)
        if term.is_smooth:
            yield [
                tag("strong", "Smooth. "),
                name,
                " is a straight line plus deviations from it, which are normal with one variance:"
                " the larger it is, the wigglier the curve.",
            ]
            continue
        kind = term.formula.covariance
        within = COVARIANCES.get(kind, f"the correlation {kind}")
        yield [tag("strong", "Random effects. "), name, f": {_levels(term)}{_law(term, within)}"]


def _levels(term: RandomPart) -> str:
    if term.matrix is not None:
        return f"the {len(term.names)} levels of {term.formula.group} have normal effects of"
    count = f"the {len(term.levels)} levels" if len(term.levels) > 1 else "the one level"
    verb = "have" if len(term.levels) > 1 else "has"
    what = "an effect" if len(term.names) == 1 else f"{len(term.names)} effects"
    each = " each" if len(term.levels) > 1 else ""
    return f"{count} of {term.formula.group} {verb} {what}{each}, "


def _law(term: RandomPart, within: str) -> str:
    if term.matrix is not None:
        return f" mean zero with {within}."
    between = ", independent between levels" if len(term.levels) > 1 else ""
    if len(term.names) == 1:
        return f"normal with mean zero and one variance{between}."
    return f"normal with mean zero{between}; within a level they have {within}."


def _of_method(solution: Solution) -> Iterator[list[str | Html]]:
    model, words = solution.model, solution.method.describe()
    if not (model.design.random or model.is_linear):
        words = f"{'' if model.priors is None else 'penalised '}maximum likelihood"
    if model.family.traits.is_quasi:
        words = words.replace("likelihood", "quasi-likelihood")
    over = " The random effects were integrated out." if model.design.random else ""
    if solution.method.is_restricted:
        over += (
            " So were the fixed effects, which makes variances less biased; such likelihoods do not"
            " compare between models of other fixed effects."
        )
    yield [tag("strong", "Method. "), f"Fitted by {words}.{over}"]
    if model.priors is not None:
        found = prior_table(model)
        each = [
            join([tag("code", name), " ", own])
            for name, own in zip(found.parameter, found.prior, strict=True)
        ]
        yield [tag("strong", "Priors. "), join(each, ", "), "."]


def _of_data(model: MixedModel) -> Iterator[list[str | Html]]:
    design = model.design
    sizes = [f"{count} levels of {group}" for group, count in group_sizes(model).items()]
    counts = ", ".join([f"{model.nobs} rows", *sizes])
    if design.dropped_rows:
        counts += f"; {design.dropped_rows} rows with missing values were left out"
    named = {"Prior weights": design.weights_name, "Offset": design.offset_name}
    others = [
        f" {what}: {'an array' if name.startswith('(') else name}."
        for what, name in named.items()
        if name is not None
    ]
    yield [tag("strong", "Data. "), counts, ".", *others]
    columns = [*dropped_columns(model), *(name for term in design.random for name in term.dropped)]
    if columns:
        yield [
            tag("strong", "Left out. "),
            "Columns that are zero, or linear combinations of others, have no coefficient: ",
            join([tag("code", name) for name in columns], ", "),
            ".",
        ]


def percent(level: float) -> str:
    """`95 %`, with a space that does not break."""
    return f"{100 * level:.10g}\N{NO-BREAK SPACE}%"
