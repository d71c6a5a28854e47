"""What fits say of themselves: effective degrees of freedom, residuals, influence, dispersion."""

from ._conditional_aic import caic
from ._dispersion import overdispersion
from ._effective import effective_df
