"""Whether a run is better than always naming the most frequent class."""

from __future__ import annotations

import pytest

from zmodel.core.never_learned import never_learned


@pytest.mark.parametrize(
    ("accuracy", "counts", "never"),
    [
        (0.1, [80] * 10, True),
        (0.12, [80] * 10, True),  # a standard deviation is .0106
        (0.13, [80] * 10, False),
        (0.9, [90, 10], True),
        (0.95, [90, 10], True),
        (0.97, [90, 10], False),
        (0.7, [5, 5], True),  # of ten samples seven may be luck
        (0.9, [5, 5], False),
    ],
)
def test_the_share_of_the_majority_with_a_margin_for_noise(accuracy, counts, never):
    assert never_learned(accuracy, counts) is never
