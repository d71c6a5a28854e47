"""Generalised linear mixed models on JAX: differentiable, batched, on CPU and GPU.

`gj.glmm` describes a model, its method `fit` gives a `gj.Fit`, and `gj.fit_many` and `gj.fit_by`
fit many. Their `help` says what README.md has no room for; `examples/` has guides that run.

The model is `g(E[y | u]) = eta = X beta + offset + Z u` with `u = lam b`, `b ~ N(0, I)`. One
notation holds in the whole package, its error messages and its files:

    name       shape                 meaning
    ---------  --------------------  -----------------------------------------------------------
    beta       (p,)                  fixed effects; of several linear predictors (the mean,
                                     `disp`, `zi`) one after the other
    theta      (size,) of each term  unconstrained parameters of a term's relative covariance
                                     factor; `help(gj.Params)` says which
    phi        (m,)                  the family's own parameters (dispersion, shape, thresholds),
                                     unconstrained
    lam        (q, rank) of a term   lower-triangular covariance factor, `u = lam b`: the relative
                                     one of theta, times sigma for gaussian without `dispformula`;
                                     rank is q but for `rr`. Of a grouping factor (q, rank, 1), or
                                     (q, rank, levels) where levels differ
    b          (rank, levels)        spherical random effects of a grouping factor
    u          (q, levels)           its random effects on their own scale
    X, Z       (n, p), (n, q)        columns of the fixed effects and of those of a term
    eta        (n,) or (k, n)        linear predictor, or k of them
    mu         (n,)                  conditional mean, `mu = g^-1(eta)`
    w          (n,) or (k, k, n)     curvature `-d2 log f / d eta2`: observed, or expected by name
    H          pattern of Z'WZ       `I + lam' Z'WZ lam`, the curvature by `b`

Levels and rows are last axes, so that what is done to each is one elementwise operation. Compiled
functions hold the n rows as cells (blocks, width), the rows of a level together, with weights of
zero in the padding. Arrays of a batch have a leading axis of members. `b` is spherical everywhere,
so a variance of zero is an ordinary point (the block of H is I) and not a failure.

Fits compute in float64 and leave JAX's configuration alone; `gj.float64()` is the same for your own
code. Compiled programs are kept for the next process in `~/.cache/glmmjax`, or where the
environment variable `GLMMJAX_CACHE` says (`off`: nowhere); `gj.enable_compilation_cache()` lets JAX
keep those of your own code too.

The table below is the public interface. Names are loaded when they are first used, so that `import
glmmjax` costs nothing and the formula machinery (a second of imports) is only paid for by who
writes a formula.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._family_names import FAMILY_NAMES as _FAMILY_NAMES
from ._garbage import uncollected as _uncollected

if TYPE_CHECKING:
    from . import datasets as datasets
    from . import families as families
    from . import plot as plot
    from . import priors as priors
    from ._errors import Interrupted as Interrupted
    from ._errors import ModelError as ModelError
    from ._precision import enable_compilation_cache as enable_compilation_cache
    from ._precision import float64 as float64
    from ._status import Status as Status
    from .api import Batch as Batch
    from .api import Fit as Fit
    from .api import Model as Model
    from .api import Posterior as Posterior
    from .api import Posteriors as Posteriors
    from .api import compare as compare
    from .api import fit_by as fit_by
    from .api import fit_many as fit_many
    from .api import glmm as glmm
    from .api import load as load
    from .api import overdispersion as overdispersion
    from .api import power as power
    from .api import power_curve as power_curve
    from .api import sample_many as sample_many
    from .api import simulation_study as simulation_study
    from .covariances import AbstractCorrelation as AbstractCorrelation
    from .covariances import register_covariance as register_covariance
    from .families import AdjacentCategory as AdjacentCategory
    from .families import Bernoulli as Bernoulli
    from .families import Beta as Beta
    from .families import BetaBinomial as BetaBinomial
    from .families import Binomial as Binomial
    from .families import CensoredGaussian as CensoredGaussian
    from .families import CensoredLogNormal as CensoredLogNormal
    from .families import CoMPoisson as CoMPoisson
    from .families import ContinuationRatio as ContinuationRatio
    from .families import Cumulative as Cumulative
    from .families import CustomFamily as CustomFamily
    from .families import Gamma as Gamma
    from .families import Gaussian as Gaussian
    from .families import GenPois as GenPois
    from .families import InverseGaussian as InverseGaussian
    from .families import LogNormal as LogNormal
    from .families import NBinom1 as NBinom1
    from .families import NBinom2 as NBinom2
    from .families import OrderedBeta as OrderedBeta
    from .families import Poisson as Poisson
    from .families import QuasiBinomial as QuasiBinomial
    from .families import QuasiPoisson as QuasiPoisson
    from .families import SkewNormal as SkewNormal
    from .families import StudentT as StudentT
    from .families import TruncatedNBinom1 as TruncatedNBinom1
    from .families import TruncatedNBinom2 as TruncatedNBinom2
    from .families import TruncatedPoisson as TruncatedPoisson
    from .families import Tweedie as Tweedie
    from .families import Weibull as Weibull
    from .methods import AGHQ as AGHQ
    from .methods import METHODS as METHODS
    from .methods import AbstractMethod as AbstractMethod
    from .methods import Exact as Exact
    from .methods import Laplace as Laplace
    from .methods import RestrictedLaplace as RestrictedLaplace
    from .methods import log_marginal as log_marginal
    from .model import Params as Params
    from .priors import LKJ as LKJ
    from .priors import Firth as Firth
    from .priors import HalfNormal as HalfNormal
    from .priors import Normal as Normal
    from .priors import Priors as Priors
    from .study import Bootstrap as Bootstrap
    from .study import Power as Power
    from .study import SimulationStudy as SimulationStudy

__version__ = "0.1.0"

_PUBLIC = {
    "api": (
        *("glmm", "fit_many", "fit_by", "sample_many", "load"),
        *("Model", "Fit", "Batch", "Posterior", "Posteriors"),
        *("compare", "overdispersion", "simulation_study", "power", "power_curve"),
    ),
    "study": ("Bootstrap", "SimulationStudy", "Power"),
    "covariances": ("AbstractCorrelation", "register_covariance"),
    "families": (*_FAMILY_NAMES.values(), "CustomFamily"),
    "methods": (
        *("Laplace", "AGHQ", "Exact", "RestrictedLaplace"),
        *("AbstractMethod", "METHODS", "log_marginal"),
    ),
    "model": ("Params",),
    "priors": ("Priors", "Normal", "HalfNormal", "LKJ", "Firth"),
    "_status": ("Status",),
    "_errors": ("ModelError", "Interrupted"),
    "_precision": ("float64", "enable_compilation_cache"),
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names}
_MODULES = ("datasets", "families", "plot", "priors")
__all__ = ["__version__", *_MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _MODULES and name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _uncollected():
        module = importlib.import_module(f".{_HOME.get(name, name)}", __name__)
    return module if name in _MODULES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
