"""Restricted likelihood of any family: the fixed effects of the mean are integrated out with the
random effects, by one Laplace approximation."""

import dataclasses
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import block_diag
from jaxtyping import Bool, Float, Int

from .._errors import ModelError
from .._types import Array
from ..linalg import small
from ..model import GLMM, Params, unpack
from ..structure import AbstractFactor, Effects, to_spherical
from ._conditional import log_base, log_kernel, observed_curvature, score
from ._integral import IntegralObjective
from ._joint import joint_at, less
from ._laplace import Laplace
from ._method import AbstractMethod
from ._newton import MAX_STEPS, without_negative
from ._objective import AbstractObjective

_LAPLACE = Laplace()


class JointMode(NamedTuple):
    """Coefficients of the mean and spherical random effects, or a slope or step in the direction of
    both."""

    beta: Float[Array, " p"]
    b: Effects


@dataclasses.dataclass(frozen=True)
class RestrictedLaplace(AbstractMethod):
    """Restricted maximum likelihood (REML) of a model that is not linear: `log L = h - 1/2 log det
    H - 1/2 log det S + p/2 log 2 pi` at the joint mode of random effects and coefficients of the
    mean, `S = X'WX - X'WZ lam H^-1 lam'Z'WX`. This is the Laplace approximation of the integral
    over both, as glmmTMB has it with `REML = TRUE`.

    It takes away most of the bias of the variances that comes from estimating coefficients with few
    groups. Coefficients of `ziformula` and `dispformula` are maximised over. Of a linear model it
    is the restricted likelihood itself.
    """

    name: ClassVar[str] = "restricted_laplace"

    def check(self, model):
        if model.family.traits.is_quasi:
            raise ModelError(
                f"{model.family.name} has no likelihood to restrict; leave reml out for this model."
            )

    def log_likelihood(self, glmm, params):
        start = JointMode(
            params.beta[: len(glmm.x[0])], glmm.structure.no_effects(params.beta.dtype)
        )
        return restricted_integral(glmm, params, start)[0] + log_base(glmm, params.phi)

    def objectives(self, glmm):
        for inner, members in _LAPLACE.objectives(glmm):
            yield RestrictedObjective(inner), members

    def joint_likelihoods(self, glmm):
        return _LAPLACE.joint_likelihoods(glmm)

    def factor(self, glmm, params, mode):
        return mode.factor

    @property
    def is_restricted(self):
        return True

    @property
    def covariance_of_fixed(self):
        return None

    def numbers_touched(self, cells, kept, p):
        return max(cells, kept) * (p + 1)

    def describe(self):
        return "restricted maximum likelihood (Laplace approximation)"


class RestrictedObjective(AbstractObjective):
    """Minus the restricted log-likelihood over all parameters but the coefficients of the mean; the
    carry is the joint mode.

    `inner` is the objective with these coefficients, whose data and report this one uses.
    """

    inner: IntegralObjective

    def design_data(self, glmm):
        return self.inner.design_data(glmm)

    def response_data(self, glmm):
        return self.inner.response_data(glmm)

    def begin(self, glmm, data, start):
        vector, b, information = self.inner.begin(glmm, data, start)
        own = len(glmm.x[0])
        return vector[own:], JointMode(vector[:own], b), information[own:, own:]

    def value(self, glmm, data, vector, carry):
        params = self.params(glmm, vector)
        value, mode = restricted_integral(glmm, params, jax.lax.stop_gradient(carry))
        if glmm.family.dispersion_names:
            value = value + self.inner.base(glmm, data)(params.phi)
        return -value, mode

    def params(self, glmm, vector):
        return unpack(glmm, jnp.concatenate([jnp.zeros(len(glmm.x[0]), vector.dtype), vector]))

    def free(self, glmm, vector):
        return vector[len(glmm.x[0]) :]

    def finish(self, glmm, data, minimum):
        """The coefficients have the covariance `S^-1`, and beside it what the other parameters'
        errors move their mode by."""
        mode, size = minimum.carry, len(minimum.vector)
        params = self.params(glmm, minimum.vector)
        schur = _system(glmm, with_mode(params, mode), mode.b).schur

        def moved(unit):
            return jax.jvp(
                lambda vector: joint_mode(glmm, self.params(glmm, vector), mode).beta,
                (minimum.vector,),
                (unit,),
            )[1]

        path = jax.lax.map(moved, jnp.eye(size, dtype=minimum.vector.dtype))
        between = -path @ schur
        information = block_diag(schur, minimum.hessian - between @ path.T)
        own = len(schur)
        information = information.at[own:, :own].set(between).at[:own, own:].set(between.T)
        full = jnp.concatenate([mode.beta, minimum.vector])
        return self.inner.finish(
            glmm, data, minimum._replace(vector=full, hessian=information, carry=mode.b)
        )

    def effects(self, glmm, data, params, carry):
        return self.inner.effects(glmm, data, params, carry)


