"""Adaptive Gauss-Hermite quadrature for scalar and vector random effects of one grouping factor."""

import dataclasses
import itertools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import ModelError
from ..model import GLMM, Params
from ._integral import AbstractIntegral
from ._joint import PerComponent, joint_at
from ._mode import Mode

MAX_NODES = 100_000
CELLS_AT_ONCE = 2**21  # nodes times observations held at a time: 16 MB an array


@dataclasses.dataclass(frozen=True)
class AGHQ(AbstractIntegral):
    """Adaptive Gauss-Hermite quadrature with `points` nodes a random effect, `points ** q` a group.

    Nodes are centred at the conditional mode and scaled by the Cholesky factor of the inverse
    curvature there (Pinheiro and Bates 1995); one point is the Laplace approximation. The gradient
    is that of the quadrature sum itself, moving nodes included. All constants are kept, so values
    compare with every other method's (lme4's do not).
    """

    points: int = 11
    name: ClassVar[str] = "aghq"

    def __post_init__(self):
        if (
            isinstance(self.points, bool)
            or not isinstance(self.points, int)
            or not 1 <= self.points <= 100
        ):
            raise ModelError(
                f"AGHQ takes a whole number of points from 1 to 100, not {self.points!r}."
            )

    def check(self, model):
        family, terms = model.family, [term.formula for term in model.design.random]
        if len(model.glmm.structure.factors) > 1:
            groups = ", ".join(dict.fromkeys(term.group for term in terms))
            raise ModelError(
                "AGHQ integrates over one grouping factor, and the model has several"
                f" ({groups}): use gj.Laplace()."
            )
        q = sum(f.rank for f in model.glmm.structure.factors)
        if q and not family.traits.covers_line:
            raise ModelError(
                f"AGHQ needs a mean for every linear predictor, which {family.name} with the"
                f" {family.link.name} link lacks: use gj.Laplace()."
            )
        if self.points**q > MAX_NODES:
            raise ModelError(
                f"AGHQ({self.points}) needs {self.points}^{q} nodes a level for"
                f" {' + '.join(term.text for term in terms)}, above {MAX_NODES}: use fewer points"
                " or gj.Laplace()."
            )

    def factor(self, glmm, params, mode):
        return mode.factor

    def log_integral(self, glmm, params, mode):
        return self.by_component(glmm, params, mode).sum()

    def by_component(self, glmm: GLMM, params: Params, mode: Mode) -> PerComponent:
        """`log_integral` of each component of the random effects."""
        structure, at = glmm.structure, joint_at(glmm, params)
        centre, factor = mode
        nodes, log_weights = _rule(self.points, sum(f.rank for f in structure.factors))

        @jax.checkpoint
        def log_term(node_and_weight):
            node, log_weight = node_and_weight
            moved = factor.half_solve(
                tuple(jnp.broadcast_to(node[:, None], own.shape) for own in centre)
            )
            b = tuple(own + step for own, step in zip(centre, moved, strict=True))
            return at.log_joint(at.predictor(b), b) + log_weight

        rule = (jnp.asarray(nodes, at.fixed.dtype), jnp.asarray(log_weights, at.fixed.dtype))
        together = max(1, CELLS_AT_ONCE // glmm.weights.size)
        all_at_once = together >= len(nodes)
        terms = (
            jax.vmap(log_term)(rule)
            if all_at_once
            else jax.lax.map(log_term, rule, batch_size=together)
        )
        largest = jax.lax.stop_gradient(terms.max(0))
        log_sum = largest + jnp.log(jnp.exp(terms - largest).sum(0))
        return log_sum - 0.5 * factor.logdet()

    def describe(self):
        return f"maximum likelihood (adaptive Gauss-Hermite quadrature, {self.points} points)"


def _rule(points: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (points^q, q) and log weights of the rule for `integral g(x) dx / (2 pi)^(q/2)`."""
    x, w = np.polynomial.hermite_e.hermegauss(points)
    nodes = np.array(list(itertools.product(x, repeat=q))).reshape(points**q, q)
    log_w = np.log(w) + x * x / 2 - 0.5 * np.log(2 * np.pi)
    return nodes, np.array([sum(c) for c in itertools.product(log_w, repeat=q)])
