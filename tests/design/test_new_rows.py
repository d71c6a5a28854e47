import numpy as np
import pandas as pd
import polars as pl
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design, new_rows

FORMULA = (
    "y ~ poly(x, 2) + bs(t, df=4) + scale(count) + C(s) + g*h + x2 + offset(center(t)) + (1 + x |"
    " s) + (0 + g | h:s)"
)


def test_the_rows_of_the_model_come_back(frame):
    design = build_design(FORMULA, frame, response="positive", offset="z")
    rows = new_rows(design, frame)
    np.testing.assert_allclose(rows.x[0], design.fixed.x, atol=1e-12)
    np.testing.assert_allclose(rows.offset[0], design.offset)
    for part, z, refs in zip(design.random, rows.z, rows.refs, strict=True):
        np.testing.assert_array_equal(z, part.z)
        np.testing.assert_array_equal(refs, part.refs)


@pytest.mark.parametrize("at", [[3], [11, 0, 5]])
def test_some_rows_are_coded_as_among_all(frame, at):
    design = build_design(FORMULA, frame, response="positive", offset="z")
    frame.index = pd.Index([f"row {i}" for i in range(12)])
    newdata = frame.iloc[at].drop(columns=["y"])
    for table in (newdata, pl.DataFrame(newdata.to_dict("list")), newdata.to_dict("list")):
        rows = new_rows(design, table)
        np.testing.assert_allclose(rows.x[0], design.fixed.x[at], atol=1e-12)
        np.testing.assert_allclose(rows.offset[0], design.offset[at])
        for part, z, refs in zip(design.random, rows.z, rows.refs, strict=True):
            np.testing.assert_array_equal(z, part.z[at])
            np.testing.assert_array_equal(refs, part.refs[at])
    assert list(new_rows(design, newdata).index) == [f"row {i}" for i in at]


def test_a_level_not_seen_is_minus_one(frame):
    design = build_design("y ~ x + (1 | s) + (1 | g:h)", frame, response="real")
    newdata = {
        "x": [0, 0, 0, 0],
        "s": [7, 99, 10, 8],
        "g": ["a", "a", "b", "new"],
        "h": ["v", "new", "u", "u"],
    }
    number, pair = new_rows(design, newdata).refs
    assert number.tolist() == [0, -1, 3, 1]
    assert pair.tolist() == [1, -1, -1, -1]  # b:u is made of known levels and did not occur


def test_a_level_is_found_by_its_label(frame):
    design = build_design("y ~ x + (1 | s)", frame, response="real")
    (refs,) = new_rows(design, {"x": [0.0, 0.0], "s": ["10", "9"]}).refs
    assert refs.tolist() == [3, 2]
    (refs,) = new_rows(design, {"x": [0.0, 0.0], "s": [10.0, 9.0]}).refs
    assert refs.tolist() == [3, 2]


def test_labels_with_colons_do_not_mix(frame):
    frame["a"] = ["p", "p:q"] * 6
    frame["b"] = ["q:r", "r"] * 6
    design = build_design("y ~ (1 | a:b)", frame, response="real")
    assert design.random[0].levels == ("p:q:r", "p:q:r")
    assert new_rows(design, frame.head(2)).refs[0].tolist() == [0, 1]


def test_without_groups_their_columns_are_not_needed(frame):
    design = build_design("y ~ x + (t | s)", frame, response="real")
    rows = new_rows(design, {"x": [1.0, 2.0]}, random=False, groups=False)
    np.testing.assert_array_equal(rows.z, np.zeros((1, 2, 2)))
    np.testing.assert_array_equal(rows.refs, [[-1, -1]])
    assert rows.positions == (None,)
    np.testing.assert_array_equal(rows.x[0], [[1, 1], [1, 2]])


def test_an_intercept_takes_the_number_of_rows(frame):
    design = build_design("y ~ 1", frame, response="real")
    assert new_rows(design, {"anything": [1, 2, 3]}).x[0].shape == (3, 1)
    assert new_rows(build_design("y ~ 0", frame, response="real"), frame).x[0].shape == (12, 0)


def test_categories_given_as_their_values(frame):
    frame["k"] = pd.Categorical([1, 2, 3] * 4)
    design = build_design("y ~ k", frame, response="real")
    np.testing.assert_array_equal(new_rows(design, {"k": [3, 1]}).x[0], [[1, 0, 1], [1, 0, 0]])


