"""What is reported of random terms, by name."""

from collections.abc import Iterator

from ..covariances import Component
from ..design import RandomPart
from ._mixed import MixedModel


def components(model: MixedModel) -> Iterator[tuple[int, RandomPart, Component]]:
    """What is reported of the covariance of each random term: number of the term, the term, and the
    component."""
    for number, (term, covariance) in enumerate(
        zip(model.design.random, model.glmm.covariances, strict=True)
    ):
        prefix = model.design.predictors[term.predictor].prefix
        names = tuple(f"{prefix}{name}" for name in term.names)
        for component in covariance.components(
            names, f"{prefix}{term.formula.columns or 'smooth'}"
        ):
            yield number, term, component


def component_name(component: Component, group: str) -> str:
    """`sd(x|g)`, `cor(x,z|g)`, or `range(t|g)` for another parameter."""
    is_pair = component.kind == "cor" and component.term2 != component.kind
    inside = f"{component.term1},{component.term2}" if is_pair else component.term1
    return f"{component.kind}({inside}|{group})"
