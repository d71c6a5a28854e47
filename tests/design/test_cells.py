"""Cells that do not occur: their columns are dropped from a random term, and named."""

import numpy as np
import pandas as pd
import pytest

import glmmjax as gj
from glmmjax._errors import ModelError
from glmmjax.design import build_design, is_identified, new_rows, split_design


@pytest.fixture
def cells():
    """a x b without the cell q:v, in 12 groups."""
    pattern = pd.DataFrame({"a": list("ppqpq"), "b": list("uvuuu")})
    data = pd.concat([pattern.assign(g=g) for g in range(12)], ignore_index=True)
    rng = np.random.default_rng(0)
    return data.assign(x=rng.normal(size=60), y=rng.normal(size=60) + rng.normal(size=12)[data.g])


def term(formula, data, **given):
    kinds = {"us": "columns", "diag": "columns", "homdiag": "columns", "cs": "columns"}
    (part,) = build_design(
        f"y ~ {formula}", data, response="real", covariances=kinds, **given
    ).random
    return part


@pytest.mark.parametrize("kind", ["us", "diag", "homdiag", "cs"])
def test_they_are_dropped_and_named(cells, kind):
    part = term(f"{kind}(0 + a:b | g)", cells)
    assert part.names == ("a[p]:b[u]", "a[q]:b[u]", "a[p]:b[v]")
    assert part.dropped == ("a[q]:b[v]",)
    joined = term(f"{kind}(0 + ab | g)", cells.assign(ab=cells.a + cells.b))
    np.testing.assert_array_equal(part.z, joined.z[:, [0, 2, 1]])
    assert joined.dropped == ()


def test_a_column_of_zeros_is_one(cells):
    part = term("(x + zero | g)", cells.assign(zero=0.0))
    assert (part.names, part.dropped) == (("Intercept", "x"), ("zero",))
    with pytest.raises(
        ModelError, match=r"^The random term \(0 \+ zero \| g\) has no columns but zeros\.$"
    ):
        term("(0 + zero | g)", cells.assign(zero=0.0))


def test_a_cell_whose_rows_have_no_weight_does_not_occur(cells):
    more = pd.concat([cells, cells.head(2).assign(a="q", b="v")], ignore_index=True)
    weights = np.r_[np.ones(60), 0.0, 0.0]
    assert term("diag(0 + a:b | g)", more).dropped == ()
    assert term("diag(0 + a:b | g)", more, weights=weights).dropped == ("a[q]:b[v]",)


