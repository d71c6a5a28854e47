"""The folder of finished chunks: what is written comes back, and damage is noticed."""

import errno
import json
import os

import jax
import numpy as np
import pytest

import glmmjax as gj
from glmmjax.batch import _checkpoint
from glmmjax.fit import Outcome


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
