"""The Laplace approximation."""

import dataclasses
from typing import ClassVar

from .._errors import ModelError
from ..model import GLMM, Params
from ._conditional import expected_curvature
from ._integral import AbstractIntegral
from ._joint import PerComponent, joint_at
from ._mode import Mode, factor_at


@dataclasses.dataclass(frozen=True)
class Laplace(AbstractIntegral):
    """Laplace approximation: `log L = h(b*) - 1/2 log det H`, `h` the joint log density at the
    conditional mode `b*`.

    `curvature="observed"` puts `-d2 log f / d eta2` into `H`, which is what makes it *the* Laplace
    approximation (glmmTMB); `"expected"` its expectation (lme4). They agree for canonical links.
    """

    curvature: str = "observed"
    name: ClassVar[str] = "laplace"

    def __post_init__(self):
        if self.curvature not in ("observed", "expected"):
            raise ModelError(
                f"Laplace curvature is 'observed' or 'expected', not {self.curvature!r}."
            )

    def check(self, model):
        if self.curvature == "expected" and not model.family.traits.has_expectation:
            raise ModelError(
                f"The expected curvature of the family {model.family.name} is not known: use"
                " gj.Laplace()."
            )

    def factor(self, glmm, params, mode):
        if self.curvature == "observed":
            return mode.factor
        return factor_at(glmm, params, mode.b, expected_curvature)

    def log_integral(self, glmm, params, mode):
        return self.by_component(glmm, params, mode).sum()

    def by_component(self, glmm: GLMM, params: Params, mode: Mode) -> PerComponent:
        """`log_integral` of each component of the random effects."""
        at = joint_at(glmm, params)
        joint = at.log_joint(at.predictor(mode.b), mode.b)
        return joint - 0.5 * self.factor(glmm, params, mode).logdet()

    def describe(self):
        kind = "" if self.curvature == "observed" else ", expected curvature"
        return f"maximum likelihood (Laplace approximation{kind})"
