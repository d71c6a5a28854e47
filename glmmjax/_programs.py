"""Compiled programs: how they are compiled, kept in this process and for the next one, and let go.

A `Program` is a pure function of pytrees of arrays. What is static (structure, families, methods)
is in the structure of its arguments, which with their shapes decides which compiled program serves
a call. Programs of the package's own classes are kept on disk (`_program_files`), so that a process
that meets a known shape neither traces nor compiles.

XLA compiles outside of Python's lock: `Program.ahead` has one compiled while another is traced.
"""

import concurrent.futures
import dataclasses
import itertools
import pathlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import jax

from . import _program_files as files
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

_CONTEXT = ("jax_enable_x64", "jax_default_device")  # of JAX's settings, which matter
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
        self._function, self._for_many, self.__doc__ = function, for_many, function.__doc__
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._kinds: dict[Any, _Kind] = {}
        _programs.append(self)

    @classmethod
    def of_many(cls, function: Callable) -> "Program":
        """One that works on many members, and gets all that XLA can do."""
        return cls(function, for_many=True)

    def __call__(self, *args: Any) -> Any:
        leaves, key = _read(args)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._started(leaves, key, self._tier(leaves, 1))
        kind.calls += 1
        if kind.tier is PLAIN and self._tier(leaves, kind.calls) is OPTIMISED:
            kind = self._kinds[key] = self._started(leaves, key, OPTIMISED, kind.lowered)
        if kind.compiled is None:
            kind.compiled = _awaited(kind.coming)
        return kind.compiled(*leaves)

    def ahead(self, *args: Any) -> Any:
        """Begin to compile what a call with such arguments needs, of which shapes are enough;
        returns the shapes of its result, or None if it can be called at once."""
        leaves, key = _read(args)
        if key in self._kinds:
            return None
        kind = self._kinds[key] = self._started(leaves, key, self._tier(leaves, 1))
        return None if kind.lowered is None else kind.lowered.out_info

    def _tier(self, leaves: list[Any], calls: int) -> dict[str, Any]:
        """The options with which compiling and so many calls with arrays of this size take
        least."""
        if self._for_many:
            return WHOLE
        size = max((leaf.size for leaf in leaves), default=0)
        return OPTIMISED if calls * size > EARNED else PLAIN

    def clear(self) -> None:
        """Forget what was compiled."""
        self._kinds.clear()

    def _started(self, leaves: list, key: Any, tier: dict, lowered: Any = None) -> "_Kind":
        """A kind that is being compiled, or was found on disk."""
        options = tier if jax.default_backend() == "cpu" else {}
        file = files.file_of(self.name, key, options)
        found = None if file is None else files.load(file)
        if found is not None:
            return _Kind(tier, compiled=found)
        tree = key[0]

        def flat(*leaves: Any) -> Any:
            return self._function(*jax.tree.unflatten(tree, leaves))

        lowered = lowered or jax.jit(flat).lower(*leaves)
        coming = _compiler.submit(_compile, lowered, options, file)
        return _Kind(tier, coming=coming, lowered=lowered)


@dataclasses.dataclass
class _Kind:
    """A program for one structure and shapes: compiled, or coming."""

    tier: dict[str, Any]
    compiled: Any = None
    coming: Any = None
    lowered: Any = None
    calls: int = 0


def _read(args: tuple) -> tuple[list[Any], Any]:
    """The arrays of arguments, and what decides which program serves them."""
    leaves, tree = jax.tree.flatten(args)
    kinds = tuple((leaf.shape, leaf.dtype, _shared(leaf)) for leaf in leaves)
    return leaves, (tree, kinds, *(getattr(jax.config, name) for name in _CONTEXT))


def _shared(leaf: Any) -> Any:
    """How an array is shared among devices; None if it is not."""
    sharding = getattr(leaf, "sharding", None)
    return None if sharding is None or len(sharding.device_set) == 1 else sharding


_read_back = set()  # threads for which JAX's own cache had what they were to compile
jax.monitoring.register_event_listener(
    lambda event, **_: (
        _read_back.add(threading.get_ident()) if event.endswith("/cache_hits") else None
    )
)


def _compile(lowered: Any, options: dict[str, Any], file: pathlib.Path | None) -> Any:
    """Compile, and let another thread keep the program; one that JAX has read from a cache of its
    own cannot be written again."""
    _read_back.discard(threading.get_ident())
    compiled = lowered.compile(compiler_options=dict(options))
    if file is not None and threading.get_ident() not in _read_back:
        _compiler.submit(files.save, file, compiled)
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
        for program in _programs:
            program.clear()
        jax.clear_caches()
