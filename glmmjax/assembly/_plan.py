"""The structure chosen for the random effects, in words."""

from ..structure import PROBES
from ._mixed import MixedModel


def plan(model: MixedModel) -> str:
    """The structure chosen for the random effects, as a table in words."""
    structure, layout = model.glmm.structure, model.layout
    blocks, width = layout.rows.shape
    lines = [
        f"{model.nobs} observations in {blocks} blocks of {width} ({layout.present.mean():.0%}"
        " filled)"
    ]
    if not structure.factors:
        return "\n".join([*lines, "no random effects"])
    for number, terms in enumerate(structure.terms):
        lines.append(_factor_in_words(model, number))
        for term in (model.design.random[k] for k in terms):
            lines.append(f"  {term.formula.text}: {term.formula.covariance}({_some(term.names)})")
    if structure.matrix_free:
        r = structure.matrix_free
        lines.append(
            f"no matrix: a dense {r} x {r} one ({8e-9 * r * r:.1f} GB) and what it takes to form it"
            " would be out of proportion. Conjugate gradients, and a log determinant estimated"
            f" with {PROBES} random vectors"
        )
    elif structure.rest:
        r = structure.size_of_rest
        lines.append(f"rest: one dense {r} x {r} matrix")
        lines += [f"  {_border_in_words(model, t)}" for t in range(structure.chain)]
    return "\n".join(lines)


def _factor_in_words(model: MixedModel, number: int) -> str:
    structure = model.glmm.structure
    columns, terms = structure.factors[number], structure.terms[number]
    term = model.design.random[terms[0]]
    size = f"{term.formula.group}: {len(term.levels)} level{'s' if len(term.levels) > 1 else ''}"
    if number >= structure.chain:
        return f"{size}, {columns.rank} effect{'s' if columns.rank > 1 else ''} each, in the rest"
    nested = "" if number + 1 >= structure.chain else f", nested in {_group(model, number + 1)}"
    if columns.linked:
        return (
            f"{size}, a chain of {columns.rank} effects or fewer each, one after the other{nested}"
        )
    return f"{size}, H is one {columns.rank} x {columns.rank} block a level{nested}"


def _border_in_words(model: MixedModel, t: int) -> str:
    structure = model.glmm.structure
    border = structure.borders[t]
    others = ", ".join(_group(model, structure.chain + r) for r in range(len(structure.rest)))
    how = (
        "multiplied as a dense matrix"
        if border.first is None
        else "only those that occur are multiplied"
    )
    return (
        f"{_group(model, t)} meets {others} in {len(border.level)} pairs of a level and a column;"
        f" {how}"
    )


def _group(model: MixedModel, number: int) -> str:
    return model.design.random[model.glmm.structure.terms[number][0]].formula.group


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 6 else (*names[:3], "...", names[-1]))
