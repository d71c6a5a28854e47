"""Files that are written whole or not at all, and a sentence where they cannot be."""

import contextlib
import os
import pathlib
import secrets
import shutil
from collections.abc import Callable
from typing import Any, BinaryIO

from ._errors import ModelError

UNFINISHED = ".writing-"
"""What the names of files begin with that are not finished; one that a killed process left means
nothing."""


def as_path(path: Any) -> pathlib.Path:
    """The path of a file; `ModelError` for what is none."""
    try:
        text = os.fspath(path)
    except TypeError:
        text = ""
    if not isinstance(text, str) or not text or "\0" in text:
        raise ModelError(f"The path of a file must be text or a pathlib.Path, not {path!r}.")
    return pathlib.Path(text)


def write_whole(
    path: str | os.PathLike, write: Callable[[BinaryIO], Any], mode: int = 0o666
) -> None:
    """Let `write` fill a file beside `path`, and then put it in the place of `path`; a new file has
    the permissions `mode`, less the user's mask.

    A file that is there stays as it was until the new one is on the disk. Raises `ModelError` if
    the system refuses.
    """
    given = as_path(path)
    try:
        target = pathlib.Path(os.path.realpath(given))
        if (
            target.exists() and not target.is_file()
        ):  # a pipe or a device; a folder is refused by the system
            with target.open("wb") as file:
                write(file)
        else:
            _write_beside(target, write, mode)
    except OSError as error:
        raise ModelError(f"{given} cannot be written: {error.strerror or error}.") from error


def _write_beside(target: pathlib.Path, write: Callable[[BinaryIO], Any], mode: int) -> None:
    beside = target.with_name(f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if target.exists():
                target.open("r+b").close()  # what may not be changed is not replaced
                shutil.copymode(target, beside)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
