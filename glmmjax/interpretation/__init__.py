"""What estimates mean: population-averaged effects, shares of variance, partial pooling."""

from ._marginal import marginal_coefficients
from ._pooling import partial_pooling
from ._variances import icc, median_odds_ratio, r2, shares_of_variance
