"""What a study leaves for people names trials that can be run again."""

from __future__ import annotations

import optuna
import pytest
import yaml
from optuna.trial import create_trial

from zmodel.sweep.results import write_results
from zmodel.sweep.space.parse import parse_space

SPACE = parse_space({"x": "interval(0, 1)", "z": "range(1, 4)"}, [])


@pytest.mark.parametrize("directions", [["maximize"], ["maximize", "minimize"]])
def test_a_trial_with_a_part_of_the_parameters_is_no_result(tmp_path, directions):
    study = optuna.create_study(directions=directions)
    for params, values, attrs in (
        ({"x": 0.9}, [0.9, 1.0], {}),  # of another program
        ({"x": 0.1, "z": 1}, [0.5, 2.0], {"slot": 0}),
        ({"x": 0.2, "z": 2}, [0.6, 3.0], {}),  # of another program, with all that it needs
    ):
        space = {name: SPACE.distributions[name] for name in params}
        found = values[: len(directions)]
        study.add_trial(
            create_trial(params=params, distributions=space, values=found, user_attrs=attrs)
        )
    assert write_results(study, SPACE, tmp_path) == 0
    results = yaml.safe_load((tmp_path / "optimization_results.yaml").read_text())
    if len(directions) == 1:
        assert results["best_trial"] == 2 and results["best_params"] == {"x": 0.2, "z": 2}
        assert yaml.safe_load((tmp_path / "best.yaml").read_text()) == ["x=0.2", "z=2"]
    else:
        assert {solution["trial"] for solution in results["solutions"]} == {1, 2}
