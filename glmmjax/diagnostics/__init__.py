"""What fits say of themselves: effective degrees of freedom, residuals, influence, dispersion."""

from ._conditional_aic import caic
from ._diagnose import CHECKS, Diagnosis, diagnose
from ._dispersion import DISPERSIBLE, overdispersion, pearson
from ._effective import effective_df
from ._finding import Check, Finding
from ._influence import change_by_derivatives, table_of_changes, who_is_left_out
from ._leverage import leverage
from ._linearised import why_not_linearised
from ._residual_tests import residual_tests
from ._residuals import residuals_each
from ._zeros import zero_inflation
