"""The No-U-Turn sampler, some steps at a time: the chains of a member share what they learn of step
size and metric while they warm up.

Transitions, dual averaging and Welford's variances are blackjax's. Windows are Stan's (Carpenter et
al. 2017), each of which sees the draws of all chains.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from .._later import Later
from .._programs import Program
from .._types import Array
from ..methods import objective_data
from ..model import GLMM
from ._target import AbstractTarget, Place, Posed

if TYPE_CHECKING:
    from blackjax import nuts
    from blackjax.adaptation import mass_matrix, step_size, window_adaptation
else:
    nuts = Later("blackjax.mcmc.nuts")
    mass_matrix, step_size, window_adaptation = (
        Later(f"blackjax.adaptation.{name}")
        for name in ("mass_matrix", "step_size", "window_adaptation")
    )

STEPS = 50
"""Of one call."""
FAST, SLOW, WINDOW_ENDS, WARM_UP_ENDS, SAMPLING = range(5)
_MOST = 10  # doublings of a trajectory
_FIRST_STEP = 0.5  # in standard deviations of the posterior, about


class Chains(NamedTuple):
    """Of one member, or of members with a leading axis.

    Attributes:
        state: of blackjax, with an axis of chains.
        averaging, variances: what the step size and the metric are learnt from.
        step, metric: the step size, and the variance of each coordinate.
        key: random bits.
        accept: the rate at which trajectories are accepted that the step size is to have.
        done: steps that were made.
    """

    state: Any
    averaging: Any
    variances: Any
    step: Float[Array, "*members"]
    metric: Float[Array, "*members dim"]
    key: Array
    accept: Float[Array, "*members"]
    done: Int[Array, "*members"]


class Trace(NamedTuple):
    """Of steps, with leading axes (members, steps, chains).

    Attributes:
        position: where each ended.
        log_density: there.
        acceptance: mean probability to accept the points of a trajectory.
        leaps: evaluations of the gradient.
        diverged: whether the trajectory left the level of its energy.
        deep: whether it was as long as it may be, without a turn.
    """

    position: Float[Array, "*members dim"]
    log_density: Float[Array, "*members"]
    acceptance: Float[Array, "*members"]
    leaps: Int[Array, "*members"]
    diverged: Bool[Array, "*members"]
    deep: Bool[Array, "*members"]


def schedule(warmup: int) -> np.ndarray:
    """(warmup,) what each step of the warm-up is for."""
    if not warmup:
        return np.zeros(0, np.int32)
    stages, ends = (np.asarray(own) for own in zip(*_pairs(warmup), strict=True))
    kinds = np.where(ends.astype(bool), WINDOW_ENDS, np.where(stages == 1, SLOW, FAST))
    kinds[-1] = WARM_UP_ENDS
    return kinds.astype(np.int32)


def _pairs(warmup: int) -> list[tuple[int, bool]]:
    return [(int(stage), bool(end)) for stage, end in window_adaptation.build_schedule(warmup)]


@Program.of_many
def begun(
    target: AbstractTarget,
    posed: Posed,
    keys: Array,
    starts: Float[Array, "members chains dim"],
    accept: Float[Array, ""],
) -> Chains:
    """The chains of members before their first step, at `starts`."""

    def one(member):
        own, place, key, start = member
        log_density = _density(target, eqx.combine(own, posed.shared), place)
        averaging = step_size.dual_averaging_adaptation(0.8)[0](_FIRST_STEP)
        variances = mass_matrix.mass_matrix_adaptation(True)[0](start.shape[-1])
        return Chains(
            jax.vmap(lambda at: nuts.init(at, log_density))(start),
            averaging,
            variances,
            jnp.asarray(_FIRST_STEP),
            jnp.ones(start.shape[-1]),
            key,
            accept,
            jnp.array(0),
        )

    return jax.vmap(one)((posed.own, posed.place, keys, starts))


@Program.of_many
def advanced(
    target: AbstractTarget, posed: Posed, chains: Chains, kinds: Int[Array, " steps"]
) -> tuple[Chains, Trace]:
    """Some steps more, each for what `kinds` says."""

    def one(member):
        own, place, chains = member
        log_density = _density(target, eqx.combine(own, posed.shared), place)
        return jax.lax.scan(lambda chains, kind: _step(log_density, chains, kind), chains, kinds)

    return jax.vmap(one)((posed.own, posed.place, chains))


def as_key(bits: Array) -> Any:
    """A key of random bits (2,)."""
    return jax.random.wrap_key_data(jnp.asarray(bits), impl="threefry2x32")


def _density(target: AbstractTarget, glmm: GLMM, place: Place):
    data = objective_data(target.likelihood, glmm)
    return lambda z: target.log_density(glmm, data, place, z)


def _step(log_density, chains: Chains, kind: Array) -> tuple[Chains, Trace]:
    kernel = nuts.build_kernel()
    key = jax.random.fold_in(as_key(chains.key), chains.done)
    keys = jax.random.split(key, len(chains.state.logdensity))

    def moved(key, state):
        return kernel(key, state, log_density, chains.step, chains.metric, _MOST)

    state, info = jax.vmap(moved)(keys, chains.state)
    trace = Trace(
        state.position,
        state.logdensity,
        info.acceptance_rate,
        info.num_integration_steps,
        info.is_divergent,
        info.num_trajectory_expansions >= _MOST,
    )
    chains = chains._replace(state=state, done=chains.done + 1)
    return _learnt(chains, trace, kind), trace


def _learnt(chains: Chains, trace: Trace, kind: Array) -> Chains:
    """Step size and metric after a step of this kind."""
    begin, average, mean = step_size.dual_averaging_adaptation(cast(float, chains.accept))
    _, take_in, estimate = mass_matrix.mass_matrix_adaptation(True)
    acceptance = jnp.where(jnp.isnan(trace.acceptance), 0.0, trace.acceptance).mean()

    def fast(chains):
        averaging = average(chains.averaging, acceptance)
        return chains._replace(averaging=averaging, step=jnp.exp(averaging.log_step_size))

    def slow(chains):
        variances, _ = jax.lax.scan(
            lambda known, at: (take_in(known, at), None), chains.variances, trace.position
        )
        return fast(chains)._replace(variances=variances)

    def window_ends(chains):
        chains = slow(chains)
        variances = estimate(chains.variances)
        averaging = begin(mean(chains.averaging))
        return chains._replace(
            averaging=averaging,
            variances=variances,
            step=jnp.exp(averaging.log_step_size),
            metric=variances.inverse_mass_matrix,
        )

    def warm_up_ends(chains):
        chains = fast(chains)
        return chains._replace(step=mean(chains.averaging))

    return jax.lax.switch(kind, (fast, slow, window_ends, warm_up_ends, lambda own: own), chains)
