"""Compiled programs are let go before a process has too many of them.

XLA maps several hundred pieces of memory for each program. Linux grants a process 65,530
(`vm.max_map_count`), and XLA ends the process when they are used up, which some hundred models of
different shapes are enough for.
"""

import itertools
import pathlib

import jax

_MAPS = pathlib.Path("/proc/self/maps")
_AT_MOST = 40_000
_EVERY = 8  # models: counting takes milliseconds
_models = itertools.count(1)


def let_programs_go() -> None:
    """Clear JAX's caches if the process has many memory maps; programs that are needed again are
    compiled again."""
    if (
        next(_models) % _EVERY == 0
        and _MAPS.exists()
        and _MAPS.read_bytes().count(b"\n") > _AT_MOST
    ):
        jax.clear_caches()
