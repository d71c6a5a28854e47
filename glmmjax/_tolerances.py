"""What counts as not identified: one table, from the columns of a design to the end of a fit."""

DEPENDENT = 1e-7
"""What the columns before it leave of a column, relative to its norm, as in R's lm and lme4."""

INDISTINCT = 1e-8
"""Smallest singular value of the derivatives of covariances by their parameters, scaled to length
one."""

FLAT = 1e-9
"""Eigenvalue of an information scaled to a unit diagonal."""

UNKNOWN = 1e5
"""Standard error of a parameter of a random term."""
