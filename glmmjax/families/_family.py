"""The interface of a response distribution: everything the engine asks of it, for one
observation."""

import abc
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, PRNGKeyArray

from .._errors import ModelError
from .._types import Array
from ._link import LINKS, AbstractLink, AbstractUnitLink
from ._parameter import AbstractParameter

Values = Float[Array, "..."]
POISSON_LIMIT = "the counts vary no more than Poisson's: use poisson, or compois if they vary less"


class Traits(NamedTuple):
    """Facts about a family with its link.

    Attributes:
        log_concave: `-d2 log f / d eta2 >= 0` everywhere, so that Newton's direction needs no care.
        covers_line: every linear predictor has a mean; not so for a positive mean with identity or
            inverse link.
        can_separate: the mean reaches the edge of its range as `eta` runs off, so that estimates
            can be infinite.
        has_residual: the first dispersion parameter is a residual standard deviation, to which
            prior weights are precisions.
        limit: which of `phi` is zero at an ordinary point, the limit at which the family becomes a
            simpler one; as the parameters say.
        simpler: what that one is, and what else to do there, in words; as the parameters say.
        spread: of the parameters on their natural scale, and of the size of the response (its
            standard deviation where it may be any number, else its mean), what goes to zero with
            each as the distribution shrinks to points, where its density has no bound; for the
            leading parameters. None for a family of masses.
        has_expectation: `expected_curvature` is what it says, and not a stand-in for starting
            values.
        is_latent: the predictor speaks of something behind `y` (its logarithm, say): the mean of
            `y` is not the inverse of the link.
        is_quasi: there is no distribution, only its mean and its variance up to a scale
            (`AbstractQuasi`).
    """

    log_concave: bool
    covers_line: bool = True
    can_separate: bool = False
    has_residual: bool = False
    limit: int | None = None
    simpler: str = ""
    spread: Callable[[tuple[Values, ...], Values], tuple[Values, ...]] | None = None
    has_expectation: bool = True
    is_latent: bool = False
    is_quasi: bool = False


class AbstractFamily(eqx.Module):
    """A distribution of `y` given the linear predictor `eta` and unconstrained dispersion
    parameters `phi`.

    Methods speak of one observation and are written with elementwise operations, so that they take
    arrays of observations as well, and an array of observations for any of `phi`. A response with
    several components (successes and trials) and a family with several linear predictors have them
    on the first axis: `y[0]`, `eta[0]`.

    The log density of an observation with prior weight `weight` is `weight * kernel + base`. Only
    the kernel depends on `eta`, so `base` (with its `lgamma` terms) stays outside every inner loop.
    That of a family of counts is proportional to the weight, so a fit evaluates it once for each
    count that occurs. The base of the number zero, of a family that has it, is zero.
    """

    link: eqx.AbstractVar[AbstractLink]
    name: eqx.AbstractClassVar[str]
    response: eqx.AbstractVar[str]
    """Kind of response: `real`, `positive`, `nonnegative`, `unit`, `closed_unit`, `below_one`,
    `ordered`, `count`, `positive_count`, `binary`, `proportion`, `censored` or
    `censored_positive`."""
    parameters: eqx.AbstractVar[tuple[AbstractParameter, ...]]
    """The family's own (dispersion) parameters in the order of `phi`, `()` if there are none."""

    @abc.abstractmethod
    def kernel(self, y: Values, eta: Values, phi: Values) -> Values:
        """Part of the log density that depends on `eta`."""

    @abc.abstractmethod
    def base(self, y: Values, phi: Values, weight: Values) -> Values:
        """The rest of the log density of an observation of prior weight `weight`."""

    @abc.abstractmethod
    def mean(self, eta: Values, phi: Values) -> Values:
        """Expected response (for proportions the probability)."""

    @abc.abstractmethod
    def variance(self, y: Values, eta: Values, phi: Values) -> Values:
        """Variance of the response of weight one (for proportions of the successes); `y` gives the
        trials."""

    @abc.abstractmethod
    def expected_curvature(self, y: Values, eta: Values, phi: Values) -> Values:
        """`E[-d2 log f / d eta2]`, the working weight of Fisher scoring; positive."""

    @abc.abstractmethod
    def sample(
        self, key: PRNGKeyArray, y: Values, eta: Values, phi: Values, weight: Values
    ) -> Values:
        """A draw in the shape of `y`. `y` gives what is not random in a response (trials)."""

    @abc.abstractmethod
    def start_mean(self, y: Values) -> Values:
        """Inverse of the link where the iterations start: near `y`, inside the range of the
        mean."""

    @abc.abstractmethod
    def start_phi(self, y: Values, mu: Values, weights: Values) -> tuple[Values, ...]:
        """Start for `phi` from the observations, their means in a model without random effects, and
        weights."""

    @property
    @abc.abstractmethod
    def own_traits(self) -> Traits:
        """`traits` but for what its parameters say."""

    @property
    def traits(self) -> Traits:
        """What the engine has to know of the family beyond its functions."""
        for k, own in enumerate(self.parameters):
            if own.simpler:
                return self.own_traits._replace(limit=k, simpler=own.simpler)
        return self.own_traits

    @property
    def dispersion_names(self) -> tuple[str, ...]:
        """Natural-scale names of the parameters, `()` if there are none."""
        return tuple(own.name for own in self.parameters)

    def dispersion(self, phi: Values) -> tuple[Values, ...]:
        """Natural-scale parameters, in the order of `dispersion_names`."""
        found = []
        for k, own in enumerate(self.parameters):
            found.append(own.natural(phi[k], found[-1] if k else 0.0))
        return tuple(found)

    def unconstrained(self, dispersion: tuple[Values, ...]) -> tuple[Values, ...]:
        """`phi` of natural-scale parameters: the inverse of `dispersion`."""
        before = (0.0, *dispersion)
        return tuple(
            own.unconstrained(dispersion[k], before[k]) for k, own in enumerate(self.parameters)
        )

    def random_scale(self, phi: Values) -> Values | float:
        """What the relative covariance factor is multiplied by: sigma for gaussian, else 1."""
        return self.dispersion(phi)[0] if self.traits.has_residual else 1.0


