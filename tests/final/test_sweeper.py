"""The final stage as Hydra starts it in any program."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from omegaconf import OmegaConf

from zmodel.final.sweeper import FinalSweeper
from zmodel.sweep.sweeper import CannotStart


def test_a_mistake_reaches_the_user_of_any_program_without_a_trace(tmp_path):
    config = OmegaConf.create(
        {
            "study": "nothing",
            "final": {"storage": None},
            "paths": {"log_dir": str(tmp_path)},
            "hydra": {"sweep": {"dir": str(tmp_path / "final")}},
        }
    )
    sweeper = FinalSweeper()
    sweeper.setup(hydra_context=Mock(), task_function=lambda cfg: 0.0, config=config)
    with pytest.raises(CannotStart, match="there is no study 'nothing'"):
        sweeper.sweep([])
