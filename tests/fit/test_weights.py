"""Prior weights: of zero, and by their labels."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj


@pytest.mark.parametrize(("response", "family"), [("count", "poisson"), ("y", "gaussian")])
def test_weights_of_zero_that_leave_a_column_without_rows_drop_it(table, response, family):
    present = table.f != "b"
    weighted = gj.glmm(
        f"{response} ~ x + f + (1 | g)", table, family, weights=present.astype(float)
    ).fit()
    kept = gj.glmm(f"{response} ~ x + f + (1 | g)", table[present], family).fit()
    assert weighted.model.core.design.fixed.dropped == ("f[T.b]",)
    assert weighted.loglik == pytest.approx(kept.loglik, abs=1e-8)
    assert weighted.nobs == kept.nobs


def test_a_series_of_weights_goes_by_its_labels(table):
    weights = pd.Series(np.linspace(0.5, 2, 160), table.index)
    straight = gj.glmm("count ~ x", table, "poisson", weights=weights)
    shuffled = gj.glmm(
        "count ~ x", table, "poisson", weights=weights.sample(frac=1, random_state=0)
    )
    assert np.array_equal(straight.core.design.weights, shuffled.core.design.weights)
    with pytest.raises(gj.ModelError, match="weights has other row labels"):
        gj.glmm("count ~ x", table, "poisson", weights=weights.set_axis(range(1, 161)))
