"""Which members are computed together: chunks that fit the memory, and calls of one width."""

import types

import jax
import numpy as np
import pytest

import glmmjax as gj
from glmmjax.batch import AbstractManyMembers, _engine, _plan


class Members(AbstractManyMembers):
    """Just what the plan looks at."""

    names = load = inputs = model = random = nobs = is_alone = observed = without = None
    first = types.SimpleNamespace(glmm=types.SimpleNamespace(p=2))

    def __init__(self, counts, one):
        self.counts, self.one = counts, one

    def __len__(self):
        return sum(self.counts)

    def buckets(self):
        ends = np.cumsum(self.counts)
        return [np.arange(end - count, end) for end, count in zip(ends, self.counts, strict=True)]

    def shape(self, bucket):
        return self.one, 1


def plan(counts, cells, devices=1, *, chunk_size=None, itemsize=8):
    members = Members(tuple(counts), cells)
    on = jax.local_devices() * devices
    return _plan.plan_slices(members, gj.Laplace(), on, itemsize=itemsize, chunk_size=chunk_size)


class TestPlan:
    @pytest.mark.parametrize("devices", [1, 3, 4])
    @pytest.mark.parametrize("chunk_size", [None, 1, 5, 100])
    @pytest.mark.parametrize("cells", [1, 60, 5000, 10**7])
    def test_every_member_is_in_one_slice_of_whole_lanes(self, devices, chunk_size, cells):
        slices = plan((7, 1, 300), cells, devices, chunk_size=chunk_size)
        assert np.array_equal(np.sort(np.concatenate([s.numbers for s in slices])), np.arange(308))
        for piece in slices:
            assert piece.size % (devices * piece.lanes) == 0
            assert 0 < len(piece.numbers) <= piece.size
            assert piece.size <= max(chunk_size or 10**9, devices)

    def test_buckets_share_no_slice(self):
        slices = plan((7, 1, 300), 60)
        assert all(set(s.numbers) <= set(s.bucket) for s in slices)
        assert {len(s.bucket) for s in slices} == {7, 1, 300}

    def test_large_members_are_computed_a_few_at_a_time(self):
        for cells in (2**10, 2**15, 2**20):
            full = plan((10_000,), cells)[0].lanes
            assert full == 1 or full * cells <= _plan._LANE_CELLS["cpu"]

    @pytest.mark.parametrize("free", [0, 10**6, 10**8, 10**9])
    def test_the_working_set_fits_the_memory(self, monkeypatch, free):
        cells = 10_000
        monkeypatch.setattr(_plan, "free_memory", lambda device: free)
        piece = plan((5000,), cells)[0]
        assert piece.lanes * _plan._WORKING_ARRAYS * cells * 8 <= free / 2 or piece.lanes == 1
        assert piece.size * cells * 8 <= free / 2 or piece.size == 1
        half = plan((5000,), cells, itemsize=4)[0]
        assert half.size >= piece.size

    def test_free_memory_is_a_sensible_number(self):
        assert 2**20 < _plan.free_memory(jax.local_devices()[0]) < 2**50


class TestCalls:
    """Which members a call takes by number."""

    def calls(self, moving, lanes=8):
        return list(_engine._calls(np.asarray(moving), lanes))

    def test_all_that_move_are_called_once(self):
        moving = np.random.default_rng(0).uniform(size=(1, 29)) < 0.7
        called = np.concatenate([c[0] for c in self.calls(moving)])
        assert np.array_equal(called[called < 29], np.flatnonzero(moving[0]))

    def test_all_calls_have_one_width(self):
        for count in (1, 3, 8, 9, 16):
            calls = self.calls(np.arange(16)[None] < count)
            assert {c.shape for c in calls} == {(1, 8)} and len(calls) == -(-count // 8)

    def test_a_lane_without_a_member_has_the_number_of_none(self):
        moving = np.zeros((2, 16), bool)
        moving[0], moving[1, 5] = True, True
        first, second = self.calls(moving)
        assert first[1].tolist() == [5, *[16] * 7] and second[1].tolist() == [16] * 8

    def test_none_is_called_when_all_rest(self):
        assert self.calls(np.zeros((2, 4), bool)) == []

    def test_only_members_that_were_called_are_heard_of(self):
        flags = np.array([[True, False, True]])
        _engine._update(
            flags,
            [(np.array([[0, 3]]), np.array([False, True])), (np.array([[2, 3]]), np.array([1, 1]))],
        )
        assert flags.tolist() == [[False, False, True]]
