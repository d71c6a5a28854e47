"""A fit as a dictionary and as a file.

The file is JSON: `format` and `version`, `result` (what `to_dict` gives: for people and other programs), and `state`
(what `load` needs): `formula`, `family`, `link`, `weights`, `offset`, `method`, the fitted rows of the table column by
column (`columns`: name, kind `bool | int | float | categorical`, values, categories), and the numbers of the
`Solution`. Numbers are written with all their digits; a number that is not finite is the string `NaN`, `Infinity` or
`-Infinity`. Loading builds the model again from its data, so a file survives changes of the package.
"""

import json
import os
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError
from .._status import End, Status
from ..families import FAMILIES, AbstractOrdinal, as_family, innermost
from ..fit import Solution, dropped_columns
from ..inference import aic, bic, coefficient_table, dispersion, varcorr, vcov
from ..marginal import AGHQ, Exact, Laplace, Method
from ..mixed import MixedModel, mixed_model
from ..model import places
from ..params import Params
from ._summary import group_sizes

FORMAT, VERSION = "glmmjax fit", 2


def to_dict(solution: Solution) -> dict[str, Any]:
    """Everything a report needs, as plain values that `json.dumps` takes; None for what is not finite (the degrees of
    freedom of a z test)."""
    model = solution.model
    return nulled(
        {
            "formula": model.design.formula.text,
            "ziformula": _formulas(model).get("zi"),
            "dispformula": _formulas(model).get("disp"),
            "family": innermost(model.family).name,
            "link": model.family.link.name,
            "method": solution.method.describe(),
            "status": solution.message,
            "converged": solution.status.ok,
            "scaled_gradient": solution.scaled_gradient,
            "loglik": solution.loglik,
            "aic": aic(solution),
            "bic": bic(solution),
            "df": solution.df,
            "nobs": model.nobs,
            "dropped_rows": model.design.dropped_rows,
            "dropped_columns": dropped_columns(model),
            "groups": group_sizes(model),
            "coefficients": _coefficients(solution, "mean"),
            "zi": _coefficients(solution, "zi"),
            "disp": _coefficients(solution, "disp"),
            "vcov": vcov(solution).to_numpy().tolist(),
            "varcorr": varcorr(solution).to_dict("records"),
            "dispersion": dispersion(solution),
        }
    )


def _formulas(model: MixedModel) -> dict[str, str]:
    """The formulas of the linear predictors by their names."""
    return {own.name: own.formula.text for own in model.design.predictors}


def _coefficients(solution: Solution, part: str) -> list[dict[str, Any]]:
    """The table of a linear predictor, empty if the model has none of that name."""
    if part not in _formulas(solution.model):
        return []
    table = coefficient_table(solution, part)
    return [{"term": name, **row} for name, row in table.to_dict("index").items()]


def save_solution(solution: Solution, path: str | os.PathLike) -> None:
    """Write the file that this module's text describes."""
    design, family = solution.model.design, innermost(solution.model.family)
    if FAMILIES.get(family.name) is not type(family):
        raise ModelError(f"Only fits of the package's own families can be saved, not of {type(family).__name__}.")
    state = {
        "formula": design.formula.text,
        "ziformula": _formulas(solution.model).get("zi"),
        "dispformula": _formulas(solution.model).get("disp"),
        "family": family.name,
        "link": family.link.name,
        "categories": [family.categories, family.labels] if isinstance(family, AbstractOrdinal) else None,
        "weights": design.weights_name,
        "offset": design.offset_name,
        "matrices": _matrices(solution),
        "method": _method_to_dict(solution.method),
        "columns": [_column_to_dict(column) for _, column in design.frame.items()],
        "index": _index_to_list(design.frame.index),
        "dropped_rows": design.dropped_rows,
        "beta": solution.params.beta.tolist(),
        "theta": [np.asarray(t).tolist() for t in solution.params.theta],
        "phi": solution.params.phi.tolist(),
        "loglik": solution.loglik,
        "vcov": solution.vcov.tolist(),
        "covariance": [own.tolist() for own in solution.covariance],
        "dispersion": list(solution.dispersion),
        "mode": [own.tolist() for own in solution.mode],
        "mode_cov": [own.tolist() for own in solution.mode_cov],
        "gradient": solution.gradient.tolist(),
        "scaled_gradient": solution.scaled_gradient,
        "evaluations": solution.evaluations,
        "status": solution.status.name,
        "ends": solution.ends.tolist(),
    }
    document = {"format": FORMAT, "version": VERSION, "result": to_dict(solution), "state": state}
    text = json.dumps(spell_out(document), allow_nan=False, default=_plain)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def load_solution(path: str | os.PathLike) -> Solution:
    """Read a file of `save_solution`; `ModelError` if it is none."""
    document = _read(path)
    state = document["state"]
    frame = pd.DataFrame({c["name"]: _column_from_dict(c) for c in state["columns"]})
    frame.index = pd.Index(state["index"])
    family = as_family(state["family"], state["link"])
    if isinstance(family, AbstractOrdinal) and state.get("categories"):
        categories, labels = state["categories"]
        family = family.with_categories(categories, None if labels is None else tuple(labels))
    given = {name: state.get(name) for name in ("ziformula", "dispformula", "weights", "offset")}
    known = {name: pd.DataFrame(**kept) for name, kept in state.get("matrices", {}).items()}
    model = mixed_model(state["formula"], frame, family=family, matrices=known, **given)
    model = model.with_dropped_rows(state["dropped_rows"])
    if document["version"] == 1:
        state = _from_version_1(state, model)
    return Solution(
        model=model,
        method=_method_from_dict(state["method"]),
        params=Params(_array(state["beta"]), tuple(_array(t) for t in state["theta"]), _array(state["phi"])),
        loglik=float(state["loglik"]),
        vcov=_array(state["vcov"]),
        covariance=tuple(_array(own) for own in state["covariance"]),
        dispersion=tuple(float(value) for value in state["dispersion"]),
        mode=tuple(_array(own) for own in state["mode"]),
        mode_cov=tuple(_array(own) for own in state["mode_cov"]),
        gradient=_array(state["gradient"]),
        scaled_gradient=float(state["scaled_gradient"]),
        evaluations=state["evaluations"],
        status=Status[state["status"]],
        ends=_ends(state, model),
    )


