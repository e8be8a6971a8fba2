"""Small studies on disk as the sweeper leaves them, and what a check needs of a page."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.trial import TrialState, create_trial

from zmodel.analysis.replay.simulate import Truth, simulate
from zmodel.study.storage.opening import open_storage


def config(log_dir: Path, study: Any, **more: Any) -> dict[str, Any]:
    usual = {"storage": None, "report_dir": None, "watch": None}
    return {"study": study, "paths": {"log_dir": str(log_dir)}, **usual, **more}


def make_study(log_dir: Path, name: str, trials: int = 24, running: int = 0) -> Path:
    """A small study on disk as the sweeper leaves it: journal, run folders, results."""
    folder = log_dir / "studies" / name
    folder.mkdir(parents=True)
    truth = Truth(epochs=20)
    study = optuna.create_study(
        study_name=name, direction="maximize", storage=open_storage(str(folder / "study.journal"))
    )
    attrs = {
        "space": {p: distribution_to_json(d) for p, d in truth.space.items()},
        "n_trials": trials,
        "optimized_metric": ["val/acc_best"],
        "command": f"python train.py -m hparams_search=zlayers study_name={name}",
    }
    for key, value in attrs.items():
        study.set_user_attr(key, value)
    for record in simulate(truth, trials, 0, floor=4).trials:
        run = folder / "trials" / str(record.number)
        write_run(run, record.curve, 1 if record.number < 3 else 0)
        ended = record.number < trials - running
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if ended else TrialState.RUNNING,
                value=record.value if ended else None,
                params=record.params,
                distributions=record.distributions,
                intermediate_values=record.curve,
                user_attrs={
                    **record.attrs,
                    "dir": str(run),
                    "worker": "w0",
                    "slot": record.number,
                    "baseline": record.number == 0,
                },
            )  # fmt: skip
        )
    return folder


def write_run(run: Path, curve: dict[int, float], wrong: int) -> None:
    (run / "csv").mkdir(parents=True)
    with (run / "csv" / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "step", "train/loss", "train/acc", "val/loss", "val/acc"])
        for epoch, value in curve.items():
            writer.writerow([epoch, epoch, 1 - value, value, "", ""])
            writer.writerow([epoch, epoch, "", "", 1.1 - value, value])
    counts = (np.eye(3, dtype=int) * 9 + wrong).tolist()
    matrix = {"split": "val", "classes": ["a", "b", "<c>"], "counts": counts}
    (run / "result.json").write_text(json.dumps({"confusion_matrix": matrix}))


class Page(HTMLParser):
    """Collects what the checks need: tags with attributes, ids, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]