def test_rows_of_such_a_cell_are_told(cells):
    design = build_design("y ~ x + diag(0 + a:b | g)", cells, response="real")
    new = cells.head(3).assign(a="q", b=["v", "u", "v"])
    rows = new_rows(design, new)
    np.testing.assert_array_equal(rows.z[0], [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert rows.beyond.tolist() == [True, False, True]
    assert new_rows(design, new, random=False, groups=False).beyond.tolist() == [False] * 3
    assert not new_rows(design, cells).beyond.any()


def test_other_combinations_are_refused_in_their_own_words(cells):
    with pytest.raises(
        ModelError, match=r"^Column twice of .* is a linear combination of those before it"
    ):
        gj.glmm("y ~ (x + twice | g)", cells.assign(twice=2 * cells.x))
    with pytest.raises(
        ModelError, match=r"^The random term \(poly\(x, 5\) \| g\) has 6 columns and only 5 rows\.$"
    ):
        gj.glmm(
            "count ~ (poly(x, 5) | g)",
            cells.head(60).assign(count=range(60)),
            "poisson",
            weights=np.r_[np.ones(5), np.zeros(55)],
        )


@pytest.fixture(scope="module")
def fits():
    rng = np.random.default_rng(1)
    pattern = pd.DataFrame({"a": list("ppqpq"), "b": list("uvuuu")})
    data = pd.concat([pattern.assign(g=g) for g in range(12)] * 2, ignore_index=True)
    data["count"] = rng.poisson(np.exp(0.5 + 0.7 * rng.normal(size=12)[data.g]))
    cell = gj.glmm("count ~ 1 + homdiag(0 + a:b | g)", data, "poisson").fit()
    return (
        data,
        cell,
        gj.glmm(
            "count ~ 1 + homdiag(0 + ab | g)", data.assign(ab=data.a + data.b), "poisson"
        ).fit(),
    )


class TestFit:
    """The fit is that of the model without the cell, and says what it left out."""

    def test_it_is_the_model_without_the_cell(self, fits):
        _, cell, joined = fits
        assert cell.loglik == pytest.approx(joined.loglik, abs=1e-9)
        assert cell.df == joined.df

    def test_it_says_so(self, fits, tmp_path):
        _, cell, joined = fits
        line = "Columns dropped from homdiag(0 + a:b | g) (zero in every row): a[q]:b[v]"
        assert line in str(cell.summary()).splitlines()
        assert "Columns dropped" not in str(joined.summary())
        assert cell.to_dict()["dropped_random_columns"] == {"homdiag(0 + a:b | g)": ["a[q]:b[v]"]}
        assert joined.to_dict()["dropped_random_columns"] == {}
        cell.save(tmp_path / "fit.json")
        assert gj.load(tmp_path / "fit.json").to_dict() == cell.to_dict()

    def test_predictions_of_the_cell(self, fits):
        """No effect where none was fitted, and no number for how uncertain that is."""
        _, cell, joined = fits
        new = pd.DataFrame({"a": list("qpq"), "b": list("vuu"), "g": [3, 3, 99]})
        found, known = (
            cell.predict(new, se=True),
            joined.predict(new.assign(ab=new.a + new.b).iloc[[1, 1, 2]], se=True),
        )
        population = cell.predict(new, level="population", se=True)
        assert found.estimate[0] == population.estimate[0]
        assert np.isnan(found.std_error[0])
        assert np.isfinite(population).all().all()
        np.testing.assert_allclose(found.iloc[1:], known.iloc[1:], rtol=1e-5)
        assert cell.predict(new, level="marginal").isna().tolist() == [True, False, False]
        assert cell.predict(new, level="marginal", se=True).isna().any(axis=1).tolist() == [
            True,
            False,
            False,
        ]


def test_a_member_that_lacks_a_cell_of_the_others_keeps_their_columns_and_is_not_identified(cells):
    more = pd.concat([cells, cells.replace({"a": {"q": "r"}}), cells], ignore_index=True)
    more["by"] = np.repeat(["one", "other", "third"], 60)
    more.loc[(more.by == "third") & (more.a == "q"), ["a", "b"]] = ["r", "u"]
    more.loc[more.index[more.by == "one"][::7], ["a", "b"]] = ["r", "u"]
    kinds = {"homdiag": "columns"}
    _, parts = split_design(
        "y ~ homdiag(0 + a:b | g)", more, "by", response="real", covariances=kinds
    )
    assert {part.random[0].names for part in parts} == {
        ("a[p]:b[u]", "a[q]:b[u]", "a[r]:b[u]", "a[p]:b[v]")
    }
    assert {part.random[0].dropped for part in parts} == {("a[q]:b[v]", "a[r]:b[v]")}
    assert [is_identified(part) for part in parts] == [True, False, False]


def test_other_rows_of_a_cell_that_did_not_occur_are_no_part_of_the_model(cells):
    model = gj.glmm("y ~ 1 + diag(0 + a:b | g)", cells)
    with pytest.raises(
        ModelError, match=r"has no effect for row 1 of newdata, whose cell did not occur"
    ):
        model.with_data(cells.head(4).assign(b=["u", "v", "u", "u"], a=["p", "q", "p", "p"]))


@pytest.mark.parametrize("levels", [[1, "1"], [True, "True"]])
def test_levels_that_are_written_alike(cells, levels):
    data = cells.assign(g=pd.Categorical([levels[k % 2] for k in range(60)], categories=levels))
    with pytest.raises(
        ModelError,
        match=r"^Column 'g' has several levels that are all written '(1|True)': rename them",
    ):
        gj.glmm("y ~ x + (1 | g)", data)
