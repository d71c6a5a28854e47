"""Sample from the posteriors of members, chunk after chunk, on every local device."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .._precision import own_settings
from .._programs import Program
from .._progress import Report
from .._types import Array
from ..design import RandomPart
from ..fit import FIT, AbstractMembers, Fits
from ..methods import IntegralObjective, integral_of
from ..model import GLMM, Params, Working, scaled_factor, unpack
from ..structure import to_natural
from ._draws import natural
from ._nuts import SAMPLING, STEPS, Chains, Trace, advanced, as_key, begun, schedule
from ._place import lower_of, places
from ._samples import Run, Stats
from ._target import AbstractTarget, Joint, Marginal, Place, Posed

_AT_ONCE = 512  # draws of one call


class Loaded(NamedTuple):
    """Members that can be sampled from.

    Attributes:
        numbers: of the members among all.
        working: their coordinates.
        glmm: the arrays, which may have room for more coefficients.
        own: mask over these: those with a leading axis of members.
        kept: places of the coefficients that are the models' own.
        random: the random terms of each member.
    """

    numbers: np.ndarray
    working: Working
    glmm: GLMM
    own: GLMM
    kept: np.ndarray
    random: list[tuple[RandomPart, ...]]

    def back(self, member: int) -> Working:
        """The coordinates of one member, with the arrays of all."""

        def one(leaf: np.ndarray, axes: int) -> np.ndarray:
            return leaf[member] if leaf.ndim > axes else leaf

        working = self.working
        return Working(
            working.glmm,
            one(working.beta_back, 2),
            tuple(one(own, 2) for own in working.effects_back),
            tuple(one(own, 2) for own in working.theta_back),
        )

    def member(self, number: int) -> GLMM:
        """The arrays of one member."""
        return jax.tree.map(lambda leaf, own: leaf[number] if own else leaf, self.glmm, self.own)

    def some(self, which: np.ndarray) -> "Loaded":
        """Those members only, by their place."""

        def of(leaf: np.ndarray, own: bool) -> np.ndarray:
            return leaf[which] if own else leaf

        working = self.working
        backs = (working.beta_back, *working.effects_back, *working.theta_back)
        beta, *others = (own[which] if own.ndim > 2 else own for own in backs)
        split = len(working.effects_back)
        return Loaded(
            self.numbers[which],
            Working(working.glmm, beta, tuple(others[:split]), tuple(others[split:])),
            jax.tree.map(of, self.glmm, self.own),
            self.own,
            self.kept,
            [self.random[k] for k in which],
        )


class Found(NamedTuple):
    """Draws of one member: packed parameters and effects in the user's coordinates."""

    params: Params
    natural: np.ndarray
    effects: tuple[np.ndarray, ...]
    stats: Stats


def loaded(members: AbstractMembers, numbers: np.ndarray, bucket: np.ndarray) -> Loaded:
    """Some members of a bucket, all of which can be loaded; raises a `ModelError` for none."""
    if members.is_alone:
        roomy = members.first.roomy
        glmm = jax.tree.map(lambda leaf: leaf[None], roomy.glmm)
        every = jax.tree.map(lambda _: True, glmm)
        random = [members.random(0)]
        return Loaded(numbers, roomy.working, glmm, every, roomy.kept, random)
    arrays = members.load(numbers, bucket)
    kept = np.arange(members.first.glmm.p)
    here = numbers[arrays.status == FIT]
    random = [members.random(number) for number in here.tolist()]
    return Loaded(here, arrays.working, arrays.working.glmm, arrays.own, kept, random)


def sampled(fits: Fits, some: Loaded, run: Run, report: Report) -> Iterator[tuple[int, Found]]:
    """Draws of each member, of which `fits` has the modes; all have one shape."""
    for objective, which in integral_of(fits.method).objectives(some.glmm):
        group = some.some(which)
        assert isinstance(objective, IntegralObjective)
        target = (Marginal if run.marginal else Joint)(objective)
        yield from _of_group(fits, group, target, run, report)


def _of_group(
    fits: Fits, group: Loaded, target: AbstractTarget, run: Run, report: Report
) -> Iterator[tuple[int, Found]]:
    own, shared = eqx.partition(group.glmm, group.own)
    with own_settings():
        place = _placed(fits, group, own, shared)
        begin = _starts(group.numbers, target.dimension(_first(place)), run)
        own, place, begin = _on_devices((own, place, begin))
        chains, traces = _walked(target, Posed(own, shared, place), begin, run, report)
        place = jax.tree.map(np.asarray, place)
        for k, number in enumerate(group.numbers.tolist()):
            trace = jax.tree.map(lambda leaf, k=k: np.swapaxes(leaf[k], 0, 1), traces)
            here = jax.tree.map(lambda leaf, k=k: leaf[k], place)
            step = np.asarray(chains.step)[k]
            yield number, _reported(group, k, target, here, (trace, step, run.seed))


def _first(place: Place) -> Place:
    return jax.tree.map(lambda leaf: leaf[0], place)


def _placed(fits: Fits, group: Loaded, own: GLMM, shared: GLMM) -> Place:
    """Where the posteriors lie."""
    outcome, working = fits.outcome.of(group.numbers), group.working
    params = working.forth(outcome.params)
    inverse = np.linalg.inv(working.jacobian)
    covariance = inverse @ outcome.vcov @ np.swapaxes(inverse, -1, -2)
    p, sizes, m = group.member(0).sizes
    kept = np.concatenate([group.kept, p + np.arange(sum(sizes) + m)])
    lower = lower_of(covariance, kept, p + sum(sizes) + m)
    beta = np.zeros((len(params.beta), p))
    beta[:, group.kept] = params.beta
    return places(own, shared, Params(beta, params.theta, params.phi), lower)


