"""What fits say of themselves: effective degrees of freedom, residuals, influence, dispersion."""

from ._dispersion import DISPERSIBLE, is_dispersible, overdispersion, pearson
from ._effective import caic, effective_df
from ._leverage import leverage
from ._linearised import why_not_linearised
from ._zeros import zero_inflation
