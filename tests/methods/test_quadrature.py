"""How quadrature is computed: in pieces where its nodes are many."""

import jax
import numpy as np
import pytest

import glmmjax as gj
from glmmjax.methods import Mode, _aghq
from glmmjax.methods._mode import factor_at


def test_quadrature_in_pieces_is_the_same(monkeypatch):
    model = gj.glmm("success ~ visit + (1 | patient)", gj.datasets.load("spinal"), "bernoulli")
    params, glmm = model.start(), model.core.glmm

    def value_and_gradient():
        def value(moved):
            nowhere = glmm.structure.no_effects(float)
            return gj.AGHQ(7).log_integral(
                glmm, moved, Mode(nowhere, factor_at(glmm, moved, nowhere))
            )

        return jax.value_and_grad(value)(params)

    with gj.float64():
        whole = value_and_gradient()
        monkeypatch.setattr(_aghq, "CELLS_AT_ONCE", 600)
        pieces = value_and_gradient()
    assert float(pieces[0]) == pytest.approx(float(whole[0]), rel=1e-13)
    assert np.asarray(pieces[1].beta) == pytest.approx(np.asarray(whole[1].beta), rel=1e-11)
