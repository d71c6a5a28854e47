"""The distributions that priors are made of: what a person writes, and their densities."""

import abc
import dataclasses
import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln, gammaln, xlog1py, xlogy
from jaxtyping import Float

from .._errors import ModelError
from .._numbers import as_float64
from .._types import Array

Values = Float[Array, "..."] | float

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
MOST = 3
"""Numbers that a distribution has at most."""
INSIDE = 0.5
"""Is within the bounds of every distribution."""


@dataclasses.dataclass(frozen=True)
class AbstractDistribution(abc.ABC):
    """A distribution of one number. Its fields are finite numbers; those in `positive` are
    positive."""

    positive: ClassVar[tuple[str, ...]] = ()
    domain: ClassVar[str] = "positive"
    """`real`, `positive` or `bounded`: the numbers that it is a distribution of."""
    bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)
    """The density is zero outside."""
    is_zero_at_low: ClassVar[bool] = False
    """Whether it is zero at the lower bound, whatever the fields."""
    corner: ClassVar[float] = -math.inf
    """The largest first number with which its density, as that of a number and its mirror image,
    has a corner."""

    def __post_init__(self):
        kind = type(self).__name__
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            value = as_float64(f"{field.name} of {kind}", given)
            if value.ndim or not np.isfinite(value):
                raise ModelError(f"{field.name} of {kind} must be a finite number, not {given!r}.")
            if field.name in self.positive and value <= 0:
                raise ModelError(f"{field.name} of {kind} must be positive, not {given!r}.")
            object.__setattr__(self, field.name, float(value))

    @classmethod
    def count(cls) -> int:
        """Number of fields."""
        return len(dataclasses.fields(cls))

    @staticmethod
    @abc.abstractmethod
    def log_density(x: Values, a: Values, b: Values, c: Values) -> Values:
        """Log density at `x` within the bounds."""

    @classmethod
    def log_prob(cls, x: Values, a: Values, b: Values, c: Values) -> Values:
        """Log density at `x` of the distribution whose fields are the first of `a`, `b`, `c`."""
        low, high = cls.bounds
        if low == -math.inf:
            return cls.log_density(x, a, b, c)
        is_inside = ((x > low) if cls.is_zero_at_low else (x >= low)) & (x <= high)
        density = cls.log_density(jnp.where(is_inside, x, INSIDE), a, b, c)
        return jnp.where(is_inside, density, -jnp.inf)

    def __str__(self) -> str:
        own = ", ".join(f"{value:.4g}" for value in dataclasses.astuple(self))
        return f"{type(self).__name__}({own})"


@dataclasses.dataclass(frozen=True)
class Flat(AbstractDistribution):
    """No preference: a constant density, which is improper."""

    domain: ClassVar[str] = "real"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @staticmethod
    def log_density(x, a, b, c):
        return jnp.zeros_like(x)


@dataclasses.dataclass(frozen=True)
class Normal(AbstractDistribution):
    """The normal distribution."""

    loc: float = 0.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("scale",)
    domain: ClassVar[str] = "real"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @staticmethod
    def log_density(x, a, b, c):
        return -0.5 * ((x - a) / b) ** 2 - jnp.log(b) - _HALF_LOG_TWO_PI


@dataclasses.dataclass(frozen=True)
class StudentT(AbstractDistribution):
    """Student's t distribution, moved and stretched."""

    df: float = 3.0
    loc: float = 0.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("df", "scale")
    domain: ClassVar[str] = "real"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @staticmethod
    def log_density(x, a, b, c):
        constant = gammaln((a + 1) / 2) - gammaln(a / 2) - 0.5 * jnp.log(a * math.pi) - jnp.log(c)
        return constant - 0.5 * (a + 1) * jnp.log1p(((x - b) / c) ** 2 / a)


@dataclasses.dataclass(frozen=True)
class Cauchy(AbstractDistribution):
    """The Cauchy distribution."""

    loc: float = 0.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("scale",)
    domain: ClassVar[str] = "real"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @staticmethod
    def log_density(x, a, b, c):
        return -jnp.log(math.pi * b) - jnp.log1p(((x - a) / b) ** 2)


@dataclasses.dataclass(frozen=True)
class DoubleExponential(AbstractDistribution):
    """The double exponential distribution (Laplace's), the lasso's penalty: for posteriors only."""

    loc: float = 0.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("scale",)
    domain: ClassVar[str] = "real"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    corner: ClassVar[float] = math.inf

    @staticmethod
    def log_density(x, a, b, c):
        return -jnp.abs(x - a) / b - jnp.log(2 * b)


@dataclasses.dataclass(frozen=True)
class HalfNormal(AbstractDistribution):
    """The size of a normal number of mean zero."""

    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("scale",)

    @staticmethod
    def log_density(x, a, b, c):
        return math.log(2) + Normal.log_density(x, 0.0, a, c)


