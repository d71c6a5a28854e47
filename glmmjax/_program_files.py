"""Compiled programs on disk, for processes to come.

A file's name is the digest of all that decides what is compiled: the program, the structure, shapes
and types of its arguments, the package's source, versions, options, settings, platform and
processor. Files hold pickled code, so they are read only from a folder, and as files, that nobody
but the user can write. Whatever is wrong with a file, it is as if there were none.
"""

import contextlib
import functools
import hashlib
import io
import os
import pathlib
import pickle
import platform
import stat
import time
import zlib
from importlib.metadata import version
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import serialize_executable
from jaxlib import lapack

from ._errors import ModelError
from ._files import UNFINISHED, write_whole

FOLDER = "GLMMJAX_CACHE"
"""Environment variable: the folder, or `off`."""

MOST = 256 * 2**20  # bytes, beyond which what was not used for longest goes
_DIGEST = hashlib.sha256().digest_size
_ABANDONED = 3600.0  # seconds, after which an unfinished file is nobody's
_TRUSTED = ("builtins", "copyreg", "glmmjax", "jax", "jaxlib", "equinox", "numpy")


class Key(NamedTuple):
    """What decides which compiled program serves a call.

    Attributes:
        tree: the structure of the arguments, with all that is static.
        kinds: shape and type of each array, and where it lies if it was put there.
        settings: those of JAX that matter.
    """

    tree: Any
    kinds: tuple[tuple[tuple[int, ...], np.dtype, Any], ...]
    settings: tuple


def folder() -> pathlib.Path | None:
    """Where things are kept for other processes; None if they are not."""
    given = os.environ.get(FOLDER, "")
    if given.lower() == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return (pathlib.Path(given) if given else pathlib.Path(base) / "glmmjax").expanduser()
    except RuntimeError:  # a user without a home
        return None


def file_of(name: str, key: Key, options: dict[str, Any]) -> pathlib.Path | None:
    """The file of a program; None if it is not kept: there is no folder, its arguments were put on
    devices or JAX was told which to use, or they hold functions or classes of the user's own, whose
    text may change."""
    device = getattr(jax.config, "jax_default_device")  # noqa: B009 - unknown to type checkers
    is_placed = device is not None or any(sharding for *_, sharding in key.kinds)
    place = folder()
    if place is None or not _SOURCE or is_placed:
        return None
    written = io.BytesIO()
    pickler = _OwnClasses(written)
    pickler.fast = True  # no references, which depend on what is the same object
    try:
        pickler.dump(key.tree)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    shapes = [(shape, dtype.name) for shape, dtype, _ in key.kinds]
    text = repr((name, shapes, key.settings, options, os.environ.get("XLA_FLAGS"), _machine()))
    digest = hashlib.sha256(text.encode() + written.getvalue()).hexdigest()
    return place / "programs" / f"{digest}.program"


class _OwnClasses(pickle.Pickler):
    """Refuses functions and classes that are not of the package or what it is made of."""

    def reducer_override(self, obj: Any) -> Any:
        """As `pickle` has it."""
        module = getattr(obj, "__module__", None) if callable(obj) else None
        if isinstance(module, str) and module.split(".")[0] not in _TRUSTED:
            raise pickle.PicklingError(f"{obj!r} is not the package's own")
        return NotImplemented


def _source() -> str:
    """The digest of the package's files; empty where there are none to read."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest() if _files() else ""


@functools.cache
def _files() -> list[pathlib.Path]:
    return sorted(_ROOT.rglob("*.py"))


_ROOT = pathlib.Path(__file__).parent
_SOURCE, _READ_AT = _source(), time.time()


def _has_changed() -> bool:
    """Whether the package was written to since this process read it: what was traced may be of
    either text."""
    try:
        return any(path.stat().st_ctime > _READ_AT for path in _files())
    except OSError:
        return True


@functools.cache
def _machine() -> tuple:
    """What programs depend on that does not change within a process."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    features = {line for line in lines if line.startswith(("flags", "model name", "Features"))}
    packages = [version(name) for name in ("jax", "jaxlib", "equinox", "numpy")]
    device = jax.local_devices()[0]  # its number is written into programs
    return (
        *(_SOURCE, packages, platform.python_version(), platform.machine(), sorted(features)),
        *(device.platform, device.device_kind, device.client.platform_version, device.id),
    )


class Kept(NamedTuple):
    """What a file holds: the program, the number of its arguments, and the shapes of its result."""

    program: bytes
    count: int
    shapes: Any


def read(file: pathlib.Path) -> Kept | None:
    """What a file holds; None if there is none, it is damaged, or others could have written it."""
    try:
        if not _is_private(file.parent.lstat()):
            return None
        # What is opened is what is looked at, and no link is followed.
        with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as opened:
            if not _is_private(os.fstat(opened.fileno())):
                return None
            content = opened.read()
    except OSError:
        return None
    digest, content = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        return None  # damaged: it is compiled and written again
    with contextlib.suppress(OSError):  # a folder that can only be read
        os.utime(file)
    return Kept(*pickle.loads(zlib.decompress(content)))


def loaded(kept: Kept) -> Any:
    """The program, to be called; None if XLA cannot load it here."""
    _load_lapack()
    trees = (jax.tree.structure(own) for own in (((0,) * kept.count, {}), kept.shapes))
    try:
        return serialize_executable.deserialize_and_load(
            kept.program, *trees, execution_devices=jax.local_devices()[:1]
        )
    except jax.errors.JaxRuntimeError:
        return None


@functools.cache
def _load_lapack() -> None:
    """Let XLA have the functions of LAPACK, which JAX otherwise fetches when it traces one."""
    lapack.prepare_lapack_call("potrf_ffi", np.dtype(np.float64))


def save(file: pathlib.Path, compiled: Any, shapes: Any) -> None:
    """Keep a program with the shapes of its result, unless the system refuses, or XLA cannot write
    what it holds (a sort)."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(file.parent.lstat()) or _has_changed():
            return
        program, taken, given = serialize_executable.serialize(compiled)
        # Structures of modules lose their meaning when they are pickled, objects do not.
        leaves = [jax.ShapeDtypeStruct(own.shape, own.dtype) for own in jax.tree.leaves(shapes)]
        kept = Kept(program, taken.num_leaves, jax.tree.unflatten(given, leaves))
        content = zlib.compress(pickle.dumps(tuple(kept)), 1)
        whole = hashlib.sha256(content).digest() + content
        write_whole(file, lambda opened: opened.write(whole), mode=0o600)
        _let_old_ones_go(file.parent)
    except (OSError, ModelError, jax.errors.JaxRuntimeError, NotImplementedError):
        return


def _is_private(found: os.stat_result) -> bool:
    """Whether a file or folder is this user's, and nobody else may write it."""
    if not hasattr(os, "getuid"):  # where folders of users are private as they are
        return True
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _let_old_ones_go(place: pathlib.Path) -> None:
    """Delete what was not used for longest while there is too much, and what was left
    unfinished."""
    found = []
    for own in place.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process may have been here
            state = own.stat()
            if own.name.startswith(UNFINISHED) and time.time() - state.st_mtime > _ABANDONED:
                own.unlink()
            elif own.suffix == ".program":
                found.append((state.st_mtime_ns, state.st_size, own))
    total = sum(size for _, size, _ in found)
    for _, size, own in sorted(found):
        if total <= MOST:
            return
        own.unlink(missing_ok=True)
        total -= size
