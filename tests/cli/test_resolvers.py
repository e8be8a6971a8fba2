"""What the shipped search space says of tables and of samples whose positions have an order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import zmodel.cli.resolvers  # noqa: F401 - of the configuration

CONF = Path(__file__).parents[2] / "conf"
SHIFTS = "int(interval(0, 4))"


@pytest.mark.parametrize(
    ("data", "shifts"),
    [
        (["data=digits"], SHIFTS),
        (["data=arrays", "data.path=/a b/x.npz"], SHIFTS),
        (["data=arrays", "data.path=/a b/x.CSV"], 0),
        (["data=arrays", "data.path=x.parquet", "data.input_shape=[1,40]"], SHIFTS),
    ],
)
def test_shifts_are_searched_where_they_do_something(data: list[str], shifts: object) -> None:
    with initialize_config_dir(str(CONF)):
        cfg = compose("train", ["hparams_search=zlayers", *data], return_hydra_config=True)
    assert cfg.hydra.sweeper.params["data.augment.max_shift"] == shifts
