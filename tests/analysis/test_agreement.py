"""Nothing on a report contradicts itself: what stands twice, on page, JSON or CSV, is the same."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from reports import config, make_study, write_run

from zmodel.analysis import analyze_command as command
from zmodel.analysis.page import section
from zmodel.analysis.page.render import Rendered
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.study.storage.opening import open_storage


@dataclass
class Written:
    """A report as its files: `page` is the text that a reader sees."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        markup = (self.folder / "index.html").read_text()
        found = re.search(r'id="trial-data">(.*?)</script>', markup)
        assert found
        self.data: dict[str, Any] = json.loads(found[1])
        shown = re.sub(r"<(script|style).*?</\1>", " ", markup, flags=re.DOTALL)
        self.page = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", shown)))
        self.summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        self.trials = self.rows("trials.csv")

    def rows(self, name: str) -> list[dict[str, str]]:
        path = self.folder / name
        if not path.is_file():
            return []
        with path.open(newline="") as file:
            return [{k: v.removeprefix("'") for k, v in r.items()} for r in csv.DictReader(file)]

    def told(self, pattern: str) -> list[str]:
        return [str(found) for found in re.findall(pattern, self.page)]


def plain_study(log_dir: Path, directions: list[str]) -> dict[str, Any]:
    url = f"sqlite:///{log_dir}/plain.db"
    study = optuna.create_study(study_name="plain", storage=url, directions=directions)

    def objective(trial: optuna.Trial) -> Any:
        x, kind = trial.suggest_float("x", -5, 5), trial.suggest_categorical("kind", ["a", "b"])
        if trial.number % 5 == 4:
            raise ValueError("too far")
        value = (x - 2) ** 2 + (kind == "b")
        return value if len(directions) == 1 else (value, abs(x))

    study.optimize(objective, n_trials=14, catch=ValueError)
    return config(log_dir, "plain", storage=url, report_dir=str(log_dir / "out"))


def with_pruned(log_dir: Path) -> None:
    folder = make_study(log_dir, "mixed", 16, running=2)
    storage = open_storage(str(folder / "study.journal"))
    study = optuna.load_study(study_name="mixed", storage=storage)
    known = study.get_trials()[1]
    for number, state in ((16, TrialState.PRUNED), (17, TrialState.FAIL)):
        attrs = {"slot": number, "worker": "w0", "fail_reason": "out of memory"}
        study.add_trial(
            create_trial(
                state=state, params=known.params, distributions=known.distributions,
                intermediate_values={0: 0.1, 1: 0.2}, user_attrs=attrs,
            )
        )  # fmt: skip


def with_final(log_dir: Path) -> None:
    folder = make_study(log_dir, "done", 14)
    storage = open_storage(str(folder / "study.journal"))
    study = optuna.load_study(study_name="done", storage=storage)
    best = study.best_trial
    write_run(folder / "trials" / "again", best.intermediate_values, 40)
    (folder / "trials" / str(best.number) / "result.json").write_text(
        (folder / "trials" / "again" / "result.json").read_text()
    )
    counts = [[16, 4], [2, 18]]
    content = {
        "winner": {"tests": [{"seed": i, "test_acc": 0.8 + i / 20} for i in range(2)]},
        "candidates": [{"values": {"1": 0.70, "2": 0.72, "3": 0.77}}],
        "test_acc_mean": 0.825, "test_acc_std": 0.035, "test_acc_ci": [0.6, 1.0],
        "per_class": [{"class": "a", "support": 20}, {"class": "b", "support": 20}],
        "confusion_matrix": {"classes": ["a", "b"], "counts": counts},
    }  # fmt: skip
    (folder / "final").mkdir()
    (folder / "final" / "summary.json").write_text(json.dumps(content))


STUDIES = [
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("usual", "minimise", "two objectives")
    ),
    "mixed",
    "final",
]


