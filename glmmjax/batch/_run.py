"""Run a batch: chunk after chunk, on every local device, each process its share."""

import os
from collections.abc import Iterator
from importlib.metadata import version
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils

from .._errors import Interrupted, ModelError
from .._precision import own_settings
from .._progress import Report, progress_bar
from .._status import OK, Status
from ..fit import (
    FIT,
    Ended,
    Fits,
    MemberArrays,
    Outcome,
    as_finite_params,
    best_maximum,
    blank,
    diagnosed,
    outcome_of,
    usual_start,
)
from ..methods import AbstractMethod, AbstractObjective, Start, choose_method, start_at
from ..model import Params
from ._checkpoint import Checkpoint, fingerprint
from ._engine import AXIS, Task, fit_chunk
from ._members import AbstractManyMembers, some_of
from ._plan import Device, Slice, plan_slices

PRECISIONS = {"float64": np.float64, "float32": np.float32}


class Settings(NamedTuple):
    """How a batch is run; see `gj.fit_many`."""

    chunk_size: int | None = None
    precision: str = "float64"
    checkpoint: str | os.PathLike | None = None
    progress: bool | None = None


class Job(NamedTuple):
    """What a batch is: its members, and how to fit them on which devices."""

    members: AbstractManyMembers
    method: AbstractMethod
    start: Params | None
    settings: Settings
    devices: list[Device]

    def fingerprint(self) -> str:
        """A digest of everything that the results depend on."""
        devices = (self.devices[0].device_kind, len(self.devices))
        start = [np.asarray(leaf) for leaf in jax.tree.leaves(self.start)]
        made_by = (version("glmmjax"), jax.__version__)
        settings = (repr(self.method), self.settings.precision)
        return fingerprint((*self.members.inputs(), *settings, *devices, *made_by, *start))


def fit_members(
    members: AbstractManyMembers,
    method: AbstractMethod | None,
    settings: Settings,
    *,
    reml: bool = False,
    start: Params | None = None,
) -> Fits:
    """Fit all members; raises `ModelError` for settings that make no sense, `Interrupted` on
    Ctrl-C."""
    _check(settings)
    method = choose_method(members.first, method, reml=reml)
    if start is not None:
        start = as_finite_params(members.first, start, "start")
    job = Job(members, method, start, settings, jax.local_devices())
    slices, store = _slices(job)
    whole = _blank(job, len(members))
    try:
        for number, piece in _run(job, slices, store):
            put(whole, slices[number].numbers, piece)
    except KeyboardInterrupt as stop:
        raise Interrupted(Fits(members, method, whole)) from stop
    if jax.process_count() > 1:
        whole = _gather(whole, slices)
    return Fits(members, method, whole)


def _check(settings: Settings) -> None:
    size = settings.chunk_size
    if size is not None and (
        isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1
    ):
        raise ModelError(f"chunk_size must be a whole number of at least 1, not {size!r}.")
    if not isinstance(settings.precision, str) or settings.precision not in PRECISIONS:
        raise ModelError(f"precision must be 'float64' or 'float32', not {settings.precision!r}.")


def _slices(job: Job) -> tuple[list[Slice], Checkpoint | None]:
    """The chunks, and where finished ones are kept (then cut as they were when the folder was
    new)."""
    settings, itemsize = job.settings, np.dtype(PRECISIONS[job.settings.precision]).itemsize

    def plan(chunk_size: int | None) -> list[Slice]:
        return plan_slices(
            job.members, job.method, job.devices, itemsize=itemsize, chunk_size=chunk_size
        )

    slices = plan(settings.chunk_size)
    size = settings.chunk_size or max((s.size for s in slices), default=1)
    if jax.process_count() > 1:  # whose memories may differ
        size = int(multihost_utils.process_allgather(np.array(size)).min())
        slices = plan(size)
    if settings.checkpoint is None:
        return slices, None
    store = Checkpoint(settings.checkpoint, job.fingerprint(), size)
    return plan(store.chunk_size), store


def _run(job: Job, slices: list[Slice], store: Checkpoint | None) -> Iterator[tuple[int, Outcome]]:
    """The outcome of each chunk of this process, read or computed."""
    mine = range(jax.process_index(), len(slices), jax.process_count())
    total = sum(len(slices[number].numbers) for number in mine)
    with progress_bar(total, title="Fitting", shown=job.settings.progress) as report:
        for number in mine:
            kept = None
            if store is not None:
                kept = store.read(number, _blank(job, len(slices[number].numbers)))
            if kept is None:
                kept = _fit_slice(job, slices[number], report)
                if store is not None:
                    store.write(number, kept)
            else:
                report(len(kept.status), _failures(kept))
            yield number, kept


