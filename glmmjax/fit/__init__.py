"""Maximum likelihood: from a model and a method to a `Solution`."""

from ._diagnose import SINGULAR as SINGULAR
from ._fit import check_params as check_params
from ._fit import choose_method as choose_method
from ._fit import fit_model as fit_model
from ._fit import starting_values as starting_values
from ._solution import Solution as Solution
