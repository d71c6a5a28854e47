"""Maximum likelihood: from a model and a method to a `Solution`."""

from ._bfgs import searching as searching
from ._bfgs import turn as turn
from ._diagnose import SINGULAR as SINGULAR
from ._estimate import begin as begin
from ._estimate import check as check
from ._estimate import effects_at as effects_at
from ._estimate import limit as limit
from ._estimate import objective as objective
from ._estimate import undecided as undecided
from ._fit import choose_method as choose_method
from ._fit import fit_model as fit_model
from ._fit import problem_of as problem_of
from ._fit import starting_values as starting_values
from ._integral import bounds_on_counts as bounds_on_counts
from ._outcome import Outcome as Outcome
from ._outcome import outcome_of as outcome_of
from ._parameters import as_finite_params as as_finite_params
from ._parameters import as_params as as_params
from ._problem import AbstractProblem as AbstractProblem
from ._problem import Data as Data
from ._problem import Effects as Effects
from ._problem import Estimate as Estimate
from ._problem import Progress as Progress
from ._problem import problem_data as problem_data
from ._solution import Solution as Solution
from ._solution import solution_of as solution_of