@pytest.fixture(scope="module", params=STUDIES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of one of five studies; figures are not needed."""
    log_dir = tmp_path_factory.mktemp("logs")
    with pytest.MonkeyPatch.context() as patch:
        figure = Rendered(b"\x89PNG", '<svg viewBox="0 0 360 200"></svg>')
        patch.setattr(section, "render", lambda *_: figure)
        if request.param in ("minimise", "two objectives"):
            ways = ["minimize", "minimize"][: 1 + (request.param != "minimise")]
            cfg = plain_study(log_dir, ways)
            command.analyze(cfg)
            return Written(log_dir / "out", "plain")
        names = {"usual": "usual", "mixed": "mixed", "final": "done"}
        name = names[request.param]
        makers = {"mixed": with_pruned, "final": with_final}
        make = makers.get(request.param, lambda where: make_study(where, "usual", 14))
        make(log_dir)
        command.analyze(config(log_dir, name))
        return Written(log_dir / "studies" / name / "report", name)


def test_the_best_trial_is_the_same_everywhere(written: Written):
    best, data = written.summary["best"], written.data
    first = written.trials[0]
    assert int(first["trial"]) == best["number"] == data["best"] == data["trials"][0]["number"]
    value = first.get("value") or first["value_0"]
    assert float(value) == best["value"] == data["trials"][0]["value"]
    told = written.told(r"Best(?: so far| of the search)?: \S+ ([\d.e-]*\d)")
    assert f"{best['value']:.4g}" in told[0]
    assert set(written.told(r"\(trial (\d+)\)")) >= {str(best["number"])}
    steps = written.rows("data/history.csv")
    assert float(steps[-1]["best_so_far"]) == best["value"]
    lines = written.rows("data/parallel.csv")
    assert (int(lines[0]["trial"]), float(lines[0]["value"])) == (best["number"], best["value"])
    for card in written.told(r"[Bb]est trial \((\d+)\)"):
        assert int(card) == best["number"]


def test_its_error_is_the_same_everywhere(written: Written):
    error = written.summary["best"]["standard_error"]
    stated = written.told(r"Best(?: so far| of the search)?: \S+ [\d.e-]*\d ± ([\d.e-]*\d)")
    noise = written.rows("data/noise.csv")
    assert (error is None) == (not stated) == (not noise)
    if error is None:
        return
    assert stated[0] == f"{error:.2g}"
    assert float(noise[0]["error"]) == pytest.approx(error)
    for verdict in written.summary["verdicts"]:
        if "standard_error" in verdict["evidence"]:
            assert verdict["evidence"]["standard_error"] == pytest.approx(error)
    values = [row for row in written.rows("data/values.csv") if row["best"]]
    tops = [r for r in values if float(r["best"]) == written.summary["best"]["value"]]
    assert {round(float(row["best_error"]), 12) for row in tops} == {round(error, 12)}


def test_trials_are_counted_alike(written: Written):
    states = written.summary["states"]
    for state, n in states.items():
        assert n == sum(row["state"] == state for row in written.trials)
        assert n == sum(trial["state"] == state for trial in written.data["trials"])
        assert not n or f" {n} {state} " in written.page
    cells = written.rows("data/values.csv")
    for param, values in written.summary["coverage"].items():
        total = sum(cell["trials"] for cell in values.values())
        assert total == sum(1 for row in written.trials if row[param] != "")
        for label, cell in values.items():
            row = next(r for r in cells if (r["param"], r["value"]) == (param, label))
            assert int(row["trials"]) == cell["trials"]
            assert int(row["complete"]) == cell["complete"]
            assert sum(int(row[s]) for s in (*states, "waiting", "paused")) == cell["trials"]
            if cell["ci"]:
                assert cell["ci"][0] <= cell["median"] <= cell["ci"][1]
    ended = states["complete"] + states["pruned"] + states["failed"]
    assert len(written.rows("data/history.csv")) == ended
    failed = written.told(r"(\d+) of (?:\d+) ended trials failed")
    assert [int(n) for n in failed] == [states["failed"]][: len(failed)]


def test_every_estimate_lies_inside_its_interval(written: Written):
    for path in (written.folder / "data").glob("*.csv"):
        for row in written.rows(f"data/{path.name}"):
            pairs = [("value", "low", "high"), ("median", "median_low", "median_high"),
                     ("median", "low", "high"), ("epochs", "low", "high"),
                     ("epoch", "low", "high"), ("control_regret", "low", "high")]  # fmt: skip
            for own, low, high in pairs:
                if ("kind" in row) == (own == "value") or ("kind" not in row and own == "epoch"):
                    continue  # a value is a depth there, an epoch no estimate here
                try:
                    a, b, c = (float(row[key]) for key in (low, own, high))
                except (KeyError, ValueError):
                    continue
                assert a <= b <= c, (path.name, row)


def test_importances_agree_and_order_what_is_drawn(written: Written):
    rows = written.rows("data/importance.csv")
    for row in rows:
        stated = written.summary["importances"][row["method"]][row["param"]]
        for key in ("value", "low", "high"):
            assert (row[key] or None) == (None if stated[key] is None else str(stated[key]))
    if not rows:
        return
    first = [r for r in rows if r["method"] == rows[0]["method"]]
    leaders = [r["param"] for r in sorted(first, key=lambda r: -float(r["value"]))]
    joint = written.rows("data/joint.csv")
    drawn = {key for row in joint for key, value in row.items() if value} - {
        "trials", "completed", "best",
    }  # fmt: skip
    slices = list(dict.fromkeys(row["param"] for row in written.rows("data/slice.csv")))
    depth = [p for p in leaders if p in (DEPTH, "kind")]
    wanted = list(dict.fromkeys([*depth, *leaders]))
    assert slices == wanted[: len(slices)]
    assert drawn <= set(wanted[:3])


def test_epochs_are_counted_from_one_and_agree(written: Written):
    best = written.summary["best"]
    row = written.trials[0]
    if not best["epochs"]:
        return
    assert int(row["epochs"]) == best["epochs"]
    names = [axis["name"] for axis in written.data["axes"]]
    assert int(written.data["trials"][0]["text"][names.index("epochs")]) == best["epochs"]
    assert f"epochs {best['epochs']}" in written.page
    for name in ("curves", "foresight", "speed_details"):
        epochs = [int(r["epoch"]) for r in written.rows(f"data/{name}.csv") if r["epoch"]]
        assert not epochs or (min(epochs) == 1 and max(epochs) <= 20)
    assert {point[0] for t in written.data["trials"] for point in t["curve"][:1]} <= {1}


def test_the_final_stage_agrees_with_itself(written: Written):
    final = written.summary["final"]
    if final is None:
        assert "Final test" not in written.told(r"Final test Does")
        return
    rows = written.rows("data/final.csv")
    scores = [float(row["test_acc"]) for row in rows]
    assert final["n"] == len(scores)
    assert final["score"]["mean"] == pytest.approx(sum(scores) / len(scores))
    assert f"{final['score']['mean']:.4f} over {len(scores)} runs" in written.page
    for one, counts in zip(final["per_class"], final["confusion_matrix"]["counts"], strict=True):
        assert one["support"] == sum(counts)
    low, high = final["score"]["ci"]
    assert low <= final["score"]["mean"] <= high


def test_one_thing_has_one_name(written: Written):
    heads = {key for row in written.trials for key in row}
    assert "weights" in heads and "parameters" not in heads
    assert [axis["label"] for axis in written.data["axes"]].count("parameters") == 0
