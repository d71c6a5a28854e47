"""How many members are computed at once: lanes that fit the cache, chunks that fit the memory."""

import os
from typing import Any, NamedTuple

import numpy as np

from ..methods import AbstractMethod
from ..structure import round_up
from ._members import AbstractManyMembers

Device = Any  # jax.Device, which is no type to type checkers

_LANE_CELLS = {
    "cpu": 80_000,
    "gpu": 2**26,
}  # in all lanes together: several arrays stay in a core's cache
_LANES_AT_MOST = {"cpu": 256, "gpu": 2**15}
_LANES_A_CHUNK = {
    "cpu": 32,
    "gpu": 4,
}  # so many members rest beside the lanes that stragglers fill lanes of their own
_WORKING_ARRAYS = (
    24  # of all lanes, that an evaluation and its derivatives hold at a time (measured)
)
_STATE = 64  # numbers a member keeps beside its arrays, for each parameter and each random effect


class Slice(NamedTuple):
    """Members that are loaded together, and how they are run.

    Attributes:
        numbers: of the members.
        bucket: of all members with which they share a shape.
        size: number of members the chunk is padded to, a multiple of devices times `lanes`.
    """

    numbers: np.ndarray
    bucket: np.ndarray
    size: int
    lanes: int


class Size(NamedTuple):
    """Numbers that a member takes: to be kept, and in each array of an evaluation."""

    kept: int
    touched: int


def plan_slices(
    members: AbstractManyMembers,
    method: AbstractMethod,
    devices: list[Device],
    *,
    itemsize: int,
    chunk_size: int | None,
) -> list[Slice]:
    """All members in chunks, for `devices` that each take the same share of a chunk."""
    slices = []
    for bucket in members.buckets():
        size = _size(members, method, bucket)
        lanes, length = _sizes(size, len(bucket), devices, itemsize, chunk_size)
        for first in range(0, len(bucket), length):
            slices.append(Slice(bucket[first : first + length], bucket, length, lanes))
    return slices


def _size(members: AbstractManyMembers, method: AbstractMethod, bucket: np.ndarray) -> Size:
    cells, numbers = members.shape(bucket)
    return Size(cells + _STATE, method.numbers_touched(cells, numbers, members.first.glmm.p))


def _sizes(
    size: Size, count: int, devices: list[Device], itemsize: int, wanted: int | None
) -> tuple[int, int]:
    kind = "cpu" if devices[0].platform == "cpu" else "gpu"
    memory = free_memory(devices[0]) // (2 * (len(devices) if kind == "cpu" else 1))
    share = -(-min(count, wanted or count) // len(devices))  # of the members on one device
    full = _power_of_two(min(_LANES_AT_MOST[kind], max(1, _LANE_CELLS[kind] // size.touched)))
    full = min(
        full, _power_of_two(max(1, memory // (2 * _WORKING_ARRAYS * size.touched * itemsize)))
    )
    full = min(full, _power_of_two(2 * share - 1))
    room = memory // (2 * size.kept * itemsize)
    if wanted is not None:  # to the letter, padding included: a checkpoint was cut so
        room = max(1, wanted // len(devices))
        full = min(full, _power_of_two(room))
    room = max(full, room)
    most = min(_LANES_A_CHUNK[kind] * full, room) if wanted is None else min(share, room)
    rows = round_up(-(-min(share, most) // full))
    while rows > 1 and rows * full > room:
        rows -= 1
    return full, rows * full * len(devices)


def free_memory(device: Device) -> int:
    """Bytes that are free on a device (for a CPU: in the machine)."""
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics:
        return statistics["bytes_limit"] - statistics["bytes_in_use"]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _power_of_two(number: int) -> int:
    """The largest power of two that is not above `number`."""
    return 1 << (int(number).bit_length() - 1)
