"""Compiled programs: how they are compiled, kept in this process and for the next one, and let go.

A `Program` is a pure function of pytrees of arrays. What is static (structure, families, methods)
is in the structure of its arguments, which with their shapes decides which compiled program serves
a call. Programs of the package's own classes are kept on disk (`_program_files`), so that a process
that meets a known shape neither traces nor compiles.

XLA compiles outside of Python's lock: `Program.ahead` has one compiled while another is traced.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import itertools
import pathlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import jax

from . import _program_files as files
from ._garbage import uncollected
from ._later import Later

# On a CPU LLVM's optimisation takes three quarters of the time that XLA compiles. Without it a
# program runs two to three times as long, which one model of ordinary size does not feel.
PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 2,
    "xla_cpu_enable_concurrency_optimized_scheduler": False,
    "xla_disable_hlo_passes": (
        "while-loop-invariant-code-motion,simplify-while-loops,hlo-verifier"
    ),
}
OPTIMISED = PLAIN | {"xla_backend_optimization_level": 1, "xla_llvm_disable_expensive_passes": True}
WHOLE: dict[str, Any] = {}  # all that XLA does: a third longer, for programs that run for long
EARNED = 2**17  # calls times numbers of the largest argument, which are worth the optimisation

# Settings of JAX that decide what is compiled
_SETTINGS = (
    *("jax_enable_x64", "jax_default_device", "jax_default_matmul_precision"),
    *("jax_default_prng_impl", "jax_threefry_partitionable", "jax_debug_nans"),
)
_SECONDS = 1.5  # after which a person is told what is waited for
_MAPS = pathlib.Path("/proc/self/maps")
_AT_MOST = 40_000
_EVERY = 8  # models: counting takes milliseconds
_models = itertools.count(1)
_programs: list["Program"] = []
_spinner = Later("glmmjax._spinner")
_compiler = concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="glmmjax-compiler")


class Program:
    """A pure function of pytrees of arrays, compiled once for each structure and shapes; once more,
    optimised, when it has been called often."""

    def __init__(self, function: Callable, *, for_many: bool = False):
        self._function, self._for_many = function, for_many
        functools.update_wrapper(self, function)
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._kinds: dict[files.Key, _Kind] = {}
        _programs.append(self)

    @classmethod
    def of_many(cls, function: Callable) -> "Program":
        """One that works on many members, and gets all that XLA can do."""
        return cls(function, for_many=True)

    def __call__(self, *args: Any) -> Any:
        if getattr(jax.config, "jax_disable_jit"):  # noqa: B009 - unknown to type checkers
            return self._function(*args)
        leaves, key = _read(args)
        kind = self._kinds.get(key) or self._new(leaves, key)
        kind.calls += 1
        if kind.options is PLAIN and kind.better is None:
            options = self._options(leaves, kind.calls)
            if options is not PLAIN:
                kind.better = self._kind(leaves, key, options, kind.lowered)
                kind.better.begin()
        if kind.better is not None and kind.better.is_there:
            kind = self._kinds[key] = kind.better
        return self._compiled(kind, leaves, key)(*leaves)

    def _compiled(self, kind: "_Kind", leaves: list[Any], key: files.Key) -> Any:
        """What can be called, waited for if need be."""
        if kind.compiled is not None:
            return kind.compiled
        try:
            kind.begin()
            kind.compiled = _awaited(kind.coming)
        except BaseException:
            self._kinds.pop(key, None)
            raise
        if kind.compiled is None:  # on disk was what cannot be loaded
            kind = self._kinds[key] = self._kind(leaves, key, kind.options, is_damaged=True)
            return self._compiled(kind, leaves, key)
        return kind.compiled

    def ahead(self, *args: Any, only_trace: bool = False) -> Any:
        """Begin to compile what a call with such arguments needs, of which shapes are enough, or
        only trace it; returns the shapes of its result, or None if it can be called at once, or
        shapes are not enough to know what it needs."""
        leaves, key = _read(args)
        is_placed = any(sharding for *_, sharding in key.kinds)
        if key in self._kinds or is_placed or getattr(jax.config, "jax_disable_jit"):  # noqa: B009
            return None
        kind = self._new(leaves, key)
        if kind.kept is not None or not only_trace:
            kind.begin()
        return kind.shapes

    def clear(self) -> None:
        """Forget what was compiled."""
        self._kinds.clear()

    def _new(self, leaves: list[Any], key: files.Key) -> "_Kind":
        # What a second call would have optimised is optimised at once.
        kind = self._kinds[key] = self._kind(leaves, key, self._options(leaves, 2))
        return kind

    def _options(self, leaves: list[Any], calls: int) -> dict[str, Any]:
        """The compiler's options with which compiling and so many calls with arrays of this size
        take least."""
        if self._for_many or jax.default_backend() != "cpu":
            return WHOLE
        size = max((leaf.size for leaf in leaves), default=0)
        return OPTIMISED if calls * size > EARNED else PLAIN

    def _kind(
        self,
        leaves: list[Any],
        key: files.Key,
        options: dict[str, Any],
        lowered: Any = None,
        *,
        is_damaged: bool = False,
    ) -> "_Kind":
        """A kind that was found on disk, or is to be compiled: because what is there cannot be
        loaded, too."""
        file = files.file_of(self.name, key, options)
        kept = None if file is None or is_damaged else files.read(file)
        if kept is not None:
            return _Kind(options, file, kept=kept, shapes=kept.shapes)
        if lowered is not None:
            return _Kind(options, file, lowered=lowered)

        def flat(*leaves: Any) -> Any:
            return self._function(*jax.tree.unflatten(key.tree, leaves))

        with uncollected():
            traced = jax.jit(flat).trace(*leaves)
        return _Kind(options, file, traced=traced, shapes=traced.out_info)


@dataclasses.dataclass
class _Kind:
    """A program for one structure and shapes.

    Attributes:
        options: how it is compiled.
        file: where it is kept, or None.
        compiled: what can be called, or None.
        kept: what was found on disk.
        traced: what comes before it is lowered.
        shapes: of its result.
        lowered: what may be compiled again, optimised.
        coming: the future of what can be called.
        better: the optimised one, which takes its place when it is there.
        calls: how many there were.
    """

    options: dict[str, Any]
    file: pathlib.Path | None
    compiled: Any = None
    kept: files.Kept | None = None
    traced: Any = None
    shapes: Any = None
    lowered: Any = None
    coming: Any = None
    better: "_Kind | None" = None
    calls: int = 0
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Have it loaded or compiled, unless it is, or will be."""
        with self.lock:  # two threads may ask for it
            self._begin()

    def _begin(self) -> None:
        if self.compiled is not None or self.coming is not None:
            return
        if self.kept is not None:
            self.coming, self.kept = _compiler.submit(files.loaded, self.kept), None
            return
        if self.lowered is None:
            with uncollected():
                self.lowered = self.traced.lower()
        self.coming = _compiler.submit(_compile, self.lowered, self.options, self.file)
        self.traced = None
        if self.options is not PLAIN:
            self.lowered = None

    @property
    def is_there(self) -> bool:
        """Whether it can be called without waiting."""
        return self.coming is not None and self.coming.done()


