"""The plan of chunks and lanes, the folder of finished chunks, and the responses, as units."""

import errno
import json
import os
import types

import jax
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.stats

import glmmjax as gj
from glmmjax.batch import _checkpoint, _engine, _plan, as_responses
from glmmjax.fit import AbstractMembers, Outcome
from glmmjax.inference import benjamini_hochberg


class Members(AbstractMembers):
    """Just what the plan looks at."""

    names = load = inputs = model = nobs = is_alone = None
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


def outcome(count=3):
    rng = np.random.default_rng(0)
    by_term = {"theta": (rng.normal(size=(count, 3)), np.zeros((count, 0)))}
    by_term["covariance"] = (rng.normal(size=(count, 2, 2)), np.zeros((count, 1, 1)))
    others = [name for name in Outcome._fields if name not in (*by_term, "status")]
    arrays = {name: rng.normal(size=(count, 2)) for name in others}
    return Outcome(status=np.zeros(count, np.int8), **by_term, **arrays)


def flip_bytes(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    path.write_bytes(content)


def forget_an_array(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "array_000"}
    np.savez(path, **arrays)


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def folder_in_its_place(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "cut at once": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "empty": lambda path: path.write_bytes(b""),
    "other bytes": lambda path: path.write_bytes(b"something else" * 50),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "some bytes changed": flip_bytes,
    "one array": one_array,
    "objects": lambda path: np.savez(path, beta=np.array([{}], object)),
    "an array is missing": forget_an_array,
    "a folder": folder_in_its_place,
}


class TestCheckpoint:
    def test_chunks_come_back_as_they_were(self, tmp_path):
        store, kept = _checkpoint.Checkpoint(tmp_path / "a" / "b", "x", 5), outcome()
        assert store.read(0, kept) is None
        store.write(0, kept)
        again = _checkpoint.Checkpoint(tmp_path / "a" / "b", "x", 5).read(0, kept)
        jax.tree.map(np.testing.assert_array_equal, again, kept)
        assert again.status.dtype == np.int8

    def test_the_folder_remembers_the_size_of_chunks(self, tmp_path):
        _checkpoint.Checkpoint(tmp_path, "x", 5)
        assert _checkpoint.Checkpoint(tmp_path, "x", 7).chunk_size == 5

    def test_half_written_files_mean_nothing(self, tmp_path):
        (tmp_path / ".writing-batch").write_text("{")
        store = _checkpoint.Checkpoint(tmp_path, "x", 5)
        (tmp_path / ".writing-chunk").write_bytes(b"PK")
        assert store.read(0, outcome()) is None
        assert _checkpoint.Checkpoint(tmp_path, "x", 5).read(0, outcome()) is None

    @pytest.mark.parametrize("kind", DAMAGE)
    def test_a_damaged_chunk_is_not_finished_and_said_so(self, tmp_path, kind):
        store, kept = _checkpoint.Checkpoint(tmp_path, "x", 5), outcome()
        store.write(3, kept)
        path = tmp_path / "chunk-000003.npz"
        DAMAGE[kind](path)
        with pytest.warns(
            UserWarning,
            match=r"chunk-000003\.npz is damaged and cannot be read, so its members are fitted",
        ):
            assert store.read(3, kept) is None

    def test_a_chunk_of_other_members_is_damaged(self, tmp_path):
        store, kept = _checkpoint.Checkpoint(tmp_path, "x", 5), outcome()
        others = [
            outcome(2),
            kept._replace(theta=kept.theta[:1]),
            kept._replace(beta=kept.beta.astype(np.float32)),
        ]
        others.append(kept._replace(status=np.full(3, 99, np.int8)))
        for other in others:
            store.write(0, other)
            with pytest.warns(UserWarning, match="is damaged"):
                assert store.read(0, kept) is None

    def test_a_full_disk_keeps_what_is_there(self, tmp_path, monkeypatch):
        store, kept = _checkpoint.Checkpoint(tmp_path, "x", 5), outcome()
        store.write(0, kept)

        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(
            gj.ModelError, match=r"chunk-000001\.npz cannot be written: No space left on device\.$"
        ):
            store.write(1, kept)
        assert sorted(os.listdir(tmp_path)) == ["batch.json", "chunk-000000.npz"]

    def test_a_manifest_that_cannot_be_read(self, tmp_path):
        (tmp_path / "batch.json").mkdir()
        with pytest.raises(gj.ModelError, match=r"batch\.json cannot be read: Is a directory\.$"):
            _checkpoint.Checkpoint(tmp_path, "x", 5)
        (tmp_path / "batch.json").rmdir()
        for size in ("5", 0, None, 2.5, True):
            (tmp_path / "batch.json").write_text(
                json.dumps({"fingerprint": "x", "chunk_size": size})
            )
            with pytest.raises(
                gj.ModelError, match=r"batch\.json is damaged: delete the checkpoint folder"
            ):
                _checkpoint.Checkpoint(tmp_path, "x", 5)

    @pytest.mark.parametrize("text", ["", "{}", "[1]", json.dumps({"fingerprint": "x"})])
    def test_a_manifest_of_something_else_is_refused(self, tmp_path, text):
        (tmp_path / "batch.json").write_text(text)
        with pytest.raises(gj.ModelError, match="not a batch's"):
            _checkpoint.Checkpoint(tmp_path, "x", 5)

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(gj.ModelError, match="checkpoint must be a folder"):
            _checkpoint.Checkpoint(tmp_path / "file", "x", 5)

    def test_the_fingerprint_sees_values_shapes_and_types(self):
        y = np.arange(12.0)
        digests = [
            _checkpoint.fingerprint(parts)
            for parts in (
                [y],
                [y.reshape(3, 4)],
                [y + 1e-15],
                [y.astype(np.float32)],
                [y, "a"],
                ["a", y],
                [y[0]],
                [],
            )
        ]
        digests += [
            _checkpoint.fingerprint([y.astype(int)]),
            _checkpoint.fingerprint([np.array(0.0)]),
        ]
        assert len(set(digests)) == len(digests)
        assert _checkpoint.fingerprint([np.asfortranarray(y.reshape(3, 4))]) == digests[1]
        long = np.zeros((5000, 2))
        other = long.copy()
        other[-1, -1] = 1
        assert _checkpoint.fingerprint([long]) != _checkpoint.fingerprint([other])


class TestResponses:
    def test_arrays_are_read_when_they_are_needed(self, tmp_path):
        np.save(tmp_path / "y.npy", np.arange(12, dtype=np.int16).reshape(3, 4))
        rows = as_responses(
            np.load(tmp_path / "y.npy", mmap_mode="r"), pd.RangeIndex(4), pairs=False
        )
        taken = rows.take(np.array([2, 0]))
        assert taken.dtype == np.float64
        assert taken.tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
        assert list(rows.names) == [0, 1, 2]

    def test_sparse_matrices_become_dense_some_rows_at_a_time(self):
        values = np.array([[0, 2, 0], [1, 0, 0]])
        for kind in (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array):
            rows = as_responses(kind(values), pd.RangeIndex(3), pairs=False)
            assert len(rows) == 2
            assert rows.take(np.array([1])).tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_benjamini_hochberg_is_scipys(seed):
    p = np.random.default_rng(seed).uniform(size=40) ** 3
    p[[3, 17]] = p[4]
    np.testing.assert_allclose(
        benjamini_hochberg(p), scipy.stats.false_discovery_control(p), rtol=1e-14
    )
    holes = p.copy()
    holes[[0, 9]] = np.nan
    here = ~np.isnan(holes)
    np.testing.assert_allclose(
        benjamini_hochberg(holes)[here], scipy.stats.false_discovery_control(p[here])
    )
    assert np.isnan(benjamini_hochberg(holes)[~here]).all()
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()
