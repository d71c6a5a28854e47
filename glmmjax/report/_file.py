"""A fit as a dictionary and as a file.

The file is JSON: `format` and `version`, `result` (what `to_dict` gives: for people and other
programs), and `state` (what `load` needs): `formula`, `family`, `link`, `weights`, `offset`,
`method`, `priors`, `context` (the names of functions that are not in the file, with the sums of the
columns that they gave), the fitted rows of the table column by column (`columns`: name, kind `bool
| int | float | categorical`, values, categories) and their labels (`index`), and the fields of
`Outcome` and `Modes`. Labels and categories are written as the module `_index` describes, numbers
with all their digits; a number that is not finite is the string `NaN`, `Infinity` or `-Infinity`.
Loading builds the model again from its data, so a file survives changes of the package.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import pandas as pd

from .._errors import ModelError
from .._files import as_path, write_whole
from .._status import STATUSES, End, Status
from ..assembly import MixedModel, mixed_model, with_priors
from ..design import Design
from ..families import FAMILIES, AbstractOrdinal, as_family, innermost
from ..fit import Fits, Modes, OneModel, Outcome, Solution, blank
from ..methods import method_from_dict, method_to_dict
from ..priors import priors_from_dict, priors_to_dict
from ._index import index_from_dict, index_to_dict
from ._older import updated
from ._result import formula_of, to_dict

FORMAT, VERSION = "glmmjax fit", 3


def save_fit(fits: Fits, path: str | os.PathLike) -> None:
    """Write the file that this module's text describes."""
    model = fits.members.first
    design, family = model.design, innermost(model.family)
    if FAMILIES.get(family.name) is not type(family):
        raise ModelError(
            f"Only fits of the package's own families can be saved, not of {type(family).__name__}."
        )
    state = {
        "formula": design.formula.text,
        "ziformula": formula_of(model, "zi"),
        "dispformula": formula_of(model, "disp"),
        "family": family.name,
        "link": family.link.name,
        "categories": (
            [family.categories, family.labels] if isinstance(family, AbstractOrdinal) else None
        ),
        "weights": design.weights_name,
        "offset": design.offset_name,
        "matrices": _matrices(design),
        "context": sorted(design.context),
        "sums": _sums(design) if design.context else None,
        "method": method_to_dict(fits.method),
        "priors": None if model.priors is None else priors_to_dict(model.priors),
        "columns": [_column_to_dict(column) for _, column in design.frame.items()],
        "index": index_to_dict(design.frame.index, "the rows"),
        "dropped_rows": design.dropped_rows,
        **_numbers(fits.outcome.of(0)),
        **_numbers(fits.modes),
        "status": Solution(fits).status.name,
    }
    _refuse_inherited(design, state)
    document = {"format": FORMAT, "version": VERSION, "result": to_dict(fits), "state": state}
    text = json.dumps(spell_out(document), allow_nan=False, default=_plain)
    write_whole(path, lambda file: file.write(text.encode()))


def load_fit(path: str | os.PathLike, context: Mapping[str, Any] | None = None) -> Fits:
    """Read a file of `save_fit`, with the functions that its formulas use; `ModelError` if it
    is none, or damaged."""
    name = str(as_path(path))
    document = _read(name)
    damaged = f"The saved fit {name} is damaged: fit the model again."
    state = document["state"] if isinstance(document["state"], dict) else {}
    needed, sums = state.get("context", []), state.get("sums")
    if not (isinstance(needed, list) and all(isinstance(one, str) for one in needed)):
        raise ModelError(damaged)
    _check_context(name, needed, context)
    try:
        fits = _from_document(document, context)
        is_same = sums is None or _same_columns(sums, fits.members.first.design)
    except ModelError as error:
        raise ModelError(
            f"The fit in {name} cannot be made again: {str(error).splitlines()[0]}"
        ) from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelError(damaged) from error
    if not is_same:
        names = ", ".join(needed)
        raise ModelError(
            f"{names} of context is not what the saved fit was made with: its values differ."
        )
    if _shapes(fits) != _needed_shapes(fits):
        raise ModelError(
            f"The saved fit {name} is damaged, its numbers are not those of its model: fit it"
            " again."
        )
    return fits


