"""Data: a formula and a table to arrays. Formulaic, pandas and narwhals are met here and nowhere
later."""

from ._build import build_design
from ._fixed_terms import FixedTerm as FixedTerm
from ._fixed_terms import fixed_terms as fixed_terms
from ._grid import reference_grid as reference_grid
from ._labels import by_label
from ._newrows import NewRows, new_rows, rows_beyond
from ._other_rows import with_rows
from ._parts import Design, FixedPart, Predictor, RandomPart
from ._predictor import largest_term
from ._rank import independent_columns
from ._replace import formula_offset, replace_response
from ._response import category_labels, success_label
from ._rules import CENSORED, Faults, invalid_responses, is_constant, is_one_sided
from ._smooth import Smooth as Smooth
from ._split import is_identified, split_design
from ._subset import subset_rows
