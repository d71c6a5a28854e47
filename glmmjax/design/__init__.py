"""Data: a formula and a table to arrays. Formulaic, pandas and narwhals are met here and nowhere later."""

from ._build import build_design
from ._newrows import NewRows, new_rows
from ._parts import Design, FixedPart, RandomPart

__all__ = ["Design", "FixedPart", "NewRows", "RandomPart", "build_design", "new_rows"]
