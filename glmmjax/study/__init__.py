"""Studies by simulation: draws from a model, the fits of all of them, and what they say of an
estimator or a design."""

from ._bootstrap import Bootstrap, bootstrap, bootstrap_intervals
from ._compare import compare
from ._curve import generator, power_curve
from ._influence import influence
from ._likelihood_ratio import anova_by_refits
from ._natural import natural_params
from ._overdispersion import with_more_variance
from ._performance import SimulationStudy, performance
from ._power import Criterion, Power, power
from ._quantity import estimates, truth
from ._refit import Draws, Refits, fit_draws