def _fit_slice(job: Job, piece: Slice, report: Report) -> Outcome:
    """Fit those members of a chunk that can be; the others keep the status they come with."""
    loaded = job.members.load(piece.numbers, piece.bucket)
    outcome = _blank(job, len(piece.numbers))
    outcome.status[:] = loaded.status
    fit = np.flatnonzero(loaded.status == FIT)
    report(len(outcome.status) - len(fit), len(outcome.status) - len(fit))
    if not len(fit):
        return outcome
    for objective, members in job.method.objectives(loaded.working.glmm):
        found = _best(job, some_of(loaded, members), objective, piece, report)
        report(0, _failures(found))
        put(outcome, fit[members], found)
    return outcome


def _best(
    job: Job, loaded: MemberArrays, objective: AbstractObjective, piece: Slice, report: Report
) -> Outcome:
    """The best maximum of each member; those of which there may be another are searched again."""

    def again(members: np.ndarray, start: Start) -> Ended:
        return _search(job, some_of(loaded, members), objective, piece, start, lambda *_: None)

    first = _search(job, loaded, objective, piece, _first_start(job, loaded), report)
    return outcome_of(job.method, loaded.working, best_maximum(loaded.working, first, again))


def _first_start(job: Job, loaded: MemberArrays) -> Start:
    """The usual one, or the one that is given for all members."""
    usual = usual_start(job.members.first.glmm)
    params = usual.params if job.start is None else job.start
    each = jax.tree.map(
        lambda leaf: np.broadcast_to(leaf, (len(loaded.size), *np.shape(leaf))), params
    )
    return (
        usual._replace(params=each) if job.start is None else start_at(loaded.working.forth(each))
    )


def _search(
    job: Job,
    loaded: MemberArrays,
    objective: AbstractObjective,
    piece: Slice,
    start: Start,
    report: Report,
) -> Ended:
    """Send members to the devices, padded to the size of a chunk by repeating the last, and bring
    estimates home."""
    working, dtype = loaded.working, PRECISIONS[job.settings.precision]
    count = len(loaded.size)
    padding = np.minimum(np.arange(piece.size), count - 1)

    def sent(leaf: np.ndarray, own: bool) -> np.ndarray:
        leaf = leaf[padding] if own and count < piece.size else leaf
        return leaf.astype(dtype, copy=False) if leaf.dtype.kind == "f" else leaf

    with own_settings(x64=dtype is np.float64):
        auto = (jax.sharding.AxisType.Auto,)
        task = Task(
            objective=objective,
            glmm=jax.tree.map(sent, working.glmm, loaded.own),
            own=loaded.own,
            start=start._replace(params=jax.tree.map(lambda leaf: sent(leaf, True), start.params)),
            mesh=jax.make_mesh((len(job.devices),), (AXIS,), axis_types=auto, devices=job.devices),
            lanes=piece.lanes,
        )
        found = fit_chunk(task, np.arange(piece.size) < count, lambda done: report(done, 0))
    found = jax.tree.map(lambda leaf: leaf[:count], found)
    return diagnosed(working, found, loaded.size)


def _failures(outcome: Outcome) -> int:
    return int((~OK[outcome.status]).sum())


def _blank(job: Job, count: int) -> Outcome:
    return blank(job.members.first, job.method, count, Status.NOT_RUN)


def put(whole: Outcome, numbers: np.ndarray, piece: Outcome) -> None:
    """Write the outcome of some members into that of all."""

    def write(all_: np.ndarray, some: np.ndarray) -> None:
        all_[numbers] = some

    jax.tree.map(write, whole, piece)


def _gather(whole: Outcome, slices: list[Slice]) -> Outcome:
    """Every process gets the members that the others have fitted."""
    owner = np.zeros(len(whole.status), int)
    for number, piece in enumerate(slices):
        owner[piece.numbers] = number % jax.process_count()
    with own_settings():
        everywhere = multihost_utils.process_allgather(whole)
    return jax.tree.map(lambda leaf: np.asarray(leaf)[owner, np.arange(len(owner))], everywhere)
