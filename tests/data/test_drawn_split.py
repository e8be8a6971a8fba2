from __future__ import annotations

import numpy as np
import pytest

from zmodel.data.drawn_split import grouped_split, stratified_split


def test_stratified_split_keeps_a_sample_of_every_class_on_both_sides() -> None:
    y = np.array([0] * 2 + [1] * 50 + [2] * 7)
    for fraction in (0.01, 0.4, 0.99):
        rest, part = stratified_split(y, fraction, seed=0)
        assert sorted([*rest, *part]) == list(range(len(y)))
        assert (np.bincount(y[rest]) >= 1).all() and (np.bincount(y[part]) >= 1).all()
    assert np.bincount(y[stratified_split(y, 0.4, seed=0)[1]]).tolist() == [1, 20, 3]
    with pytest.raises(ValueError, match="found 1 of class 3"):
        stratified_split(np.append(y, 3), 0.2, seed=0)


def test_grouped_split_keeps_groups_whole() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, size=600)
    y = (rng.random(600) < 0.3).astype(np.int64)
    rest, part = grouped_split(y, groups.astype(str), 0.25, seed=1)
    assert sorted([*rest, *part]) == list(range(600))
    assert not set(groups[rest]) & set(groups[part])
    shares = np.bincount(y[part]) / np.bincount(y)
    assert (abs(shares - 0.25) < 0.1).all()
    again = grouped_split(y, groups.astype(str), 0.25, seed=1)[1]
    assert np.array_equal(part, again)
    assert not np.array_equal(part, grouped_split(y, groups.astype(str), 0.25, seed=2)[1])
    with pytest.raises(ValueError, match="found 1 groups"):
        grouped_split(y, np.zeros(600), 0.25, seed=1)
