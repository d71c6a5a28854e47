"""Maximum likelihood: from models and a method to `Fits`."""

from ._bfgs import searching, turn
from ._ends import SINGULAR
from ._estimate import Progress, begin, check, limit, minimum, undecided, value_and_gradient
from ._fit import fit_model, starting_values, usual_start
from ._fits import Fits, Modes, Solution
from ._maxima import Ended, best_maximum
from ._members import FIT, AbstractMembers, MemberArrays, OneModel
from ._message import dropped_columns
from ._outcome import Outcome, blank, diagnosed, outcome_of
from ._parameters import as_finite_params, as_params
