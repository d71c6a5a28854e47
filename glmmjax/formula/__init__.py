"""Formulas: text in lme4's notation to named parts. Nothing here sees data."""

from glmmjax.formula.parse import parse_formula
from glmmjax.formula.terms import ParsedFormula, RandomFormula

__all__ = ["ParsedFormula", "RandomFormula", "parse_formula"]
