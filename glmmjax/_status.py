"""How a fit ended: one enumeration, each value with a sentence that says what to do."""

import enum

import numpy as np


class Status(enum.Enum):
    """Outcome of a fit. `ok` outcomes are valid maximum-likelihood fits."""

    CONVERGED = "Converged."
    SINGULAR = (
        "Converged at a singular fit: a variance is zero or a correlation is at plus or minus one,"
        " so the data support a simpler random part; the estimates are valid."
    )
    LIMIT = (
        "Converged at the limit of the family: a dispersion parameter or threshold went to where it"
        " changes nothing, or the extra zeros of ziformula, or the residuals beside random effects,"
        " vanished, so the data support the simpler model (Poisson for nbinom1, nbinom2 and"
        " genpois, binomial for betabinomial, gaussian for student_t and skew_normal, no ziformula,"
        " fewer categories); the other estimates are valid."
    )
    SEPARATION = (
        "Separation suspected: some linear predictors run off to infinity because a covariate"
        " predicts the response perfectly (or a level needs no extra zeros, or no dispersion); drop"
        " or merge the coefficients with huge standard errors, or put a prior on them. The"
        " log-likelihood is the one that is approached."
    )
    NOT_IDENTIFIED = (
        "Not identified: the log-likelihood is not curved downwards in every direction, so some"
        " parameters cannot be told apart; simplify the random part or check for redundant terms."
    )
    PERFECT = (
        "Perfect fit: the model reproduces responses exactly, so their dispersion goes to zero and"
        " the likelihood has no maximum; check whether the response is a function of a covariate,"
        " or the same throughout a level."
    )
    LATTICE = (
        "No maximum: the positive responses are whole numbers (or multiples of one number), and as"
        " the power of the Tweedie distribution goes to 1 it has these values only, with a density"
        " that has no bound; use a family of counts, such as nbinom2."
    )
    ITERATION_LIMIT = (
        "Iteration limit reached before the gradient was small: rescale the covariates, simplify"
        " the model, or start from other parameters."
    )
    NON_FINITE = (
        "The search broke off where the log-likelihood or its derivatives are not finite: the link"
        " cannot represent these data (use one that keeps the mean in range, such as log), a"
        " covariate is very badly scaled, or the start is far from the maximum."
    )

    NOT_RUN = (
        "Not fitted: the run was stopped before this member's turn; the same call with the same"
        " checkpoint folder goes on from there."
    )
    CONSTANT = (
        "Not fitted: the response has the same value in every row (successes: none or all; censored"
        " values: all on one side), to which the model comes as near as it likes, so the likelihood"
        " has no maximum; leave this member out."
    )
    INVALID = (
        "Not fitted: the response has missing, infinite or impossible values for this family"
        " (categories are numbered from 1 to the number that the model has); mend them, or leave"
        " this member out."
    )

    @property
    def ok(self) -> bool:
        """Whether the estimates are a maximum of the likelihood."""
        return self in (Status.CONVERGED, Status.SINGULAR, Status.LIMIT)


STATUSES = tuple(Status)
"""The order in which batches number them."""

OK = np.array([status.ok for status in STATUSES])
"""Whether each of them is a maximum of the likelihood."""


class End(enum.IntEnum):
    """Where a parameter, or the covariance of a random term, ended."""

    INSIDE = 0
    SINGULAR = 1
    """The covariance of a term has a variance of zero or a correlation at plus or minus one."""
    LIMIT = 2
    """Where it changes nothing any more: the limit of a family, or no extra zeros."""
    INFINITE = 3
    """It runs off, and the likelihood approaches its supremum."""
    UNBOUNDED = 4
    """It takes the density of some responses beyond all bounds."""
    LATTICE = 5
    """The same, where the distribution comes to have the values of a lattice only."""
    FLAT = 6
    """The likelihood is the same along a line on which it moves."""
