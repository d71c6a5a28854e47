"""Precision and the compilation cache: what of JAX's configuration the package touches, and how."""

import os
import pathlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import jax

from . import _program_files
from ._errors import ModelError
from ._traced import refuse_tracing


def float64() -> AbstractContextManager:
    """A context in which JAX computes in float64, for `jax.grad` and others on a model.

    Fits enter it themselves. JAX's global configuration is left alone.
    """
    return jax.enable_x64(True)


@contextmanager
def usual_promotion() -> Iterator[None]:
    """A context with JAX's usual promotion of types and ranks: how strict callers are is about
    their own code."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@contextmanager
def own_settings(*, x64: bool = True) -> Iterator[None]:
    """The settings of JAX with which fits and all that follows compute; `ModelError` within a
    function being traced."""
    refuse_tracing()
    with jax.enable_x64(x64), usual_promotion():
        try:
            yield
        except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError):
            refuse_tracing()
            raise


def enable_compilation_cache(folder: str | os.PathLike | None = None) -> pathlib.Path:
    """Let JAX keep what it compiles for your own functions (of `model.log_marginal`, say), so that
    the next process does not compile them again; returns the folder. What the package compiles for
    itself is kept without.

    `folder` defaults to `jax` in `$GLMMJAX_CACHE`, else in `glmmjax` in the user's cache folder. A
    cache folder that the user has already given to JAX is kept. Raises `ModelError` if there is
    none, or the system refuses to make it.
    """
    given = getattr(jax.config, "jax_compilation_cache_dir", None)
    if given and folder is None:
        return pathlib.Path(given)
    place, usual = pathlib.Path(folder or ""), _program_files.folder()
    if not folder:
        if usual is None:
            raise ModelError(
                "There is no folder for compiled programs: GLMMJAX_CACHE is off, or you have no"
                " home."
            )
        place = usual / "jax"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"{place} cannot be a folder for compiled programs: {error.strerror or error}."
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(place))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return place