def restricted_integral(
    glmm: GLMM, params: Params, start: JointMode
) -> tuple[Float[Array, ""], JointMode]:
    """The restricted log-likelihood less `log_base`, and the joint mode; the coefficients of the
    mean in `params` do not matter."""
    mode = joint_mode(glmm, params, start)
    params = with_mode(params, mode)
    at, system = joint_at(glmm, params), _system(glmm, params, mode.b)
    density = at.log_joint(at.predictor(mode.b), mode.b).sum()
    count = (~glmm.absent[: len(mode.beta)]).sum()
    logdet = system.factor.logdet().sum() + small.logdet(system.schur[..., None])[0]
    return density - 0.5 * logdet + 0.5 * count * jnp.log(2 * jnp.pi), mode


def with_mode(params: Params, mode: JointMode) -> Params:
    """`params` with the coefficients of the mode."""
    beta = jnp.concatenate([mode.beta, params.beta[len(mode.beta) :]])
    return Params(beta, params.theta, params.phi)


@eqx.filter_custom_jvp
def joint_mode(glmm: GLMM, params: Params, start: JointMode) -> JointMode:
    """The mode of the joint density by coefficients of the mean and random effects, with its exact
    derivatives (as those of `conditional_mode`); NaN where the search did not settle."""
    found = _find(glmm, params, start)
    settled = _settled(found)
    return jax.tree.map(
        lambda at, step: jnp.where(settled, at + step, jnp.nan), found.mode, found.direction
    )


@joint_mode.def_jvp
def _(primals, tangents):
    glmm, params, start = primals
    glmm_dot, params_dot, _ = tangents
    mode = joint_mode(glmm, params, start)
    _, slope_dot = eqx.filter_jvp(
        lambda g, p: _slope(g, with_mode(p, mode), mode.b), (glmm, params), (glmm_dot, params_dot)
    )
    return mode, _system(glmm, with_mode(params, mode), mode.b).solve(slope_dot)


class System(NamedTuple):
    """Minus the second derivative of the joint density by coefficients and random effects.

    Attributes:
        factor: that of `H`, the part of the random effects.
        columns, solved: `lam'Z'WX`, the part between both, and `H^-1` times it.
        schur: `S`; the identity for columns of zeros.
    """

    factor: AbstractFactor
    columns: Effects
    solved: Effects
    schur: Float[Array, "p p"]

    def solve(self, slope: JointMode) -> JointMode:
        """Newton's step."""
        b = self.factor.solve(slope.b)
        taken = sum(
            (jnp.einsum("qag,qg->a", own, part) for own, part in zip(self.columns, b, strict=True)),
            jnp.zeros_like(slope.beta),
        )
        inverse = small.inverse(self.schur[..., None])[..., 0]
        beta = inverse @ (slope.beta - taken)
        moved = tuple(jnp.einsum("qag,a->qg", own, beta) for own in self.solved)
        return JointMode(beta, less(b, moved))

    def positive(self) -> Bool[Array, ""]:
        """Whether it is positive definite."""
        return self.factor.positive().all() & jnp.isfinite(small.logdet(self.schur[..., None])[0])