def _matrices(solution: Solution) -> dict[str, Any]:
    """The known matrices of `propto` with their labels; entries that no term uses are zero."""
    found: dict[str, pd.DataFrame] = {}
    for term in solution.model.design.random:
        if term.matrix is None:
            continue
        name, own = str(term.formula.matrix), pd.DataFrame(term.matrix, term.names, term.names)
        before = found.get(name, own)
        labels = before.index.union(own.index, sort=False)
        found[name] = before.reindex(labels, columns=labels).combine_first(own).loc[labels, labels].fillna(0.0)
        if not np.array_equal(found[name].loc[own.index, own.index], own):
            raise ModelError(f"The array {name} means two matrices, so it cannot be saved: give a labelled DataFrame.")
    return {
        name: {"data": kept.to_numpy().tolist(), "index": list(kept.index), "columns": list(kept.columns)}
        for name, kept in found.items()
    }


def _from_version_1(state: dict[str, Any], model: MixedModel) -> dict[str, Any]:
    """The state of a file of version 1, which had one grouping factor at most and one matrix for all its terms."""
    if not model.design.random:
        return state | {"covariance": [], "mode": [], "mode_cov": []}
    whole, parts = _array(state["covariance"]), [place.columns for place in places(model.glmm)]
    covariance = [whole[own, own].tolist() for own in parts]
    return state | {"covariance": covariance, "mode": [state["mode"]], "mode_cov": [state["mode_cov"]]}


def _ends(state: dict[str, Any], model: MixedModel) -> np.ndarray:
    """Where the parameters went, which files did not keep at first."""
    p, theta, m = model.glmm.sizes
    return np.array(state.get("ends", [End.INSIDE] * (p + len(theta) + m)), np.int8)


def spell_out(value: Any) -> Any:
    """`value` with numbers that JSON cannot write as their names."""
    if isinstance(value, dict):
        return {key: spell_out(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spell_out(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def nulled(value: Any) -> Any:
    """`value` with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: nulled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [nulled(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _read(path: str | os.PathLike) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{os.fspath(path)} is not a saved fit: it is not JSON.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT or not {"version", "state"} <= set(document):
        raise ModelError(f"{os.fspath(path)} is not a saved fit.")
    if document["version"] > VERSION:
        raise ModelError(f"{os.fspath(path)} was written by a newer glmmjax (file version {document['version']}).")
    return document


def _method_to_dict(method: Method) -> dict[str, Any]:
    if isinstance(method, Exact):
        return {"name": "exact", "reml": method.reml}
    if isinstance(method, AGHQ):
        return {"name": "aghq", "points": method.points}
    assert isinstance(method, Laplace)
    return {"name": "laplace", "curvature": method.curvature}


def _method_from_dict(given: dict[str, Any]) -> Method:
    kinds = {"exact": Exact, "aghq": AGHQ, "laplace": Laplace}
    return kinds[given["name"]](**{key: value for key, value in given.items() if key != "name"})


def _column_to_dict(column: pd.Series) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": str(column.name)}
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories.tolist()
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
        return pd.Categorical.from_codes(entry["values"], categories=entry["categories"], ordered=entry["ordered"])
    return np.array(entry["values"], {"bool": bool, "int": np.int64, "float": np.float64}[entry["kind"]])


def _index_to_list(index: pd.Index) -> list:
    labels = index.tolist()
    return [label if isinstance(label, str | int) else str(label) for label in labels]


def _array(values: list) -> np.ndarray:
    return np.array(values, np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise ModelError(f"A fit whose data hold {type(value).__name__} values cannot be saved.")