class AbstractMeanFamily(AbstractFamily):
    """A family whose linear predictor is that of its mean, by the link."""

    def mean(self, eta, phi):
        return self.link.inverse(eta)


class AbstractWithoutParameters(AbstractMeanFamily):
    """One without parameters of its own."""

    parameters: ClassVar[tuple[AbstractParameter, ...]] = ()

    def start_phi(self, y, mu, weights):
        return ()


def log_prob(family: AbstractFamily, y: Values, eta: Values, phi: Values) -> Values:
    """Normalised log density (mass) of one observation of weight one; elementwise over more."""
    return family.kernel(y, eta, phi) + family.base(y, phi, jnp.ones(()))


def absolute_curvature(family: AbstractFamily, y: Values, eta: Values, phi: Values) -> Values:
    """`|d2 log f / d eta2|`: what stands in for an `expected_curvature` that is not known or would
    cost too much."""
    return jnp.abs(second_derivative(lambda e: family.kernel(y, e, phi), eta, jnp.ones_like(eta)))


def second_derivative(
    function: Callable[[Values], Values], eta: Values, direction: Values
) -> Values:
    """Of an elementwise function along a direction."""

    def first(at):
        return jax.jvp(function, (at,), (direction,))[1]

    return jax.jvp(first, (eta,), (direction,))[1]


def as_link(link: str | AbstractLink, allowed: tuple[str, ...], family: str) -> AbstractLink:
    """The link called `link`; a `ModelError` lists `allowed` if the family cannot have it."""
    name = link.name if isinstance(link, AbstractLink) else link
    if name not in allowed:
        raise ModelError(
            f"Family {family} has no link {name!r}; choose one of {', '.join(allowed)}."
        )
    return LINKS[name] if isinstance(link, str) else link


def as_unit_link(
    link: str | AbstractLink, allowed: tuple[str, ...], family: str
) -> AbstractUnitLink:
    """The same, where all that are allowed are links for means in (0, 1)."""
    unit = as_link(link, allowed, family)
    assert isinstance(unit, AbstractUnitLink)
    return unit
