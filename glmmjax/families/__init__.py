"""Response distributions and links. `FAMILIES` is the registry that the tests walk over."""

from .._errors import ModelError
from .._family_names import FAMILY_NAMES
from ._adjacent import AdjacentCategory as AdjacentCategory
from ._beta import Beta as Beta
from ._betabinomial import BetaBinomial as BetaBinomial
from ._binomial import Bernoulli as Bernoulli
from ._binomial import Binomial as Binomial
from ._censored import AbstractCensored as AbstractCensored
from ._censored import CensoredGaussian as CensoredGaussian
from ._censored import CensoredLogNormal as CensoredLogNormal
from ._censored import Weibull as Weibull
from ._compois import CoMPoisson as CoMPoisson
from ._composite import AbstractComposite as AbstractComposite
from ._composite import conditional_mean as conditional_mean
from ._composite import innermost as innermost
from ._composite import predictor_names as predictor_names
from ._composite import with_innermost as with_innermost
from ._continuation import ContinuationRatio as ContinuationRatio
from ._cumulative import Cumulative as Cumulative
from ._custom import CustomFamily as CustomFamily
from ._dispersed import Dispersed as Dispersed
from ._distribution import Sides as Sides
from ._distribution import has_distribution as has_distribution
from ._distribution import sides as sides
from ._family import AbstractFamily as AbstractFamily
from ._family import AbstractMeanFamily as AbstractMeanFamily
from ._family import Traits as Traits
from ._family import log_prob as log_prob
from ._gamma import Gamma as Gamma
from ._gaussian import Gaussian as Gaussian
from ._genpois import GenPois as GenPois
from ._inverse_gaussian import InverseGaussian as InverseGaussian
from ._link import LINKS as LINKS
from ._link import AbstractLink as AbstractLink
from ._link import on_branch as on_branch
from ._link import slope as slope
from ._lognormal import LogNormal as LogNormal
from ._nbinom import NBinom2 as NBinom2
from ._nbinom1 import NBinom1 as NBinom1
from ._ordbeta import OrderedBeta as OrderedBeta
from ._ordinal import AbstractOrdinal as AbstractOrdinal
from ._parameter import AbstractParameter as AbstractParameter
from ._poisson import Poisson as Poisson
from ._quasi import AbstractQuasi as AbstractQuasi
from ._quasi import QuasiBinomial as QuasiBinomial
from ._quasi import QuasiPoisson as QuasiPoisson
from ._quasi import reported_names as reported_names
from ._skew_normal import SkewNormal as SkewNormal
from ._student import StudentT as StudentT
from ._truncated import TruncatedNBinom1 as TruncatedNBinom1
from ._truncated import TruncatedNBinom2 as TruncatedNBinom2
from ._truncated import TruncatedPoisson as TruncatedPoisson
from ._tweedie import Tweedie as Tweedie
from ._zero_inflated import ZeroInflated as ZeroInflated
from ._zero_inflated import is_hurdle as is_hurdle

FAMILIES: dict[str, type[AbstractFamily]] = {
    name: globals()[kind] for name, kind in FAMILY_NAMES.items()
}
"""The registry; a family of a program's own that is added is known by its name from then on."""


def as_family(family: str | AbstractFamily, link: str | None = None) -> AbstractFamily:
    """The family called `family` (case does not matter) with `link` or its usual one, or `family`
    itself."""
    if isinstance(family, AbstractFamily) and link is None:
        return family
    if isinstance(family, AbstractFamily):
        raise ModelError(
            f"link goes with the name of a family: write gj.{type(family).__name__}(link={link!r})"
            " instead."
        )
    if not isinstance(family, str):
        raise ModelError(f"family must be a name or a family such as gj.Poisson(), not {family!r}.")
    if family.lower() not in FAMILIES:
        raise ModelError(f"There is no family {family!r}; choose one of {', '.join(FAMILIES)}.")
    kind = FAMILIES[family.lower()]
    return kind() if link is None else kind(link)  # pyright: ignore[reportCallIssue]