@dataclasses.dataclass(frozen=True)
class HalfStudentT(AbstractDistribution):
    """The size of a t-distributed number of centre zero."""

    df: float = 3.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("df", "scale")

    @staticmethod
    def log_density(x, a, b, c):
        return math.log(2) + StudentT.log_density(x, a, 0.0, b)


@dataclasses.dataclass(frozen=True)
class HalfCauchy(AbstractDistribution):
    """The size of a Cauchy number of centre zero."""

    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("scale",)

    @staticmethod
    def log_density(x, a, b, c):
        return math.log(2) + Cauchy.log_density(x, 0.0, a, c)


@dataclasses.dataclass(frozen=True)
class Exponential(AbstractDistribution):
    """The exponential distribution."""

    rate: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("rate",)
    corner: ClassVar[float] = math.inf

    @staticmethod
    def log_density(x, a, b, c):
        return jnp.log(a) - a * x


@dataclasses.dataclass(frozen=True)
class Gamma(AbstractDistribution):
    """The gamma distribution. With shape 2 and a small rate a standard deviation stays away from
    zero, and hardly anything else changes (Chung, Rabe-Hesketh, Dorie, Gelman and Liu 2013,
    Psychometrika 78)."""

    shape: float = 2.0
    rate: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("shape", "rate")
    corner: ClassVar[float] = 1.0

    @staticmethod
    def log_density(x, a, b, c):
        return a * jnp.log(b) - gammaln(a) + xlogy(a - 1, x) - b * x


@dataclasses.dataclass(frozen=True)
class InverseGamma(AbstractDistribution):
    """One over a gamma-distributed number."""

    shape: float = 1.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("shape", "scale")
    is_zero_at_low: ClassVar[bool] = True

    @staticmethod
    def log_density(x, a, b, c):
        return a * jnp.log(b) - gammaln(a) - (a + 1) * jnp.log(x) - b / x


@dataclasses.dataclass(frozen=True)
class LogNormal(AbstractDistribution):
    """A number whose logarithm is normal."""

    loc: float = 0.0
    scale: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("scale",)
    is_zero_at_low: ClassVar[bool] = True

    @staticmethod
    def log_density(x, a, b, c):
        log_x = jnp.log(x)
        return Normal.log_density(log_x, a, b, c) - log_x


@dataclasses.dataclass(frozen=True)
class Beta(AbstractDistribution):
    """The beta distribution, of numbers between zero and one."""

    a: float = 1.0
    b: float = 1.0
    positive: ClassVar[tuple[str, ...]] = ("a", "b")
    domain: ClassVar[str] = "bounded"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    corner: ClassVar[float] = 1.0

    @staticmethod
    def log_density(x, a, b, c):
        return xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)


@dataclasses.dataclass(frozen=True)
class Uniform(AbstractDistribution):
    """The uniform distribution between two numbers."""

    low: float = 0.0
    high: float = 1.0
    domain: ClassVar[str] = "bounded"
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    corner: ClassVar[float] = math.inf

    def __post_init__(self):
        super().__post_init__()
        if self.low >= self.high:
            raise ModelError(f"low of Uniform must be below high, not {self.low!r}, {self.high!r}.")

    @staticmethod
    def log_density(x, a, b, c):
        return jnp.where((x >= a) & (x <= b), -jnp.log(b - a), -jnp.inf)


DISTRIBUTIONS: dict[str, type[AbstractDistribution]] = {
    own.__name__: own
    for own in (
        *(Flat, Normal, StudentT, Cauchy, DoubleExponential, HalfNormal, HalfStudentT, HalfCauchy),
        *(Exponential, Gamma, InverseGamma, LogNormal, Beta, Uniform),
    )
}


@dataclasses.dataclass(frozen=True)
class LKJ:
    """A correlation matrix `R` with density proportional to `det(R)^(eta - 1)` (Lewandowski,
    Kurowicka and Joe 2009, J. Multivariate Anal. 100): all are alike at one, correlations are
    smaller above. Of one correlation it is `(1 - r^2)^(eta - 1)`."""

    eta: float = 1.0

    def __post_init__(self):
        value = as_float64("eta of LKJ", self.eta)
        if value.ndim or not (np.isfinite(value) and value > 0):
            raise ModelError(f"eta of LKJ must be a positive finite number, not {self.eta!r}.")
        object.__setattr__(self, "eta", float(value))

    def __str__(self) -> str:
        return f"LKJ({self.eta:.4g})"


@dataclasses.dataclass(frozen=True)
class Firth:
    """Jeffreys' prior of the coefficients of a model for binary data: `det(X'WX)^(1/2)` at random
    effects of zero (Firth 1993, Biometrika 80; for mixed models Sterzinger and Kosmidis 2023,
    Statistics and Computing 33). Estimates are finite under separation."""

    def __str__(self) -> str:
        return "Firth()"
