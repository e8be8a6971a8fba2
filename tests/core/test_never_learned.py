"""Whether a run is better than a constant answer."""

from __future__ import annotations

import numpy as np
import pytest

from zmodel.core.never_learned import never_explained, never_learned


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


def test_predictions_without_a_relation_to_the_target_seldom_pass_for_learned():
    """Whatever their variance; the worst one, 4 / n, in 2.3 % of the cases."""
    rng, n = np.random.default_rng(0), 50
    y = rng.normal(size=(4000, n))
    spread = ((y - y.mean(1, keepdims=True)) ** 2).mean(1)
    for variance in (0.01, 4 / n, 0.3, 1.0):
        guess = y.mean(1, keepdims=True) + variance**0.5 * rng.normal(size=(4000, n))
        r2 = 1 - ((y - guess) ** 2).mean(1) / spread
        assert np.mean([not never_explained(value, n) for value in r2]) < 0.035
    assert not never_explained(0.1, n) and never_explained(-3.0, n)
