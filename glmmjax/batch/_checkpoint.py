"""Finished chunks on disk, so that a run which was stopped goes on where it was."""

import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._errors import ModelError
from ..fit import Outcome

_MANIFEST = "batch.json"
_UNFINISHED = ".writing-"
_BY_TERM = ("theta", "covariance")  # fields with an array for each random term


class Checkpoint:
    """A folder of chunks of one run.

    Chunks are written under another name and then renamed, so a file that is there is whole (and one that a stopped run
    left under the other name means nothing). The folder remembers how
    the members were cut into chunks: memory may be scarcer at the next call, and other chunks could end in other bits.
    """

    def __init__(self, folder: str | os.PathLike, fingerprint: str, chunk_size: int):
        try:
            self._folder = pathlib.Path(folder)
            self._folder.mkdir(parents=True, exist_ok=True)
        except (OSError, TypeError) as error:
            raise ModelError(f"checkpoint must be a folder, and {folder} cannot be one ({error}).") from error
        manifest = self._folder / _MANIFEST
        if not manifest.exists():
            if any(not path.name.startswith(_UNFINISHED) for path in self._folder.iterdir()):
                raise ModelError(f"The checkpoint folder {folder} is not empty, and not a batch's: give another.")
            text = json.dumps({"fingerprint": fingerprint, "chunk_size": chunk_size})
            _write(manifest, lambda file: file.write(text.encode()))
        kept = _read_manifest(manifest)
        if kept["fingerprint"] != fingerprint:
            raise ModelError(
                f"The checkpoint folder {folder} holds a run on other inputs (data, formula, method, precision, device "
                "or version of glmmjax): give another folder, or delete this one."
            )
        self.chunk_size: int = kept["chunk_size"]

    def read(self, number: int) -> Outcome | None:
        """The chunk called `number`, None if it has not been finished."""
        path = self._path(number)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as file:
            terms = range(int(file["terms"]))
            by_term = {name: tuple(file[f"{name}_{k}"] for k in terms) for name in _BY_TERM}
            return Outcome(**by_term, **{name: file[name] for name in Outcome._fields if name not in _BY_TERM})

    def write(self, number: int, outcome: Outcome) -> None:
        """Keep a finished chunk."""
        arrays = {name: value for name, value in outcome._asdict().items() if name not in _BY_TERM}
        for name in _BY_TERM:
            arrays |= {f"{name}_{k}": value for k, value in enumerate(getattr(outcome, name))}
        terms = len(outcome.theta)
        _write(self._path(number), lambda file: np.savez(file, allow_pickle=False, terms=terms, **arrays))

    def _path(self, number: int) -> pathlib.Path:
        return self._folder / f"chunk-{number:06d}.npz"


def fingerprint(parts: Iterable) -> str:
    """A digest of arrays, byte strings and texts, in order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            for first in range(0, len(part), 4096) if part.ndim else ():
                digest.update(np.ascontiguousarray(part[first : first + 4096]).data)
            if not part.ndim:
                digest.update(part.tobytes())
        else:
            digest.update(str(part).encode())
    return digest.hexdigest()


def _read_manifest(path: pathlib.Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or {"fingerprint", "chunk_size"} - kept.keys():
        raise ModelError(f"The checkpoint folder {path.parent} is not empty, and not a batch's: give another.")
    return kept


def _write(path: pathlib.Path, write) -> None:
    """Write a file under another name, make sure it is on the disk, and rename it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_UNFINISHED, delete=False) as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)
