"""Precision, threads and the compilation cache: what of JAX's configuration the package touches, and how."""

import functools
import os
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from threadpoolctl import ThreadpoolController


@contextmanager
def float64() -> Iterator[None]:
    """A context in which JAX computes in float64, for `jax.grad` and others on a model.

    Fits enter it themselves. JAX's global configuration is left alone.
    """
    with jax.enable_x64(True), one_lapack_thread():
        yield


@contextmanager
def one_lapack_thread() -> Iterator[None]:
    """A context in which the LAPACK that JAX calls on a CPU keeps to one thread.

    Its threads and those of XLA wait for each other: on a busy machine a Cholesky factorisation of order 1,200 took 30
    times as long with them. XLA's own matrix products are not touched.
    """
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def enable_compilation_cache(folder: str | os.PathLike | None = None) -> pathlib.Path:
    """Keep compiled programs on disk, so that the next process does not compile them again; returns the folder.

    `folder` defaults to `$GLMMJAX_CACHE`, else `glmmjax` in the user's cache folder. A cache folder that the user has
    already given to JAX is kept.
    """
    given = getattr(jax.config, "jax_compilation_cache_dir", None)
    if given and folder is None:
        return pathlib.Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    place = pathlib.Path(folder or os.environ.get("GLMMJAX_CACHE") or pathlib.Path(base) / "glmmjax")
    place.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return place