def _shapes(fits: Fits) -> list:
    """The shapes of what a file holds, as far as the model says what they are."""
    known = np.isin(fits.outcome.ends, list(End)).all()
    levels = [[len(own) for own in part] for part in fits.modes]
    return [known, *(np.shape(leaf) for leaf in jax.tree.leaves(fits.outcome)), *levels]


def _needed_shapes(fits: Fits) -> list:
    model = fits.members.first
    random, terms = model.design.random, model.glmm.structure.terms
    levels = [len(random[numbers[0]].levels) for numbers in terms]
    empty = blank(model, fits.method, 1, Status.NOT_RUN)
    return [True, *(np.shape(leaf) for leaf in jax.tree.leaves(empty)), levels, levels]


def _from_document(document: dict[str, Any], context: Mapping[str, Any] | None) -> Fits:
    state = document["state"]
    model = _rebuilt(state, context).with_dropped_rows(state["dropped_rows"])
    state = updated(state, document["version"], model)
    method, status = method_from_dict(state["method"]), Status[state["status"]]
    numbers = state | {"status": STATUSES.index(status)}
    like = blank(model, method, 1, status)
    arrays = {name: _filled(own, numbers[name]) for name, own in like._asdict().items()}
    modes = Modes(*(tuple(_array(own) for own in state[name]) for name in Modes._fields))
    return Fits(OneModel(model), method, Outcome(**arrays), modes)


def _numbers(fields: Outcome | Modes) -> dict[str, Any]:
    """Arrays by the names of their fields, as lists; those of the terms a list each."""
    return {
        name: [part.tolist() for part in own] if isinstance(own, tuple) else own.tolist()
        for name, own in fields._asdict().items()
    }


def _filled(like: np.ndarray | tuple, values: Any) -> Any:
    """The values of a file, of one member, as an array of the type that `like` has."""
    if isinstance(like, tuple):
        return tuple(np.array(own, np.float64)[None] for own in values)
    return np.array(values, like.dtype)[None]


def _rebuilt(state: dict[str, Any], context: Mapping[str, Any] | None) -> MixedModel:
    """The model of a state, from the columns of its table."""
    frame = pd.DataFrame({c["name"]: _column_from_dict(c) for c in state["columns"]})
    frame.index = _labels(state["index"])
    family = as_family(state["family"], state["link"])
    if isinstance(family, AbstractOrdinal) and state.get("categories"):
        categories, labels = state["categories"]
        family = family.with_categories(categories, None if labels is None else tuple(labels))
    given = {name: state.get(name) for name in ("ziformula", "dispformula", "weights", "offset")}
    known = {name: pd.DataFrame(**kept) for name, kept in state.get("matrices", {}).items()}
    model = mixed_model(
        state["formula"], frame, family=family, matrices=known, context=context, **given
    )
    kept = state.get("priors")
    return model if kept is None else with_priors(model, priors_from_dict(kept))


def _check_context(path: str, needed: list[str], context: Mapping[str, Any] | None) -> None:
    missing = ", ".join(
        f"'{name}': ..." for name in needed if context is None or name not in context
    )
    if missing:
        raise ModelError(
            f"The formulas of {path} use functions of your own: gj.load(path,"
            f" context={{{missing}}})."
        )


def _sums(design: Design) -> list[float]:
    """A weighted sum of each column, and the numbers of effects: whether a design is still what it
    was."""
    columns = [design.y, *(part.z for part in design.random)]
    columns += [column for own in design.predictors for column in (own.fixed.x, own.offset)]
    weights = np.linspace(1.0, 2.0, len(design.y))  # plain sums of centred columns are all zero
    sizes = [float(len(part.names)) for part in design.random]
    return [
        *np.concatenate([np.atleast_1d(weights @ column) for column in columns]).tolist(),
        *sizes,
    ]


