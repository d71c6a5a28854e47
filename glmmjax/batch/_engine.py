"""Many members of one shape at once: the pieces of `fit._estimate` under `vmap`, run breadth first.

All members of a chunk rest on the devices. A call takes some of them by number, a lane each, as
many lanes as keep the working set in the cache, moves them a few evaluations on, and puts them
back. Every member is moved once before any is moved again, so the lanes of a call are equally far
and need equally many inner steps; a member at rest is in no call any more. The batch axis is
sharded over a mesh; each device runs its own lanes.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Bool, Int

from .._programs import Program
from .._types import Array
from ..fit import (
    Progress,
    begin,
    check,
    limit,
    minimum,
    searching,
    turn,
    undecided,
    value_and_gradient,
)
from ..methods import AbstractObjective, Data, Estimate, Start
from ..model import GLMM, Params

AXIS = "members"
MEMBERS: Any = PartitionSpec(AXIS)  # stands for whole trees
EVERYWHERE: Any = PartitionSpec()

_FIRST_TURNS = 4  # evaluations of the first call: nobody needs fewer
_TURNS = 2


class Case(NamedTuple):
    """A model with what its objective needs once."""

    glmm: GLMM
    data: Data


class Chunk(NamedTuple):
    """Cases whose arrays have a leading axis of members (`own`) or are the same for all (`shared`);
    in either the other arrays are None."""

    own: Case
    shared: Case


class Task(NamedTuple):
    """Members to fit.

    Attributes:
        objective: their objective.
        glmm: their models, NumPy arrays.
        own: mask over the arrays of `glmm`: those with a leading axis of members, whose length is a
            multiple of the number of devices times `lanes`.
        start: where they begin; its parameters have a leading axis of members.
        lanes: how many members a device takes at once; always so many, because a program of another
            width could end in other bits, and a member's result must not depend on its neighbours.
    """

    objective: AbstractObjective
    glmm: GLMM
    own: GLMM
    start: Start
    mesh: Mesh
    lanes: int


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Machine:
    """What programs are compiled for: several devices (None: one), and the lanes of each."""

    mesh: Mesh | None
    lanes: int


def fit_chunk(
    task: Task, wanted: Bool[np.ndarray, " members"], report: Callable[[int], None]
) -> Estimate:
    """Fit the `wanted` members; the others' estimates are meaningless. Returns NumPy arrays.

    `report` hears of how many members are newly done.
    """
    objective, lanes = task.objective, task.lanes
    machine = Machine(task.mesh if task.mesh.size > 1 else None, lanes)
    chunk, progress = _begin(objective, *_send(task), machine)
    going = wanted.reshape(task.mesh.size, -1).copy()
    first = True
    while going.any():
        moving, turns = going.copy(), np.array(_FIRST_TURNS if first else _TURNS)
        while moving.any():
            calls = []
            for members in _calls(moving, lanes):
                progress, moves = _advance(
                    objective, chunk, progress, members.ravel(), turns, machine
                )
                calls.append((members, moves))
            _update(moving, calls)
            turns = np.array(_TURNS)
        calls = []
        for members in _calls(going, lanes):
            progress, goes_on = _check(objective, chunk, progress, members.ravel(), machine)
            calls.append((members, goes_on))
        before = int(going.sum())
        _update(going, calls)
        report(before - int(going.sum()))
        first = False
    return jax.tree.map(np.asarray, _finish(objective, chunk, progress, machine))


def _calls(
    moving: Bool[np.ndarray, "devices members"], lanes: int
) -> Iterator[Int[np.ndarray, "devices lanes"]]:
    """The moving members of each device, `lanes` at a time; where there are fewer, the number of
    members instead, which stands for nobody."""
    numbers = [np.flatnonzero(row) for row in moving]
    for first in range(0, max(len(row) for row in numbers), lanes):
        members = np.full((len(moving), lanes), moving.shape[1], np.int32)
        for device, row in enumerate(numbers):
            some = row[first : first + lanes]
            members[device, : len(some)] = some
        yield members


def _update(flags: Bool[np.ndarray, "devices members"], calls: list) -> None:
    """Let the members that calls speak of go on or not."""
    for members, goes_on in calls:
        device, lane = np.nonzero(members < flags.shape[1])
        flags[device, members[device, lane]] = np.asarray(goes_on).reshape(members.shape)[
            device, lane
        ]


def _send(task: Task) -> tuple[tuple[GLMM, Params], tuple[GLMM, Start]]:
    """What differs between members, and what does not, on the devices."""
    own, shared = eqx.partition(task.glmm, task.own)
    kind, is_one = task.start._replace(params=None), task.mesh.size == 1
    everyone, each = (
        None if is_one else NamedSharding(task.mesh, spec) for spec in (EVERYWHERE, MEMBERS)
    )
    return jax.device_put((own, task.start.params), each), jax.device_put((shared, kind), everyone)


@Program.of_many
def _begin(
    objective: AbstractObjective,
    own: tuple[GLMM, Params],
    common: tuple[GLMM, Start],
    machine: Machine,
) -> tuple[Chunk, Progress]:
    """What the objectives need once, and the state of each member before its first evaluation."""
    one_design = all(
        part is None for part in jax.tree.leaves(_of_design(own[0]), is_leaf=lambda x: x is None)
    )

    def on_device(own, common):
        shared, kind = common
        first = eqx.combine(_member(own[0], 0), shared)
        design = objective.design_data(first) if one_design else None

        def one(member):
            member, params = member
            glmm = eqx.combine(member, shared)
            data = Data(
                design if one_design else objective.design_data(glmm), objective.response_data(glmm)
            )
            kept = data._replace(design=None) if one_design else data
            return Case(member, kept), begin(objective, glmm, data, kind._replace(params=params))

        cases, progress = _some_at_a_time(one, own, machine.lanes)
        return Chunk(cases, Case(shared, Data(design, None))), progress

    results = (Chunk(MEMBERS, EVERYWHERE), MEMBERS)
    return _on_each(on_device, machine, (MEMBERS, EVERYWHERE), results)(own, common)


def _of_design(glmm: GLMM) -> tuple:
    """What `AbstractObjective.design_data` depends on."""
    return glmm.x, glmm.structure, glmm.weights


@Program.of_many
def _advance(
    objective: AbstractObjective,
    chunk: Chunk,
    progress: Progress,
    lanes: Array,
    turns: Int[Array, ""],
    machine: Machine,
) -> tuple[Progress, Bool[Array, " lanes"]]:
    """Move the members in `lanes` by up to `turns` evaluations; which of them are not at rest?"""

    def one(case: Case, progress: Progress):
        function = value_and_gradient(objective, case.glmm, case.data)

        def moves(search):
            return searching(search, limit=limit(progress))

        _, search = jax.lax.while_loop(
            lambda state: (state[0] > 0) & moves(state[1]),
            lambda state: (state[0] - 1, turn(function, state[1])),
            (turns, progress.search),
        )
        return progress._replace(search=search), moves(search)

    return _in_lanes(one, chunk, progress, lanes, machine)


@Program.of_many
def _check(
    objective: AbstractObjective, chunk: Chunk, progress: Progress, lanes: Array, machine: Machine
) -> tuple[Progress, Bool[Array, " lanes"]]:
    """Check the members in `lanes` by their Hessians; which of them have to go on?"""

    def one(case: Case, progress: Progress):
        checked = check(
            objective, value_and_gradient(objective, case.glmm, case.data), case.glmm, progress
        )
        return checked, undecided(checked)

    return _in_lanes(one, chunk, progress, lanes, machine)


@Program.of_many
def _finish(
    objective: AbstractObjective, chunk: Chunk, progress: Progress, machine: Machine
) -> Estimate:
    """The estimates of all members."""

    def on_device(chunk: Chunk, progress: Progress):
        def one(member):
            case, progress = _whole(member[0], chunk.shared), member[1]
            return objective.finish(case.glmm, case.data, minimum(progress))

        return _some_at_a_time(one, (chunk.own, progress), machine.lanes)

    return _on_each(on_device, machine, (Chunk(MEMBERS, EVERYWHERE), MEMBERS), MEMBERS)(
        chunk, progress
    )


def _in_lanes(step: Callable, chunk: Chunk, progress: Progress, lanes: Array, machine: Machine):
    """`step(case, progress) -> (progress, flag)` for the members in `lanes`."""

    def on_device(chunk: Chunk, progress: Progress, lanes: Array):
        def one(member, progress):
            return step(_whole(member, chunk.shared), progress)

        # A lane with nobody in it computes what the first does; what it writes is dropped.
        somebody = jnp.where(lanes < len(progress.done), lanes, lanes[0])
        moved, flags = jax.vmap(one)(_member(chunk.own, somebody), _member(progress, somebody))
        return jax.tree.map(
            lambda all_, some: all_.at[lanes].set(some, mode="drop"), progress, moved
        ), flags

    specs = (Chunk(MEMBERS, EVERYWHERE), MEMBERS, MEMBERS)
    return _on_each(on_device, machine, specs, (MEMBERS, MEMBERS))(chunk, progress, lanes)


def _some_at_a_time(function: Callable, members, width: int):
    """`vmap(function)(members)`, `width` members at a time."""
    apart = jax.tree.map(
        lambda leaf: leaf.reshape(leaf.shape[0] // width, width, *leaf.shape[1:]), members
    )
    together = jax.lax.map(jax.vmap(function), apart)
    return jax.tree.map(lambda leaf: leaf.reshape(leaf.shape[0] * width, *leaf.shape[2:]), together)


def _member(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def _whole(own: Case, shared: Case) -> Case:
    design = own.data.design if shared.data.design is None else shared.data.design
    return Case(eqx.combine(own.glmm, shared.glmm), Data(design, own.data.response))


def _on_each(function: Callable, machine: Machine, in_specs, out_specs) -> Callable:
    if machine.mesh is None:
        return function
    return jax.shard_map(
        function, mesh=machine.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
    )
