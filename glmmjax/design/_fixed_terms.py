"""Which columns of the fixed effects belong to which term."""

from typing import NamedTuple

from ._parts import FixedPart


class FixedTerm(NamedTuple):
    """A term of a right-hand side.

    Attributes:
        name: as it is written.
        columns: numbers of its columns among those of the fixed effects that are kept.
        factors: what it is a product of.
        variables: the columns of the data that it uses.
    """

    name: str
    columns: tuple[int, ...]
    factors: frozenset[str]
    variables: frozenset[str]


def fixed_terms(fixed: FixedPart) -> list[FixedTerm]:
    """The terms with a column that is kept, without the constant; the columns of
    smooths, whose curve they are but a line of, belong to none."""
    spec, place = fixed.recipe.spec, {int(k): j for j, k in enumerate(fixed.keep)}
    found = []
    for term, own in spec.term_slices.items():
        columns = tuple(place[k] for k in range(own.start, own.stop) if k in place)
        factors = frozenset(map(str, term.factors))
        variables = frozenset(map(str, spec.term_variables[term]))
        if columns and factors != {"1"}:
            found.append(FixedTerm(str(term), columns, factors, variables))
    return found
