"""Seeded faults are in the studies that have them, and the verdicts find them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from calibration.bounds_faults import BOUNDS_FAULTS  # noqa: E402
from calibration.fault import says  # noqa: E402
from calibration.search_faults import SEARCH_FAULTS  # noqa: E402
from calibration.tabled import tables  # noqa: E402
from calibration.training_faults import TRAINING_FAULTS  # noqa: E402
from calibration.worlds import simulated  # noqa: E402

FAULTS = {fault.name: fault for fault in BOUNDS_FAULTS + SEARCH_FAULTS + TRAINING_FAULTS}


@pytest.mark.parametrize(
    "name",
    [
        "bounds too narrow",
        "a limit of size binds",
        "too few trials",
        "few validation samples",
        "overfit depth",
    ],
)  # fmt: skip
def test_a_seeded_fault_is_found_and_its_absence_is_silent(name):
    fault, world = FAULTS[name], simulated()[2]
    ranks = []
    for truth in (True, False):
        seeded = fault.make(world, 5, truth)
        assert seeded is not None and seeded.fault is truth
        ranks.append(says(fault, seeded))
    assert ranks[0] >= fault.least > ranks[1]


def test_a_table_gives_every_row_once_and_the_nearest_of_the_depth(tmp_path):
    rng = np.random.default_rng(0)
    depth = np.repeat(np.arange(1, 6), 4)
    spread = 10 ** rng.uniform(-3, -1, (20, 2))
    config = np.column_stack(
        [depth, rng.integers(16, 96, 20), *spread.T, rng.random(20), depth, depth]
    )
    curves = np.clip(rng.random((20, 6, 5)), 0.3, 0.9)
    np.savez(tmp_path / "mnist1d_x.npz", config=config, curves=curves)
    np.savez(tmp_path / "data_mnist1d.npz", x=curves)  # what tables were made of lies beside them
    (world,) = tables([tmp_path])
    source = world.source(rng)
    own = world.pool[7]
    runs = [source.at(own.params) for _ in range(4)]
    assert np.array_equal(runs[0].curve, own.curve)
    assert len({run.truth for run in runs}) == 4
    assert {run.params["model.z_layers"] for run in runs} == {2}
    trained = [run.params for run in world.pool]
    assert all(run.params in trained for run in runs), "a trial records what was trained"
