import numpy as np
import pytest

from glmmjax.design import build_design, new_rows, subset_rows

FORMULA = "hits / size ~ poly(x, 2) + h + offset(log(t)) + (1 + x | s) + (1 | g:h)"


@pytest.fixture
def design(frame):
    frame.index = [f"row {i}" for i in range(12)]
    return build_design(
        FORMULA, frame.drop("row 4"), response="proportion", weights="size", offset="z"
    )


@pytest.mark.parametrize("rows", [[0, 1, 2, 5, 9], [9, 0, 0, 3], range(11)])
def test_arrays_are_those_of_the_rows(design, rows):
    part = subset_rows(design, np.array(rows))
    for field in ("y", "weights", "offset"):
        np.testing.assert_array_equal(getattr(part, field), getattr(design, field)[rows])
    np.testing.assert_array_equal(part.fixed.x, design.fixed.x[rows])
    assert part.fixed.names == design.fixed.names
    assert list(part.frame.index) == list(design.frame.index[rows])
    for own, whole in zip(part.random, design.random, strict=True):
        np.testing.assert_array_equal(own.z, whole.z[rows])
        assert [own.levels[ref] for ref in own.refs] == [
            whole.levels[whole.refs[row]] for row in rows
        ]
        assert set(own.refs) == set(range(len(own.levels)))


def test_levels_are_those_of_a_design_of_the_rows_alone(frame):
    rows = np.array([1, 2, 8, 10])
    formula = "y ~ x + (1 + x | s) + (1 | g:h)"
    part = subset_rows(build_design(formula, frame, response="real"), rows)
    alone = build_design("~ x + (1 + x | s) + (1 | g:h)", frame.iloc[rows], response="count")
    for own, fresh in zip(part.random, alone.random, strict=True):
        assert (own.levels, own.factor_levels) == (fresh.levels, fresh.factor_levels)
        np.testing.assert_array_equal(own.refs, fresh.refs)
        np.testing.assert_array_equal(own.cells, fresh.cells)


def test_other_rows_are_read_as_in_the_whole(design, frame):
    rows = np.array([0, 1, 2, 5, 9])
    part = subset_rows(design, rows)
    whole, own = new_rows(design, frame), new_rows(part, frame)
    np.testing.assert_array_equal(whole.x, own.x)
    for term, one, other in zip(range(2), whole.refs, own.refs, strict=True):
        names = [design.random[term].levels[ref] if ref >= 0 else None for ref in one]
        kept = [part.random[term].levels[ref] if ref >= 0 else None for ref in other]
        assert kept == [name if name in part.random[term].levels else None for name in names]


def test_dropped_rows_are_in_no_subset(frame):
    frame.loc[3, "x"] = np.nan
    design = build_design("y ~ x", frame, response="real")
    assert design.dropped_rows == 1
    assert subset_rows(design, np.arange(3)).dropped_rows == 0
