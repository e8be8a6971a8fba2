"""A worker does not grow over hundreds of real trials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_memory_and_descriptors_stay_flat_over_300_trials(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import leak

    megabytes, descriptors, _ = leak.trials(tmp_path, 300).T
    first, last = slice(40, 80), slice(260, 300)
    assert np.median(megabytes[last]) < 1.1 * np.median(megabytes[first])
    assert descriptors[last].max() <= descriptors[first].max() + 2