def _starts(numbers: np.ndarray, dimension: int, run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Random bits of each member, and where its chains begin: as far apart as draws are."""
    keys, starts = [], []
    for number in numbers.tolist():
        seeds = np.random.SeedSequence([run.seed, number])
        keys.append(seeds.generate_state(2, np.uint32))
        starts.append(np.random.default_rng(seeds).normal(size=(run.chains, dimension)))
    return np.array(keys), np.array(starts)


def _walked(
    target: AbstractTarget,
    posed: Posed,
    begin: tuple[np.ndarray, np.ndarray],
    run: Run,
    report: Report,
) -> tuple[Chains, Trace]:
    """The chains at their end, and all that they did after warming up (NumPy)."""
    (keys, starts), accept = begin, np.array(run.accept)
    chains = begun(target, posed, keys, starts, accept)
    lost = ~np.isfinite(np.asarray(chains.state.logdensity))
    if lost.any():  # too far out: these begin at the mode
        starts = np.where(lost[..., None], 0.0, np.asarray(starts))
        chains = begun(target, posed, keys, starts, accept)
    kinds = np.concatenate([schedule(run.warmup), np.full(run.draws, SAMPLING, np.int32)])
    kinds = np.concatenate([kinds, np.full(-len(kinds) % STEPS, SAMPLING, np.int32)])
    traces = []
    for first in range(0, len(kinds), STEPS):
        chains, trace = advanced(target, posed, chains, kinds[first : first + STEPS])
        if first + STEPS > run.warmup:
            traces.append(jax.tree.map(np.asarray, trace))
        report(min(STEPS, run.warmup + run.draws - first) * len(np.asarray(keys)), 0)
    kept = slice(run.warmup - run.warmup // STEPS * STEPS, None)
    whole = jax.tree.map(lambda *parts: np.concatenate(parts, 1)[:, kept], *traces)
    return chains, jax.tree.map(lambda leaf: leaf[:, : run.draws], whole)


def _on_devices(arrays: Any) -> Any:
    """Members shared among the local devices, where these divide them."""
    devices = jax.local_devices()
    count = len(jax.tree.leaves(arrays)[-1])
    if len(devices) == 1 or count % len(devices):
        return arrays
    sharding = NamedSharding(Mesh(np.array(devices), ("members",)), PartitionSpec("members"))
    return jax.device_put(arrays, sharding)


def _reported(group: Loaded, k: int, target: AbstractTarget, place: Place, drawn) -> Found:
    """The draws of one member in the user's coordinates."""
    trace, step, seed = drawn
    glmm, back = group.member(k), group.back(k)
    shape = trace.log_density.shape
    flat = trace.position.reshape(-1, trace.position.shape[-1])
    bits = np.random.SeedSequence([seed, int(group.numbers[k]), 1])
    vectors, effects = _points(target, glmm, place, flat, bits.generate_state(2, np.uint32))
    params = _own_params(glmm, group.kept, vectors)
    found = natural(glmm, back.back(params))
    parts = {name: getattr(trace, name) for name in Stats._fields if name != "step"}
    stats = Stats(**parts, step=np.full((1, 1), float(step)))

    def by_chain(leaf: Any) -> np.ndarray:
        return np.asarray(leaf).reshape(*shape, *leaf.shape[1:])

    levels = [len(group.random[k][terms[0]].levels) for terms in glmm.structure.terms]
    users = tuple(
        np.swapaxes(own if factor.position is not None else matrix @ own, -1, -2)
        for own, matrix, factor in zip(
            effects, back.effects_back, glmm.structure.factors, strict=True
        )
    )
    return Found(
        jax.tree.map(by_chain, found.params),
        by_chain(found.values),
        tuple(by_chain(own[:, :count]) for own, count in zip(users, levels, strict=True)),
        stats,
    )


def _own_params(glmm: GLMM, kept: np.ndarray, vectors: np.ndarray) -> Params:
    """Working parameters (draws, ...) of packed ones, without coefficients that only pad."""
    p, sizes, _ = glmm.sizes
    cuts = np.cumsum([p, *sizes])
    beta, *theta, phi = np.split(vectors, cuts, axis=1)
    return Params(beta[:, kept], tuple(theta), phi)


def _points(target, glmm: GLMM, place: Place, flat: np.ndarray, bits: np.ndarray):
    """Packed parameters and random effects `u` (draws, q, levels) of positions."""
    pieces = []
    for first in range(0, len(flat), _AT_ONCE):
        rows = np.minimum(np.arange(first, first + _AT_ONCE), len(flat) - 1)
        found = _drawn(target, glmm, place, flat[rows], bits, np.array(first, np.int32))
        kept = min(_AT_ONCE, len(flat) - first)
        pieces.append(jax.tree.map(lambda leaf, own=kept: np.asarray(leaf)[:own], found))
    return jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)


@Program
def _drawn(
    target: AbstractTarget, glmm: GLMM, place: Place, positions: Array, bits: Array, first: Array
) -> tuple[Array, tuple[Array, ...]]:
    key = jax.random.fold_in(as_key(bits), first)
    keys = jax.random.split(key, len(positions))

    def one(z, key):
        vector, b = target.point(glmm, place, z, key)
        return vector, to_natural(scaled_factor(glmm, unpack(glmm, vector)), b)

    return jax.vmap(one)(positions, keys)
