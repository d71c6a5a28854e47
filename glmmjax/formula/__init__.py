"""Formulas: text in lme4's notation to named parts. Nothing here sees data."""

from ._grammar import in_braces
from ._parse import parse_formula
from ._random_term import added_variables
from ._terms import ParsedFormula, RandomFormula, SmoothFormula
from ._tokens import WORDS, identifiers
