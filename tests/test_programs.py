"""Programs are let go when the process has many memory maps."""

import jax
import jax.numpy as jnp
import pytest

from glmmjax import _programs


@pytest.mark.parametrize("many", [False, True])
def test_programs_go_only_when_there_are_many_maps(many, monkeypatch, compilations):
    triple = jax.jit(lambda x: 3 * x)
    triple(jnp.ones(3))
    monkeypatch.setattr(_programs, "_AT_MOST", 0 if many else 10**9)
    before = compilations()
    for _ in range(_programs._EVERY):
        _programs.let_programs_go()
    triple(jnp.ones(3))
    assert (compilations() > before) == (many and _programs._MAPS.exists())
