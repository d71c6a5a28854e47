"""Compiled programs on disk, for processes to come.

A file's name is the digest of all that decides what is compiled: the program, the structure, shapes
and types of its arguments, the package's source, versions, options, platform and processor. Files
hold pickled code, so they are read only from a folder that is the user's alone.
"""

import functools
import hashlib
import io
import os
import pathlib
import pickle
import platform
import stat
import zlib
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
from jax.experimental import serialize_executable
from jaxlib import lapack

from ._errors import ModelError
from ._files import write_whole

FOLDER = "GLMMJAX_CACHE"
"""Environment variable: the folder, or `off`."""

MOST = 256 * 2**20  # bytes, beyond which what was not used for longest goes
_TRUSTED = ("builtins", "copyreg", "glmmjax", "jax", "jaxlib", "equinox", "numpy")


def folder() -> pathlib.Path | None:
    """Where programs are kept; None if they are not."""
    given = os.environ.get(FOLDER, "")
    if given.lower() == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(given or pathlib.Path(base) / "glmmjax")


def file_of(name: str, key: Any, options: dict[str, Any]) -> pathlib.Path | None:
    """The file of a program; None if it is not kept: there is no folder, its arguments are shared
    among devices, or hold functions or classes of the user's own, whose text may change."""
    tree, kinds, x64, device = key
    place = folder()
    if place is None or device is not None or any(sharding for *_, sharding in kinds):
        return None
    written = io.BytesIO()
    pickler = _OwnClasses(written)
    pickler.fast = True  # no references, which depend on what is the same object
    try:
        pickler.dump(tree)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    shapes = [(shape, dtype.name) for shape, dtype, _ in kinds]
    text = repr((name, shapes, x64, options, os.environ.get("XLA_FLAGS"), _machine()))
    return place / f"{hashlib.sha256(text.encode() + written.getvalue()).hexdigest()}.program"


class _OwnClasses(pickle.Pickler):
    """Refuses functions and classes that are not of the package or what it is made of."""

    def reducer_override(self, obj: Any) -> Any:
        """As `pickle` has it."""
        has_text = isinstance(obj, type) or hasattr(obj, "__code__")
        if has_text and (obj.__module__ or "").split(".")[0] not in _TRUSTED:
            raise pickle.PicklingError(f"{obj!r} is not the package's own")
        return NotImplemented


@functools.cache
def _machine() -> tuple:
    """What programs depend on that does not change within a process."""
    root = pathlib.Path(__file__).parent
    source = [
        (path.relative_to(root).as_posix(), *_changed(path)) for path in sorted(root.rglob("*.py"))
    ]
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    features = {line for line in lines if line.startswith(("flags", "model name", "Features"))}
    device = jax.devices()[0]
    versions = jax.__version__, version("jaxlib"), platform.python_version()
    return (
        *(source, versions, platform.machine(), sorted(features)),
        *(device.platform, device.device_kind, device.client.platform_version),
    )


def _changed(path: pathlib.Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def load(file: pathlib.Path) -> Any:
    """The program of a file; None if there is none, it is damaged, or others could have written
    it."""
    try:
        if not (_is_private(file.parent) and _is_private(file)):
            return None
        content = zlib.decompress(file.read_bytes())
        os.utime(file)
    except (OSError, zlib.error):
        return None
    program, count, result = pickle.loads(content)
    _load_lapack()
    trees = (jax.tree.structure(own) for own in (((0,) * count, {}), result))
    return serialize_executable.deserialize_and_load(
        program, *trees, execution_devices=jax.local_devices()[:1]
    )


@functools.cache
def _load_lapack() -> None:
    """Let XLA have the functions of LAPACK, which JAX otherwise fetches when it traces one."""
    lapack.prepare_lapack_call("potrf_ffi", np.dtype(np.float64))


def save(file: pathlib.Path, compiled: Any) -> None:
    """Keep a program, unless the system refuses, or XLA cannot write what it holds (a sort)."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(file.parent):
            return
        program, taken, given = serialize_executable.serialize(compiled)
        # Structures of modules lose their meaning when they are pickled, objects do not.
        result = jax.tree.unflatten(given, range(given.num_leaves))
        content = pickle.dumps((program, taken.num_leaves, result))
        write_whole(file, lambda opened: opened.write(zlib.compress(content, 1)))
        _let_old_ones_go(file.parent)
    except (OSError, ModelError, jax.errors.JaxRuntimeError):
        return


def _is_private(path: pathlib.Path) -> bool:
    """Whether a file or folder is this user's, and nobody else may write it."""
    found = path.lstat()
    if not hasattr(os, "getuid"):
        return True
    mine, others = found.st_uid == os.getuid(), found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return mine and not others and not stat.S_ISLNK(found.st_mode)


def _let_old_ones_go(place: pathlib.Path) -> None:
    """Delete what was not used for longest while there is too much."""
    found = [(own.stat().st_mtime_ns, own.stat().st_size, own) for own in place.glob("*.program")]
    total = sum(size for _, size, _ in found)
    for _, size, own in sorted(found):
        if total <= MOST:
            return
        own.unlink(missing_ok=True)
        total -= size