def test_an_offset_column_is_taken_from_newdata(frame):
    design = build_design("y ~ x + offset(log(t))", frame, response="real", offset="z")
    assert new_rows(design, {"x": [0.0], "t": [1.0], "z": [5.0]}).offset[0].tolist() == [5.0]
    with pytest.raises(ModelError, match=r"^Column 'z' is not in newdata\.$"):
        new_rows(design, {"x": [0.0], "t": [1.0]})


def test_an_offset_array_asks_for_a_column(frame):
    design = build_design("y ~ x", frame, response="real", offset=np.ones(12))
    with pytest.raises(ModelError, match="fit the model with the name of a column as offset"):
        new_rows(design, frame)
    np.testing.assert_array_equal(new_rows(design, design.frame).offset[0], np.ones(12))


ERRORS = [
    ({"x": None}, "Column 'x' is not in newdata; near matches are 'xx'."),
    ({"s": None}, "Column 's' is not in newdata."),
    ({"g": ["q", "a"]}, "Column 'g' of newdata has levels the model was not fitted to: 'q'."),
    ({"s": [99, 7]}, "newdata has levels of C(s) that the model was not fitted to: '99'."),
    ({"x": [np.nan, 1]}, "Column 'x' of newdata has 1 missing value(s)."),
    ({"h": [None, "u"]}, "Column 'h' of newdata has 1 missing value(s)."),
    ({"x": [np.inf, 1]}, "Column 'x' has infinite values."),
    (
        {"x": ["1", "2"]},
        "Column 'x' of newdata holds numbers written as text, and the model was fitted to numbers.",
    ),
    (
        {"t": [0.1, 9.0]},
        (
            "The term bs(t, df=4) cannot be computed: the values 0.1, 9 lie outside of its range, 1"
            " to 3"
        ),
    ),
    ({"x": [1.0]}, "Column 'x' of newdata has 1 rows and others 2."),
]


@pytest.mark.parametrize(("change", "sentence"), ERRORS)
def test_faults_of_newdata(frame, change, sentence):
    design = build_design("y ~ x + g + C(s) + bs(t, df=4) + (1 | h)", frame, response="positive")
    newdata = {
        "g": ["a", "b"],
        "x": [1.0, 2.0],
        "s": [7, 8],
        "t": [1.0, 2.0],
        "h": ["u", "v"],
        **change,
    }
    newdata = {name: values for name, values in newdata.items() if values is not None} | {
        "xx": [0, 0]
    }
    with pytest.raises(ModelError) as caught:
        new_rows(design, newdata, missing="raise")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_newdata_without_rows_or_of_no_known_kind(frame):
    design = build_design("y ~ x", frame, response="real")
    with pytest.raises(ModelError, match=r"^newdata has no rows\.$"):
        new_rows(design, frame.head(0))
    with pytest.raises(ModelError, match=r"^newdata must be a pandas or polars DataFrame"):
        new_rows(design, [1, 2])