def _system(glmm: GLMM, params: Params, b: Effects) -> System:
    eta = joint_at(glmm, params).predictor(b)
    return _system_of(glmm, params, observed_curvature(glmm, eta, params.phi))


def _system_of(glmm: GLMM, params: Params, w: Array) -> System:
    """With curvatures `w` (predictors, predictors, blocks, width)."""
    at, x = joint_at(glmm, params), glmm.x[0]
    factor = at.factor(w)
    columns = to_spherical(at.lam, glmm.structure.gather(w[:, 0, None] * x))
    solved = factor.solve(columns)
    absent = glmm.absent[: len(x)].astype(x.dtype)
    schur = jnp.tensordot(x * w[0, 0], x, [(1, 2), (1, 2)]) + jnp.diag(absent)
    for one, two in zip(columns, solved, strict=True):
        schur = schur - jnp.einsum("qag,qbg->ab", one, two)
    return System(factor, columns, solved, schur)


def _slope(glmm: GLMM, params: Params, b: Effects) -> JointMode:
    at = joint_at(glmm, params)
    first = score(glmm, at.predictor(b), params.phi)
    return JointMode(jnp.tensordot(glmm.x[0], first[0], 2), at.slope(first, b))


class _Search(NamedTuple):
    """The best point so far, its density and slope, the next step and its length."""

    mode: JointMode
    density: Float[Array, ""]
    slope: JointMode
    direction: JointMode
    length: Float[Array, ""]
    steps: Int[Array, ""]


def _find(glmm: GLMM, params: Params, start: JointMode) -> _Search:
    """Damped Newton; a step that lowers the density is halved."""

    def turn(search: _Search) -> _Search:
        mode = jax.tree.map(lambda at, step: at + search.length * step, *search[0:4:3])
        here = with_mode(params, mode)
        at = joint_at(glmm, here)
        eta = at.predictor(mode.b)
        kernel = log_kernel(glmm, eta, here.phi)
        density = at.density(kernel, mode.b).sum()
        slope, w = _slope(glmm, here, mode.b), observed_curvature(glmm, eta, here.phi)
        system = _system_of(glmm, here, w)
        direction = system.solve(slope)
        if not glmm.family.traits.log_concave:
            safe = _system_of(glmm, here, without_negative(w)).solve(slope)
            direction = _either(system.positive(), direction, safe)
        better = density >= search.density - at.rounding(kernel, mode.b).sum()
        return _Search(
            _either(better, mode, search.mode),
            jnp.where(better, density, search.density),
            _either(better, slope, search.slope),
            _either(better, direction, search.direction),
            jnp.where(better, 1.0, search.length / 2),
            search.steps + 1,
        )

    nothing = jax.tree.map(jnp.zeros_like, start)
    far = jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.inf), start)
    one = jnp.ones((), start.beta.dtype)
    begun = _Search(start, -jnp.inf * one, far, nothing, one, jnp.array(0))
    return jax.lax.while_loop(
        lambda search: (search.steps < MAX_STEPS) & ~_settled(search), turn, begun
    )


def _settled(search: _Search) -> Bool[Array, ""]:
    """Whether one more full step ends at rounding error."""
    slope, direction = search.slope, search.direction
    pairs = zip(
        (slope.beta, *slope.b, *search.mode.b),
        (direction.beta, *direction.b, *search.mode.b),
        strict=True,
    )
    products = [(one * two).sum() for one, two in pairs]
    inner = 1 + len(slope.b)
    decrement, squares = sum(products[1:inner], products[0]), sum(products[inner:])
    tolerance = jnp.finfo(search.density.dtype).eps ** 0.75
    return (decrement <= tolerance * (1 + squares)) & jnp.isfinite(search.density)


def _either(here: Bool[Array, ""], one: JointMode, other: JointMode) -> JointMode:
    return jax.tree.map(lambda a, b: jnp.where(here, a, b), one, other)