def _read(args: tuple) -> tuple[list[Any], files.Key]:
    """The arrays of arguments, and what decides which program serves them."""
    leaves, tree = jax.tree.flatten(args)
    kinds = tuple((leaf.shape, leaf.dtype, _place(leaf)) for leaf in leaves)
    return leaves, files.Key(tree, kinds, tuple(getattr(jax.config, name) for name in _SETTINGS))


def _place(leaf: Any) -> Any:
    """Where an array was put; None if it may be anywhere."""
    return leaf.sharding if getattr(leaf, "committed", False) else None


_read_back = set()  # threads for which JAX's own cache had what they were to compile


def _hear(event: str, **_: Any) -> None:
    if event.endswith("/cache_hits"):
        _read_back.add(threading.get_ident())


jax.monitoring.register_event_listener(_hear)


def _compile(lowered: Any, options: dict[str, Any], file: pathlib.Path | None) -> Any:
    """Compile, and let another thread keep the program; one that JAX has read from a cache of its
    own cannot be written again. Options are not an interface of XLA: where it knows one no longer,
    it compiles without any."""
    _read_back.discard(threading.get_ident())
    try:
        compiled = lowered.compile(compiler_options=dict(options))
    except jax.errors.JaxRuntimeError:
        if not options:
            raise
        compiled = lowered.compile()
    if file is not None and threading.get_ident() not in _read_back:
        with contextlib.suppress(RuntimeError):  # at the end of the process there are no threads
            _compiler.submit(files.save, file, compiled, lowered.out_info)
    return compiled


def _awaited(future: concurrent.futures.Future) -> Any:
    """The result of a compilation, with a word on a terminal when it takes long."""
    if not sys.stderr.isatty():
        return future.result()
    done, _ = concurrent.futures.wait([future], _SECONDS)
    if done:
        return future.result()
    with _spinner.spinner():
        return future.result()


def let_programs_go() -> None:
    """Clear the caches of programs if the process has many memory maps; programs that are needed
    again are compiled again.

    XLA maps several hundred pieces of memory for each program. Linux grants a process 65,530
    (`vm.max_map_count`), and XLA ends the process when they are used up, which some hundred models
    of different shapes are enough for.
    """
    if (
        next(_models) % _EVERY == 0
        and _MAPS.exists()
        and _MAPS.read_bytes().count(b"\n") > _AT_MOST
    ):
        forget_programs()


def forget_programs() -> None:
    """Clear the caches of programs, and those of JAX."""
    for program in _programs:
        program.clear()
    jax.clear_caches()
