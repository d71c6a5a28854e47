"""The registry of families: their names and those of their classes.

It stands outside of `families` so that what only lists names, the command line and `import
glmmjax`, loads neither them nor JAX. A new family is a file, a line here, and its import in
`families`.
"""

FAMILY_NAMES = {
    "gaussian": "Gaussian",
    "bernoulli": "Bernoulli",
    "binomial": "Binomial",
    "betabinomial": "BetaBinomial",
    "poisson": "Poisson",
    "nbinom1": "NBinom1",
    "nbinom2": "NBinom2",
    "genpois": "GenPois",
    "compois": "CoMPoisson",
    "truncated_poisson": "TruncatedPoisson",
    "truncated_nbinom1": "TruncatedNBinom1",
    "truncated_nbinom2": "TruncatedNBinom2",
    "gamma": "Gamma",
    "inverse_gaussian": "InverseGaussian",
    "lognormal": "LogNormal",
    "tweedie": "Tweedie",
    "beta": "Beta",
    "ordbeta": "OrderedBeta",
    "student_t": "StudentT",
    "skew_normal": "SkewNormal",
    "cumulative": "Cumulative",
    "continuation_ratio": "ContinuationRatio",
    "adjacent_category": "AdjacentCategory",
    "censored_gaussian": "CensoredGaussian",
    "censored_lognormal": "CensoredLogNormal",
    "weibull": "Weibull",
    "quasipoisson": "QuasiPoisson",
    "quasibinomial": "QuasiBinomial",
}
