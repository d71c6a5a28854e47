"""Where rows lie: every row once, padding bounded and harmless."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmmjax.structure import make_layouts, round_up


def make_layout(refs, levels):
    return make_layouts([refs], [levels])[0]


balanced = st.lists(st.integers(1, 6), min_size=1, max_size=60)
skewed = st.lists(st.integers(0, 3), min_size=1, max_size=20).map(lambda sizes: [*sizes, 5000])
sizes = st.one_of(
    balanced, skewed, st.lists(st.integers(0, 400), min_size=1, max_size=25).filter(any)
)


def refs_of(sizes, seed=0):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(sizes)
def test_every_row_has_one_cell_of_its_group(sizes):
    refs = refs_of(sizes)
    layout = make_layout(refs, len(sizes))
    blocks = len(layout.rows)
    group = np.arange(blocks) if layout.group_of_block is None else layout.group_of_block
    assert sorted(layout.rows[layout.present]) == list(range(len(refs)))
    owner = np.broadcast_to(group[:, None], layout.rows.shape)
    assert (refs[layout.rows[layout.present]] == owner[layout.present]).all()
    assert layout.groups >= len(sizes)
    assert (np.diff(group) >= 0).all()
    assert group.max() < layout.groups


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sizes)
def test_to_rows_undoes_to_blocks(sizes):
    refs = refs_of(sizes, 1)
    layout = make_layout(refs, len(sizes))
    values = np.random.default_rng(2).normal(size=(2, 3, len(refs)))
    np.testing.assert_array_equal(layout.to_rows(layout.to_blocks(values)), values)
    np.testing.assert_array_equal(
        layout.to_rows(layout.to_blocks(np.arange(len(refs)))), np.arange(len(refs))
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(sizes)
def test_padding_repeats_a_row_of_the_same_group(sizes):
    """So that what is finite for the rows is finite for the padding (groups without rows take
    any)."""
    refs = refs_of(sizes, 3)
    layout = make_layout(refs, len(sizes))
    group = np.arange(len(layout.rows)) if layout.group_of_block is None else layout.group_of_block
    occupied = np.isin(group, np.flatnonzero(sizes))
    padded = ~layout.present & occupied[:, None]
    owner = np.broadcast_to(group[:, None], layout.rows.shape)
    assert (refs[layout.rows[padded]] == owner[padded]).all()
    assert ((layout.rows >= 0) & (layout.rows < len(refs))).all()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(sizes)
def test_padding_is_bounded(sizes):
    """No more cells than a block a group of the largest size takes, nor than a row a block does."""
    layout = make_layout(refs_of(sizes), len(sizes))
    n, levels = sum(sizes), len(sizes)
    assert layout.rows.size <= round_up(levels) * round_up(max(sizes))
    assert layout.rows.size <= 1.25 * (5 * n + 5 * levels) + 8


@pytest.mark.parametrize("each", [1, 4, 10, 100])
def test_balanced_groups_are_a_quarter_padding_at_most(each):
    layout = make_layout(np.repeat(np.arange(1000), each), 1000)
    assert layout.group_of_block is None
    assert layout.present.mean() > 1 / 1.25**2


def test_one_enormous_group_does_not_pad_the_others():
    refs = np.concatenate([np.zeros(100_000, int), np.repeat(np.arange(1, 1001), 3)])
    layout = make_layout(refs, 1001)
    assert layout.group_of_block is not None
    assert layout.present.mean() > 0.75


def test_data_sets_of_about_one_shape_share_it():
    shapes = {
        make_layout(np.repeat(np.arange(levels), 4), levels).rows.shape
        for levels in range(121, 129)
    }
    assert shapes == {(128, 4)}


@given(st.integers(1, 10**6))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_rounding_up(count):
    rounded = round_up(count)
    assert count <= rounded <= max(count * 1.125, 1)
    assert round_up(rounded) == rounded
    assert round_up(count + 1) >= rounded


def test_rounded_sizes_are_few():
    assert len({round_up(count) for count in range(1, 1025)}) <= 16 + 8 * 6
    assert round_up(0) == 1
