"""What each family says of a response, in symbols and in words."""

from typing import NamedTuple

from ..families import AbstractFamily, AbstractOrdinal


class Law(NamedTuple):
    """A distribution given the random effects.

    Attributes:
        symbol: its name in the equation; of ordered categories what the thresholds are compared
            with.
        arguments: what stands in its brackets before the family's own parameters: `mu`, `eta`, `n`
            (trials); `sigma^2` takes the place of the parameter `sigma`.
        words: what is assumed.
        left: what has the distribution.
    """

    symbol: str
    arguments: tuple[str, ...]
    words: str
    left: str = "y"


_NORMAL = ("eta", "sigma^2")
_CENSORED = " Of a censored response it is only known that it lies above, below or between limits."

LAWS: dict[str, Law] = {
    "gaussian": Law(
        "N", ("mu", "sigma^2"), "Normal around their mean μ, with residual standard deviation σ."
    ),
    "bernoulli": Law(
        "Bernoulli", ("mu",), "Successes or failures, with probability μ of a success."
    ),
    "binomial": Law(
        "Binomial",
        ("n", "mu"),
        "Numbers of successes among n independent trials, each of probability μ.",
    ),
    "betabinomial": Law(
        "BetaBinomial",
        ("n", "mu"),
        "Numbers of successes among n trials whose common probability has a beta"
        " distribution of mean μ and precision φ, so that they vary more than binomial ones.",
    ),
    "poisson": Law("Poisson", ("mu",), "Counts whose variance is their mean μ."),
    "nbinom1": Law(
        "NegBinom", ("mu",), "Counts of variance μ (1 + α), proportional to the mean μ."
    ),
    "nbinom2": Law(
        "NegBinom", ("mu",), "Counts of variance μ + μ²/φ, which grows faster than the mean μ."
    ),
    "genpois": Law("GenPoisson", ("mu",), "Counts of variance φμ, with φ of one or larger."),
    "compois": Law(
        "CMPoisson",
        ("mu",),
        "Counts of mean μ and variance of about φμ, which may be smaller or larger than the mean.",
    ),
    "truncated_poisson": Law(
        "Poisson₊", ("mu",), "Poisson counts that cannot be zero; μ is the mean with zeros."
    ),
    "truncated_nbinom1": Law(
        "NegBinom₊",
        ("mu",),
        "Negative binomial counts (variance μ (1 + α)) that cannot be zero; μ is the"
        " mean with zeros.",
    ),
    "truncated_nbinom2": Law(
        "NegBinom₊",
        ("mu",),
        "Negative binomial counts (variance μ + μ²/φ) that cannot be zero; μ is the"
        " mean with zeros.",
    ),
    "gamma": Law("Gamma", ("mu",), "Positive numbers with mean μ and coefficient of variation σ."),
    "inverse_gaussian": Law(
        "InvGaussian", ("mu",), "Positive numbers with mean μ and variance σ²μ³."
    ),
    "lognormal": Law(
        "N",
        _NORMAL,
        "Positive numbers whose logarithms are normal around the linear predictor, with standard"
        " deviation σ.",
        "log y",
    ),
    "tweedie": Law(
        "Tweedie",
        ("mu",),
        "Zero or positive numbers (a Poisson number of gamma variables), with variance φ"
        " times a power of the mean μ.",
    ),
    "beta": Law(
        "Beta", ("mu",), "Shares between 0 and 1, with mean μ and variance μ (1 − μ)/(1 + φ)."
    ),
    "ordbeta": Law(
        "OrderedBeta",
        ("mu",),
        "Shares between 0 and 1, ends included: one ordered process decides whether a"
        " response is at an end, and in between it has a beta distribution of mean μ.",
    ),
    "student_t": Law(
        "t",
        ("mu",),
        "A t distribution around μ, with heavier tails than normal ones, so that"
        " outliers count less.",
    ),
    "skew_normal": Law(
        "SkewNormal",
        ("mu",),
        "Numbers of mean μ, standard deviation σ and a skewed distribution of shape α.",
    ),
    "censored_gaussian": Law(
        "N",
        _NORMAL,
        "Normal around the linear predictor, with standard deviation σ." + _CENSORED,
        "y*",
    ),
    "censored_lognormal": Law(
        "N",
        _NORMAL,
        "Positive numbers whose logarithms are normal around the linear predictor, with standard"
        " deviation σ." + _CENSORED,
        "log y*",
    ),
    "weibull": Law(
        "Weibull",
        ("exp eta",),
        "Times of a Weibull distribution whose scale is the exponential of the linear"
        " predictor, so that the exponential of a coefficient multiplies times." + _CENSORED,
        "y*",
    ),
    "cumulative": Law(
        "≤",
        (),
        "Ordered categories, split by thresholds t on one scale that the covariates"
        " shift: the same shift at every threshold.",
    ),
    "continuation_ratio": Law(
        "stop",
        (),
        "Stages that are passed one after the other; the covariates shift each step"
        " alike, and a larger predictor means later stages.",
    ),
    "adjacent_category": Law(
        "adjacent",
        (),
        "Ordered categories; the covariates shift the log odds of each category"
        " against the one below it alike.",
    ),
    "quasipoisson": Law(
        "",
        ("mu",),
        "No distribution is assumed: only that the responses have mean μ and variance proportional"
        " to it.",
    ),
    "quasibinomial": Law(
        "",
        ("mu",),
        "No distribution is assumed: only that the proportions have mean μ and a variance"
        " proportional to the binomial one.",
    ),
}
"""By the name of the family."""


def law_of(family: AbstractFamily) -> Law:
    """That of a family; of one that is not in the table its name and its mean."""
    own = Law(family.name, ("mu",), f"A distribution called {family.name}, of mean μ.")
    return LAWS.get(family.name, own)


def own_parameters(family: AbstractFamily) -> tuple[str, ...]:
    """Names of the parameters that stand in the brackets; thresholds do not."""
    return () if isinstance(family, AbstractOrdinal) else family.dispersion_names
