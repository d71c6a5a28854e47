"""Quasi-likelihood: the mean and the variance function of a distribution, and a scale beside
them."""

from typing import ClassVar

import equinox as eqx

from .._errors import ModelError
from ._binomial import Binomial, unit_link
from ._family import AbstractFamily, AbstractWithoutParameters, as_link
from ._link import AbstractLink
from ._poisson import Poisson


class AbstractQuasi(AbstractWithoutParameters):
    """Responses of variance `scale V(mu)`, with `V` of the distribution `other` (McCullagh and
    Nelder 1989, chapter 9; Venables and Ripley 2002, section 7.5).

    Estimates are those of `other` by the same method, and what is "given the data" of the random
    effects is as it is there. The scale, `fit.dispersion`, is Pearson's statistic over `n - p`,

        sum_i weight_i (y_i - mu_i)^2 / V(mu_i) / (n - p),

    with `mu` at the conditional modes, `n` rows of positive weight and `p` fixed effects. Neither
    variance parameters nor modes are counted in `p`, so that in small groups, whose modes follow
    the data, the scale is low. Standard errors of fixed effects are multiplied by its square root.
    Without random effects, and with the canonical link, all this is R's `glm`. There is no
    distribution: no likelihood, nothing to draw from.
    """

    other: eqx.AbstractVar[AbstractFamily]

    def kernel(self, y, eta, phi):
        return self.other.kernel(y, eta, phi)

    def base(self, y, phi, weight):
        return self.other.base(y, phi, weight)

    def variance(self, y, eta, phi):
        """Up to the scale."""
        return self.other.variance(y, eta, phi)

    def expected_curvature(self, y, eta, phi):
        return self.other.expected_curvature(y, eta, phi)

    def sample(self, key, y, eta, phi, weight):
        raise ModelError(
            f"{self.name} has no distribution to draw from: simulate from the family"
            f" {self.other.name}, or from one with a dispersion of its own."
        )

    def start_mean(self, y):
        return self.other.start_mean(y)

    @property
    def own_traits(self):
        return self.other.own_traits._replace(is_quasi=True)


class QuasiPoisson(AbstractQuasi):
    """Counts, or other numbers that are not negative, with variance `scale mu` (R's
    `quasipoisson`)."""

    link: AbstractLink
    other: AbstractFamily
    name: ClassVar[str] = "quasipoisson"
    response: ClassVar[str] = "nonnegative"

    def __init__(self, link: str | AbstractLink = "log"):
        self.link = as_link(link, ("log", "identity", "sqrt", "softplus"), self.name)
        self.other = Poisson(self.link)


class QuasiBinomial(AbstractQuasi):
    """`y[0]` successes among `y[1]` trials with variance `scale n mu (1 - mu)` (R's
    `quasibinomial`)."""

    link: AbstractLink
    other: AbstractFamily
    name: ClassVar[str] = "quasibinomial"
    response: ClassVar[str] = "proportion"

    def __init__(self, link: str | AbstractLink = "logit"):
        self.link = unit_link(link, self.name)
        self.other = Binomial(self.link)


def reported_names(family: AbstractFamily) -> tuple[str, ...]:
    """Names of what is reported as a fit's dispersion: the family's parameters, or the scale of a
    quasi-likelihood."""
    return ("scale",) if family.traits.is_quasi else family.dispersion_names
