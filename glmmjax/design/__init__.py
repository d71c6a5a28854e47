"""Data: a formula and a table to arrays. Formulaic, pandas and narwhals are met here and nowhere later."""

from ._build import build_design
from ._newrows import NewRows, new_rows
from ._parts import Design, FixedPart, Predictor, RandomPart
from ._replace import formula_offset, replace_response
from ._response import category_labels
from ._rules import CENSORED, Faults, invalid_responses, is_constant, is_one_sided
from ._split import is_identified, split_design
from ._subset import subset_rows

__all__ = [
    "CENSORED",
    "Design",
    "Faults",
    "FixedPart",
    "NewRows",
    "Predictor",
    "RandomPart",
    "build_design",
    "category_labels",
    "formula_offset",
    "invalid_responses",
    "is_constant",
    "is_identified",
    "is_one_sided",
    "new_rows",
    "replace_response",
    "split_design",
    "subset_rows",
]
