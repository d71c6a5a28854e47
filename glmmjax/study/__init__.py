"""Studies by simulation: draws from a model, the fits of all of them, and what they say of an
estimator or a design."""

from ._bootstrap import Bootstrap as Bootstrap
from ._bootstrap import bootstrap as bootstrap
from ._curve import generator as generator
from ._curve import power_curve as power_curve
from ._natural import natural_params as natural_params
from ._performance import SimulationStudy as SimulationStudy
from ._performance import check_share as check_share
from ._performance import performance as performance
from ._power import Criterion as Criterion
from ._power import Power as Power
from ._power import power as power
from ._quantity import estimates as estimates
from ._quantity import truth as truth
from ._refit import Draws as Draws
from ._refit import Refits as Refits
from ._refit import fit_draws as fit_draws
