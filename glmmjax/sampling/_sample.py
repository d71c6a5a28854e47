"""The posteriors of one model, or of the members of a batch."""

from collections.abc import Iterator

import jax
import numpy as np

from .._progress import progress_bar
from ..fit import AbstractMembers, Fits
from ..methods import integral_of
from ..model import Params
from ._draws import names_of
from ._run import Found, loaded, sampled
from ._samples import Run, Samples, Stats

_MEMBERS = 256  # of one chunk


def sample(fits: Fits, members: AbstractMembers, run: Run, *, progress: bool | None) -> Samples:
    """Draw from the posteriors of `members`, of which `fits` has the modes."""
    whole = _blank(members, run)
    effects: list[tuple[np.ndarray, ...]] = [()] * len(members)
    faults = [
        sentence if not ok else "" for sentence, ok in zip(fits.messages, fits.ok, strict=True)
    ]
    for number, found in _each(fits, members, run, progress):
        effects[number] = found.effects
        for all_, own in zip(
            jax.tree.leaves(whole),
            jax.tree.leaves((found.params, found.natural, found.stats)),
            strict=True,
        ):
            all_[number] = own
    return Samples(members, integral_of(fits.method), run, *whole[:2], effects, whole[2], faults)


def _each(
    fits: Fits, members: AbstractMembers, run: Run, progress: bool | None
) -> Iterator[tuple[int, Found]]:
    total = len(members) * (run.warmup + run.draws)
    with progress_bar(total, title="Sampling", shown=progress) as report:
        for bucket in members.buckets():
            good = bucket[fits.ok[bucket]]
            report((len(bucket) - len(good)) * (run.warmup + run.draws), len(bucket) - len(good))
            for first in range(0, len(good), _MEMBERS):
                some = loaded(members, good[first : first + _MEMBERS], bucket)
                yield from sampled(fits, some, run, report)


def _blank(members: AbstractMembers, run: Run) -> tuple[Params, np.ndarray, Stats]:
    """Room for the draws of all members."""
    p, sizes, m = members.first.glmm.sizes
    shape = len(members), run.chains, run.draws
    k = len(names_of(members.first)) - p
    nothing, false = np.full(shape, np.nan), np.zeros(shape, bool)
    params = Params(
        np.full((*shape, p), np.nan),
        tuple(np.full((*shape, size), np.nan) for size in sizes),
        np.full((*shape, m), np.nan),
    )
    stats = Stats(
        nothing,
        nothing.copy(),
        np.zeros(shape, int),
        false,
        false.copy(),
        np.full((len(members), 1, 1), np.nan),
    )
    return params, np.full((*shape, k), np.nan), stats
