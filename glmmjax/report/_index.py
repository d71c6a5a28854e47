"""Row labels and categories as plain values: every kind of pandas index that comes back from a file
as it was.

A whole index is a dictionary: `kind`, `name`, and what the kind needs. Dates, spans and periods are
the whole numbers that pandas keeps (missing ones too), several levels and categories are an index
each and their codes.
"""

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd

from .._errors import ModelError


def index_to_dict(index: pd.Index, whose: str) -> dict[str, Any]:
    """The index as plain values; `ModelError` about the labels of `whose` if it would not come back
    as it is."""
    try:
        kept = _to_dict(index)
        is_same = _is_same(index, index_from_dict(json.loads(json.dumps(kept))))
    except (
        TypeError,
        ValueError,
        KeyError,
    ):  # no plain values, or a type or zone that its own name does not give
        is_same = False
    if not is_same:
        raise ModelError(
            f"The labels of {whose} ({_describe(index)}) cannot be saved as they are: turn them"
            " into text, numbers or dates first, or reset the index."
        )
    return kept


def index_from_dict(kept: dict[str, Any]) -> pd.Index:
    """The index that `index_to_dict` was given."""
    if kept["kind"] == "several":
        levels = [index_from_dict(own) for own in kept["levels"]]
        return pd.MultiIndex(levels, kept["codes"], names=[own.name for own in levels])
    return _READERS[kept["kind"]](kept).rename(_label_from(kept["name"]))


def _to_dict(index: pd.Index) -> dict[str, Any]:
    if isinstance(index, pd.MultiIndex):
        index = index.remove_unused_levels()
        levels = [
            _to_dict(level.rename(name))
            for level, name in zip(index.levels, index.names, strict=True)
        ]
        return {"kind": "several", "levels": levels, "codes": [own.tolist() for own in index.codes]}
    return {"name": _label_to(index.name)} | _values_to_dict(index)


def _values_to_dict(index: pd.Index) -> dict[str, Any]:
    if isinstance(index, pd.RangeIndex):
        return {"kind": "range", "start": index.start, "stop": index.stop, "step": index.step}
    if isinstance(index, pd.DatetimeIndex):
        zone = None if index.tz is None else str(index.tz)
        numbers = {
            "unit": index.unit,
            "values": index.asi8.tolist(),
            "frequency": _frequency(index),
        }
        return {"kind": "dates", "zone": zone, **numbers}
    if isinstance(index, pd.TimedeltaIndex):
        numbers = {
            "unit": index.unit,
            "values": index.asi8.tolist(),
            "frequency": _frequency(index),
        }
        return {"kind": "spans", **numbers}
    if isinstance(index, pd.PeriodIndex):
        return {"kind": "periods", "frequency": index.freqstr, "values": index.asi8.tolist()}
    if isinstance(index, pd.IntervalIndex):
        ends = {"left": _to_dict(index.left), "right": _to_dict(index.right)}
        return {"kind": "intervals", "closed": index.closed, **ends}
    if isinstance(index, pd.CategoricalIndex):
        codes, ordered = index.codes.tolist(), bool(index.ordered)
        return {
            "kind": "categories",
            "categories": _to_dict(index.categories),
            "codes": codes,
            "ordered": ordered,
        }
    return {
        "kind": "values",
        "type": str(index.dtype),
        "values": [_label_to(label) for label in index.tolist()],
    }


def _frequency(index: pd.DatetimeIndex | pd.TimedeltaIndex) -> str | None:
    """The name of the frequency; None if there is none, or one that its name does not give."""
    try:
        return (
            index.freqstr if pd.tseries.frequencies.to_offset(index.freqstr) == index.freq else None
        )
    except ValueError:
        return None


def _dates(kept: dict[str, Any]) -> pd.Index:
    index = pd.DatetimeIndex(np.array(kept["values"], np.int64).view(f"M8[{kept['unit']}]"))
    index = index if kept["zone"] is None else index.tz_localize("UTC").tz_convert(kept["zone"])
    return pd.DatetimeIndex(index, freq=kept["frequency"])


def _spans(kept: dict[str, Any]) -> pd.Index:
    return pd.TimedeltaIndex(
        np.array(kept["values"], np.int64).view(f"m8[{kept['unit']}]"), freq=kept["frequency"]
    )


_READERS = {
    "range": lambda kept: pd.RangeIndex(kept["start"], kept["stop"], kept["step"]),
    "dates": _dates,
    "spans": _spans,
    "periods": lambda kept: pd.PeriodIndex.from_ordinals(kept["values"], freq=kept["frequency"]),
    "intervals": lambda kept: pd.IntervalIndex.from_arrays(
        index_from_dict(kept["left"]), index_from_dict(kept["right"]), kept["closed"]
    ),
    "categories": lambda kept: pd.CategoricalIndex(
        pd.Categorical.from_codes(
            kept["codes"], index_from_dict(kept["categories"]), kept["ordered"]
        )
    ),
    "values": lambda kept: pd.Index(
        [_label_from(label) for label in kept["values"]], dtype=kept["type"], tupleize_cols=False
    ),
}


def _label_to(label: Any) -> Any:
    """One label or name as JSON has it; what JSON lacks is a list of its kind and its text."""
    if isinstance(label, np.generic):
        label = label.item()
    if label is None or isinstance(label, str | bool | int):
        return label
    if isinstance(label, float):
        return label if np.isfinite(label) else ["number", str(label)]
    if label is pd.NA or label is pd.NaT:
        return ["missing", str(label)]
    if type(label) is datetime.date:
        return ["date", label.isoformat()]
    if isinstance(label, tuple):
        return ["several", [_label_to(own) for own in label]]
    raise TypeError(f"{type(label).__name__} is no label of a file.")


def _label_from(kept: Any) -> Any:
    if not isinstance(kept, list):
        return kept
    kind, text = kept
    if kind == "several":
        return tuple(_label_from(own) for own in text)
    if kind == "missing":
        return {"<NA>": pd.NA, "NaT": pd.NaT}[text]
    return float(text) if kind == "number" else datetime.date.fromisoformat(text)


def _is_same(one: pd.Index, other: pd.Index) -> bool:
    """Whether labels, their types and their names are the same."""
    if isinstance(one, pd.MultiIndex) or isinstance(other, pd.MultiIndex):
        both = (
            isinstance(one, pd.MultiIndex)
            and isinstance(other, pd.MultiIndex)
            and one.nlevels == other.nlevels
        )
        return both and all(
            _is_same(one.get_level_values(k), other.get_level_values(k)) for k in range(one.nlevels)
        )
    same = type(one) is type(other) and _type(one) == _type(other) and one.equals(other)
    return (
        same
        and type(one.name) is type(other.name)
        and one.name == other.name
        and _types(one) == _types(other)
    )


def _type(index: pd.Index) -> Any:
    """The type of the labels; of text its name, whatever holds it in memory."""
    return str(index.dtype) if isinstance(index.dtype, pd.StringDtype) else index.dtype


def _types(index: pd.Index) -> list[type]:
    """Of the labels where an index holds any; whole numbers of NumPy are whole numbers."""
    if index.dtype != object:
        return []
    return [type(label.item() if isinstance(label, np.generic) else label) for label in index]


def _describe(index: pd.Index) -> str:
    kinds = sorted({kind.__name__ for kind in _types(index)})
    named = "" if index.name is None else f", named {index.name!r}"
    return f"{type(index).__name__} of {', '.join(kinds) or index.dtype}{named}"
