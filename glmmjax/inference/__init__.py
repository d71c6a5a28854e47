"""Statistics of `Fits`, members first: coefficients, variance components, random effects,
intervals. Each is written once, for one fit and for a batch."""

from ._alone import alone, only_row
from ._cells import slopes_by_cells
from ._coefficients import (
    aic,
    all_coefficients,
    bic,
    block,
    coefficient_table,
    fixef,
    names_of,
    other_coefficients,
    part_names,
    std_errors,
    vcov,
)
from ._curves import profile
from ._each import row_each, solutions, table_each
from ._hypotheses import anova, check_type, contrast, of_type, terms_of
from ._intervals import confint
from ._means import Means, means
from ._quantities import Quantity, chosen, names_in, natural, quantities
from ._random import (
    dispersion,
    effects_of_terms,
    numbers_of,
    ranef,
    term_name,
    varcorr,
    varcorr_columns,
)
from ._sandwich import group_scores, informations, sandwich
from ._surface import Surface, surfaces
from ._tidy import benjamini_hochberg, counts, failures, tidy, with_adjusted
