"""Finished chunks on disk, so that a run which was stopped goes on where it was."""

import hashlib
import json
import os
import pathlib
import warnings
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from .._errors import ModelError
from .._files import UNFINISHED, write_whole
from .._status import STATUSES
from ..fit import Outcome

_MANIFEST = "batch.json"


class Checkpoint:
    """A folder of chunks of one run.

    Chunks are written whole or not at all; one that was damaged afterwards counts as not finished.
    The folder remembers how the members were cut into chunks: memory may be scarcer at the next
    call, and other chunks could end in other bits.
    """

    def __init__(self, folder: str | os.PathLike, fingerprint: str, chunk_size: int):
        try:
            self._folder = pathlib.Path(folder)
            self._folder.mkdir(parents=True, exist_ok=True)
            held = {
                path.name for path in self._folder.iterdir() if not path.name.startswith(UNFINISHED)
            }
        except (OSError, TypeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ModelError(
                f"checkpoint must be a folder, and {folder!r} cannot be one: {reason}."
            ) from error
        manifest = self._folder / _MANIFEST
        if _MANIFEST not in held:
            if held:
                raise ModelError(
                    f"The checkpoint folder {folder} is not empty, and not a batch's: give another."
                )
            text = json.dumps({"fingerprint": fingerprint, "chunk_size": chunk_size})
            write_whole(manifest, lambda file: file.write(text.encode()))
        kept = _read_manifest(manifest)
        if kept["fingerprint"] != fingerprint:
            raise ModelError(
                f"The checkpoint folder {folder} holds a run on other inputs (data, formula,"
                " method, precision, device or version of glmmjax): give another folder, or delete"
                " this one."
            )
        self.chunk_size: int = kept["chunk_size"]

    def read(self, number: int, blank: Outcome) -> Outcome | None:
        """The chunk called `number`, which has the shapes of `blank`; None if it has not been
        finished.

        One that cannot be read is not finished either, of which a warning tells.
        """
        path = self._path(number)
        try:
            return _read_chunk(path, number, blank)
        except FileNotFoundError:
            return None
        except Exception:  # of which bytes that are no archive of arrays can raise any
            warnings.warn(
                f"{path} is damaged and cannot be read, so its members are fitted again.",
                stacklevel=2,
            )
            return None

    def write(self, number: int, outcome: Outcome) -> None:
        """Keep a finished chunk: its arrays in the order of the fields of `Outcome`."""
        arrays = {f"array_{k:03d}": leaf for k, leaf in enumerate(jax.tree.leaves(outcome))}
        write_whole(
            self._path(number),
            lambda file: np.savez(file, allow_pickle=False, number=number, **arrays),
        )

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


def _read_chunk(path: pathlib.Path, number: int, blank: Outcome) -> Outcome:
    """The arrays of a file; an exception if they are not those of the chunk of that number."""
    leaves, tree = jax.tree.flatten(blank)
    with path.open("rb") as opened:  # which NumPy would not close
        file = np.load(opened, allow_pickle=False)
        arrays = [file[f"array_{k:03d}"] for k in range(len(leaves))]
        is_it = int(file["number"]) == number
    kinds = [[(leaf.shape, leaf.dtype) for leaf in own] for own in (arrays, leaves)]
    found = jax.tree.unflatten(tree, arrays)
    are_statuses = (found.status >= 0) & (found.status < len(STATUSES))
    if not is_it or kinds[0] != kinds[1] or not are_statuses.all():
        raise ValueError("other arrays than those of its members")
    return found


def _read_manifest(path: pathlib.Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict) or {"fingerprint", "chunk_size"} - kept.keys():
        raise ModelError(
            f"{path} is damaged, or not a batch's: delete the checkpoint folder, or give another."
        )
    if type(kept["chunk_size"]) is not int or kept["chunk_size"] < 1:
        raise ModelError(f"{path} is damaged: delete the checkpoint folder, or give another.")
    return kept