class TestMissingValues:
    """A row that misses a value is left out; a level that is missing is one not seen."""

    FORMULA = "y ~ x + g + scale(count) + (1 + t | s) + (1 | g:h)"

    def rows(self, frame, changed, **how):
        design = build_design(self.FORMULA, frame, response="positive", offset="z")
        return design, new_rows(design, changed, **how)

    @pytest.mark.parametrize("name", ["x", "g", "count", "t", "z"])
    @pytest.mark.parametrize("kind", ["pandas", "polars", "nullable", "lists"])
    def test_a_value(self, frame, name, kind):
        changed = frame.astype({name: object})
        changed.loc[[1, 7], name] = None
        columns = {
            key: [None if value is pd.NA else value for value in own]
            for key, own in changed.items()
        }
        given = {
            "pandas": changed.set_axis(list("abcdefghijkl")),
            "polars": pl.DataFrame(columns, strict=False),
            "nullable": changed.convert_dtypes(),
            "lists": columns,
        }[kind]
        design, rows = self.rows(frame, given)
        here = np.delete(np.arange(12), [1, 7])
        assert np.flatnonzero(rows.complete).tolist() == here.tolist()
        assert len(rows.index) == 12
        np.testing.assert_allclose(rows.x[0], design.fixed.x[here], atol=1e-14)
        for part, z, refs in zip(design.random, rows.z, rows.refs, strict=True):
            np.testing.assert_array_equal(z, part.z[here])
            np.testing.assert_array_equal(refs, part.refs[here])

    @pytest.mark.parametrize(("name", "term"), [("s", 0), ("h", 1)])
    def test_a_level(self, frame, name, term):
        changed = frame.astype({name: object})
        changed.loc[[0, 4], name] = np.nan
        design, rows = self.rows(frame, changed)
        assert rows.complete.all()
        expected = np.where(np.isin(np.arange(12), [0, 4]), -1, design.random[term].refs)
        np.testing.assert_array_equal(rows.refs[term], expected)
        np.testing.assert_array_equal(rows.refs[1 - term], design.random[1 - term].refs)
        with pytest.raises(
            ModelError, match=rf"^Column '{name}' of newdata has 2 missing value\(s\)\.$"
        ):
            self.rows(frame, changed, missing="raise")

    def test_levels_of_numbers_that_missing_ones_made_floats(self, frame):
        changed = frame.assign(s=[np.nan, *frame["s"][1:]])
        assert changed["s"].dtype == float
        design, rows = self.rows(frame, changed)
        assert rows.refs[0].tolist() == [-1, *design.random[0].refs[1:]]

    def test_every_level(self, frame):
        for nothing in (None, np.nan, pd.NA, pd.NaT):
            _, rows = self.rows(
                frame, frame.assign(s=nothing, h=pd.Series([nothing] * 12, dtype=object))
            )
            assert rows.complete.all()
            assert (np.stack(rows.refs) == -1).all()

    def test_every_row(self, frame):
        for nothing in (None, np.nan, pd.NA):
            design, rows = self.rows(frame, frame.assign(x=nothing))
            assert not rows.complete.any()
            assert [own.shape for own in (*rows.x, *rows.offset, *rows.z)] == [
                (0, 5),
                (0,),
                (0, 2),
                (0, 1),
            ]
            assert rows.index.equals(frame.index)
        with pytest.raises(ModelError, match=r"^Column 'x' of newdata has 12 missing"):
            new_rows(design, frame.assign(x=np.nan), missing="raise")

    def test_what_is_not_needed_may_be_missing(self, frame):
        changed = frame.assign(y=np.nan, hits=None, s=np.nan, t=np.nan)
        design = build_design(self.FORMULA, frame, response="positive")
        assert new_rows(design, changed, random=False, groups=False, missing="raise").complete.all()
        assert new_rows(
            design, frame.assign(s=np.nan), groups=False, missing="raise"
        ).complete.all()

    def test_positions_and_known_matrices(self, frame):
        kinds = {"us": "columns", "ou": "line", "ar1": "order", "propto": "levels"}
        formula = "y ~ x + ou(t | g) + ar1(h | s) + propto(1 | s, K)"
        design = build_design(
            formula, frame, response="positive", covariances=kinds, matrices={"K": np.eye(4)}
        )
        changed = frame.astype({"t": object, "h": object, "s": object, "g": object})
        changed.loc[1, "t"], changed.loc[2, "h"], changed.loc[3, "s"], changed.loc[4, "g"] = [
            None
        ] * 4
        rows = new_rows(design, changed)
        here = np.delete(np.arange(12), [1, 2])
        assert np.flatnonzero(rows.complete).tolist() == here.tolist()
        ou, ar1, propto = (term.position[here] for term in design.random)
        assert rows.positions[0].tolist() == ou.tolist()
        assert rows.positions[1].tolist() == ar1.tolist()
        assert rows.positions[2].tolist() == np.where(here == 3, -1, propto).tolist()
        assert (
            rows.refs[0].tolist() == np.where(here == 4, -1, design.random[0].refs[here]).tolist()
        )
        assert (
            rows.refs[1].tolist() == np.where(here == 3, -1, design.random[1].refs[here]).tolist()
        )

    def test_infinite_values_are_refused(self, frame):
        with pytest.raises(ModelError, match=r"^Column 'x' has infinite values\.$"):
            self.rows(frame, frame.assign(x=[np.inf, np.nan, *frame["x"][2:]]))