def _same_columns(sums: list[float], design: Design) -> bool:
    found = _sums(design)
    return len(found) == len(sums) and np.allclose(found, sums, rtol=1e-6, atol=1e-6)


def _refuse_inherited(design: Design, state: dict[str, Any]) -> None:
    """Raise a `ModelError` if the columns of a design that were made from other rows do not follow
    from its own."""
    if design.is_inherited and not _same_columns(
        _sums(design), _rebuilt(state, design.context).design
    ):
        raise ModelError(
            "The means, knots or levels of this model are those of other rows, which its file would"
            " lack: save the fit of the whole data."
        )


def _matrices(design: Design) -> dict[str, Any]:
    """The known matrices of `propto` with their labels; entries that no term uses are zero."""
    found: dict[str, pd.DataFrame] = {}
    for term in design.random:
        if term.matrix is None:
            continue
        name, own = str(term.formula.matrix), pd.DataFrame(term.matrix, term.names, term.names)
        before = found.get(name, own)
        labels = before.index.union(own.index, sort=False)
        found[name] = (
            before.reindex(labels, columns=labels)
            .combine_first(own)
            .loc[labels, labels]
            .fillna(0.0)
        )
        if not np.array_equal(found[name].loc[own.index, own.index], own):
            raise ModelError(
                f"The array {name} means two matrices, so it cannot be saved: give a labelled"
                " DataFrame."
            )
    return {
        name: {
            "data": kept.to_numpy().tolist(),
            "index": list(kept.index),
            "columns": list(kept.columns),
        }
        for name, kept in found.items()
    }


def spell_out(value: Any) -> Any:
    """`value` with numbers that JSON cannot write as their names."""
    if isinstance(value, dict):
        return {key: spell_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spell_out(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:  # no JSON, no text, or a number without end
        raise ModelError(f"{path} is not a saved fit, or cut short: it is not JSON.") from error
    if (
        not isinstance(document, dict)
        or document.get("format") != FORMAT
        or not {"version", "state"} <= set(document)
    ):
        raise ModelError(f"{path} is not a saved fit.")
    version = document["version"]
    if not isinstance(version, int) or version < 1:
        raise ModelError(f"The saved fit {path} is damaged: fit the model again.")
    if version > VERSION:
        raise ModelError(f"{path} was written by a newer glmmjax (file version {version}).")
    return document


def _column_to_dict(column: pd.Series) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": str(column.name)}
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = index_to_dict(column.cat.categories, f"the levels of column '{column.name}'")
        ordered = bool(column.cat.ordered)
        return entry | {
            "kind": "categorical",
            "values": column.cat.codes.tolist(),
            "categories": categories,
            "ordered": ordered,
        }
    kind = {"b": "bool", "i": "int", "u": "int", "f": "float"}[column.dtype.kind]
    return entry | {"kind": kind, "values": column.tolist()}


def _column_from_dict(entry: dict[str, Any]):
    if entry["kind"] == "categorical":
        categories = _labels(entry["categories"])
        return pd.Categorical.from_codes(
            entry["values"], categories=categories, ordered=entry["ordered"]
        )
    return np.array(
        entry["values"], {"bool": bool, "int": np.int64, "float": np.float64}[entry["kind"]]
    )


def _labels(kept: list | dict[str, Any]) -> pd.Index:
    """Labels of rows or of a categorical; a list in files of version 2 and before."""
    return pd.Index(kept) if isinstance(kept, list) else index_from_dict(kept)


def _array(values: list) -> np.ndarray:
    return np.array(values, np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise ModelError(
        f"A fit whose data or method hold {type(value).__name__} values cannot be saved."
    )
