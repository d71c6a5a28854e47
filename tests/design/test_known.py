import numpy as np
import pandas as pd
import pytest

from glmmjax._errors import ModelError
from glmmjax.design import build_design, is_identified, new_rows, subset_rows

KINDS = {"us": "columns", "propto": "levels"}
MATRIX = np.array([[2, 0.5, 0.1, 0], [0.5, 1, 0.2, 0], [0.1, 0.2, 1.5, 0.3], [0, 0, 0.3, 1]])


def build(data, matrices, right="propto(1 | s, K)"):
    return build_design(
        f"y ~ x + {right}", data, response="real", covariances=KINDS, matrices=matrices
    )


def test_levels_are_the_positions_of_one_level(frame):
    (part,) = build(frame, {"K": MATRIX}).random
    assert part.names == ("7", "8", "9", "10")
    assert (part.levels, part.formula.group, part.factor_levels) == (("",), "s", ())
    np.testing.assert_array_equal(part.position, np.repeat([3, 2, 1, 0], 3))
    np.testing.assert_array_equal(part.refs, np.zeros(12))
    np.testing.assert_array_equal(part.z, np.ones((12, 1)))
    np.testing.assert_array_equal(part.matrix, MATRIX)
    assert part.coordinates is None


@pytest.mark.parametrize("labels", [["7", "8", "9", "10"], [7, 8, 9, 10], [7.0, 8.0, 9.0, 10.0]])
def test_a_frame_is_read_by_its_labels(frame, labels):
    table = pd.DataFrame(MATRIX, labels, labels)
    wide = table.reindex(
        index=[*labels[::-1], "more"], columns=["more", *labels[1:], labels[0]], fill_value=-9.0
    )
    np.testing.assert_array_equal(build(frame, {"K": wide}).random[0].matrix, MATRIX)


def test_rounding_is_no_asymmetry(frame):
    off = MATRIX.copy()
    off[0, 1] += 1e-12
    (part,) = build(frame, {"K": off}).random
    np.testing.assert_array_equal(part.matrix, part.matrix.T)


def test_an_interaction_has_levels_too(frame):
    table = pd.DataFrame(np.eye(4), ["a:u", "a:v", "b:v", "c:u"], ["a:u", "a:v", "b:v", "c:u"])
    assert build(frame, {"K": table}, "propto(1 | g:h, K)").random[0].names == (
        "a:u",
        "a:v",
        "b:v",
        "c:u",
    )


def test_other_rows(frame):
    design = build(frame, {"K": MATRIX}, "propto(1 | s, K) + (1 | g)")
    rows = new_rows(design, {"x": [0.0, 1.0, 2.0], "s": [10, 99, 7], "g": list("abz")})
    assert rows.positions[0].tolist() == [3, -1, 0]
    assert [refs.tolist() for refs in rows.refs] == [[0, 0, 0], [0, 1, -1]]
    rows = new_rows(design, {"x": [0.0, 1.0]}, groups=False)
    assert (rows.positions[0].tolist(), rows.refs[0].tolist()) == ([-1, -1], [-1, -1])
    np.testing.assert_array_equal(rows.z, np.ones((2, 2, 1)))
    rows = new_rows(design, {"x": [0.0, 1.0]}, random=False, groups=False)
    assert rows.positions[0].tolist() == [-1, -1]
    np.testing.assert_array_equal(rows.z, np.zeros((2, 2, 1)))


def test_a_subset_keeps_the_matrix(frame):
    part = subset_rows(build(frame, {"K": MATRIX}), np.array([0, 1, 3]))
    (term,) = part.random
    assert (term.names, term.levels) == (("7", "8", "9", "10"), ("",))
    assert term.position.tolist() == [3, 3, 2]
    np.testing.assert_array_equal(term.matrix, MATRIX)
    assert is_identified(part)
    assert is_identified(
        subset_rows(part, np.array([0, 1]))
    )  # one level: the matrix leaves one variance


def test_as_many_levels_as_rows_are_allowed(frame):
    frame["id"] = np.arange(12)
    assert len(build(frame, {"K": np.eye(12) + 0.5}, "propto(1 | id, K)").random[0].names) == 12


LABELS = ["7", "8", "9", "10"]
ERRORS = [
    (None, "is missing: give it as matrices={'K': ...}."),
    ({"L": MATRIX}, "is missing: give it as matrices={'K': ...}."),
    ({"K": [["a"]]}, "must hold numbers."),
    ({"K": MATRIX[:3]}, "must be square, and its shape is (3, 4)."),
    ({"K": np.ones(4)}, "must be square, and its shape is (4,)."),
    ({"K": MATRIX[:3, :3]}, "is of shape (3, 3), and 's' has 4 levels."),
    ({"K": MATRIX + np.triu(np.ones((4, 4)))}, "is not symmetric."),
    ({"K": MATRIX - 0.6 * np.eye(4) - 0.6}, "is not positive definite."),
    ({"K": np.ones((4, 4))}, "is not positive definite."),
    ({"K": np.zeros((4, 4))}, "is not positive definite."),
    ({"K": np.where(MATRIX == 0, np.nan, MATRIX)}, "has missing or infinite values."),
    (
        {"K": pd.DataFrame(MATRIX, LABELS, ["7", "8", "x", "10"])},
        "has no row or no column for 1 level(s): '9'.",
    ),
    ({"K": pd.DataFrame(MATRIX)}, "has no row or no column for 4 level(s): '7', '8', '9', '10'."),
    ({"K": pd.DataFrame(MATRIX, ["7", "8", "8", "9"], LABELS)}, "has the label '8' twice."),
]


@pytest.mark.parametrize(("matrices", "sentence"), ERRORS)
def test_faults_of_a_matrix(frame, matrices, sentence):
    with pytest.raises(ModelError) as caught:
        build(frame, matrices)
    assert str(caught.value) == f"The matrix K of propto(1 | s, K) {sentence}"


def test_one_level_is_allowed(frame):
    assert build(frame.assign(s=1), {"K": np.eye(1)}).random[0].names == ("1",)


def test_matrices_are_a_dictionary(frame):
    with pytest.raises(
        ModelError, match=r"^matrices must be a dictionary with the matrix of each propto"
    ):
        build(frame, np.eye(3))
