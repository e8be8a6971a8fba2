"""The report on disk: the contract's files, and a page that is safe and readable anywhere."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from reports import Page, config, make_study

from zmodel import analysis
from zmodel.analysis import analyze_command as command
from zmodel.analysis import catalog
from zmodel.analysis.comparison import comparison_figure
from zmodel.analysis.comparison.compare import ComparedStudy, Comparison
from zmodel.analysis.findings import Findings
from zmodel.analysis.live import watch as live
from zmodel.analysis.page.files import to_csv
from zmodel.analysis.replay.simulate import DEPTH
from zmodel.analysis.summary import summarize
from zmodel.study.storage.opening import open_storage

ROOT = Path(__file__).parents[2]
SUMMARY = {
    "study", "direction", "states", "best", "coverage", "importances", "pruning_audit",
    "early_stopping", "workers", "overfitting", "final", "baseline", "further_trials",
    "verdicts",
}  # fmt: skip


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished study, written once for the tests that read it."""
    log_dir = tmp_path_factory.mktemp("logs")
    folder = make_study(log_dir, "zlayers")
    command.analyze(config(log_dir, "zlayers"))
    return folder / "report"


def test_the_report_has_the_files_and_keys_of_the_contract(report: Path):
    summary = json.loads((report / "summary.json").read_text())
    assert set(summary) == SUMMARY
    assert summary["states"] == {"complete": 24, "pruned": 0, "failed": 0, "running": 0}
    assert set(summary["coverage"][DEPTH]) == {"1", "2", "3", "4", "5"}
    cell = summary["coverage"][DEPTH]["3"]
    assert {"trials", "share", "complete", "pruned", "failed", "best", "median", "ci"} == set(cell)
    assert set(summary["pruning_audit"]["median"]) == {
        "killed", "killed_by_value", "top_k_killed", "best_survivor", "regret", "epochs_saved",
    }  # fmt: skip
    assert summary["workers"]["count"] == 1
    # the final stage has not run: null, and a verdict says why
    assert summary["final"] is None
    why = [v for v in summary["verdicts"] if v["code"] == "selection_optimism"]
    assert "hparams_search=final" in why[0]["message"]
    figures = {p.stem for p in (report / "figures").glob("*.png")}
    assert {"history", "importance", "values", "parallel", "curves"} <= figures
    assert "confusion" not in figures, "six mistakes are a sentence"
    for path in (report / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 2000
    rows = read_rows(report / "trials.csv")
    assert len(rows) == 24 and rows[0]["trial"] == str(summary["best"]["number"])
    assert float(rows[0]["value"]) == summary["best"]["value"]
    assert not list(report.rglob(".*")), "temporary files stayed behind"


def test_every_figure_has_its_numbers_as_csv(report: Path):
    for figure in (report / "figures").glob("*.png"):
        rows = read_rows(report / "data" / f"{figure.stem}.csv")
        assert rows, figure.stem


@pytest.mark.slow
def test_what_shows_nothing_has_no_section_and_leaves_no_file_behind(tmp_path: Path):
    folder = make_study(tmp_path, "calm", 12) / "report"
    stale = [folder / "figures" / "own_pruner.png", folder / "data" / "failures.csv"]
    for path in stale:
        path.parent.mkdir(parents=True)
        path.touch()
    command.analyze(config(tmp_path, "calm"))
    assert not any(path.exists() for path in stale)
    page = Page((folder / "index.html").read_text())
    drawn = {p.stem for p in (folder / "figures").iterdir()}
    assert {a["id"] for a in page.of("section")} == drawn | {"baseline", "late_epochs"}  # tables
    quiet = {"own_pruner", "failures", "duplicates", "zombies", "final"}
    assert quiet <= {catalog.name_of(m) for m in catalog.modules()} - drawn
    # each of them is a sentence under its heading
    items = [tag for tag, attrs in page.tags if tag == "ul" and attrs.get("class") == "soft"]
    assert len(items) == 4


def test_the_page_is_self_contained_and_accessible(report: Path):
    text = (report / "index.html").read_text()
    page = Page(text)
    assert len(text) < 2_000_000
    for tag, attrs in page.tags:
        for key in ("src", "href", "xlink:href", "action"):
            target = attrs.get(key) or ""
            assert not re.match(r"(https?:)?//", target), (tag, target)
    assert "@import" not in text and not re.search(r"url\(\s*['\"]?http", text)
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert page.of("html")[0]["lang"] == "en" and page.of("title") is not None
    figures = [a for a in page.of("svg") if a.get("role") == "img"]
    assert len(figures) == len(list((report / "figures").iterdir()))
    assert all(len(a["aria-label"] or "") > 30 for a in figures)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert all("scope" in a for a in page.of("th"))


def test_links_of_the_page_lead_to_files(report: Path):
    page = Page((report / "index.html").read_text())
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = [a["href"] or "" for a in page.of("a")]
    assert sum("../trials/" in link for link in links) >= 24
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids, link
        else:
            assert (report / link).exists(), link


def test_the_script_knows_every_trial_and_where_it_lies(report: Path):
    text = (report / "index.html").read_text()
    found = re.search(r'<script type="application/json" id="trial-data">(.*?)</script>', text)
    assert found and not set(found[1]) & set("<>&")
    data = json.loads(found[1])
    rows = read_rows(report / "trials.csv")
    assert [t["number"] for t in data["trials"]] == [int(row["trial"]) for row in rows]
    assert data["best"] == data["trials"][0]["number"]
    names = [axis["name"] for axis in data["axes"]]
    assert names[:2] == ["trial", "val/acc_best"] and DEPTH in names and "epochs" in names
    depth = names.index(DEPTH)
    for trial, row in zip(data["trials"], rows, strict=True):
        assert trial["text"][depth] == row[DEPTH] == data["depth"]["labels"][trial["depth"]]
        assert all(place is None or 0 <= place <= 1 for place in trial["at"])
        assert len(trial["curve"]) == 20 and trial["curve"][0][0] == 1
        assert f" trial={trial['number']} paths.log_dir=" in trial["repeat"]
        assert (report / trial["folder"]).is_dir()
    ticks = data["axes"][depth]["ticks"]
    assert ticks == [[0, "1"], [0.25, "2"], [0.5, "3"], [0.75, "4"], [1, "5"]]
    known = {DEPTH, *names}
    assert {names[at] for at in data["parallel"]["axes"]} <= known


def test_every_dot_on_the_page_is_a_trial_of_the_study(report: Path):
    page = Page((report / "index.html").read_text())
    groups = [a["data-trials"] or "" for a in page.of("g") if "data-trials" in a]
    numbers = {int(n) for group in groups for n in group.split()}
    assert numbers == set(range(24))
    rows = [a["data-row"] for a in page.of("tr") if "data-row" in a]
    assert sorted(map(int, filter(None, rows))) == list(range(24))


@pytest.mark.long
def test_text_of_the_study_is_never_markup(tmp_path: Path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> \"'& $x_{$ \x1b[31m \u202e"
    study = optuna.create_study(
        study_name=evil, direction="maximize", storage=f"sqlite:///{tmp_path}/evil.db"
    )

    def objective(trial: optuna.Trial) -> float:
        kind = trial.suggest_categorical(evil, [evil, "=1+1", "plain"])
        trial.set_user_attr("fail_reason", evil)
        trial.set_user_attr("worker", evil)
        if trial.number % 4 == 3:
            raise ValueError(evil)
        return trial.suggest_float("x", 0, 1) + len(kind)

    study.optimize(objective, n_trials=16, catch=ValueError)
    out = tmp_path / "report"
    command.analyze(
        config(tmp_path, evil, storage=f"sqlite:///{tmp_path}/evil.db", report_dir=str(out))
    )
    page = Page((out / "index.html").read_text())
    assert [a.get("id") for a in page.of("script")] == ["trial-data", None] and not page.of("img")
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    assert "\x1b" not in (out / "index.html").read_text()
    cells = [c for row in read_rows(out / "trials.csv") for c in row.values()]
    assert "'=1+1" in cells and "=1+1" not in cells


def test_tables_mark_trials_that_were_forced(report: Path):
    trials = read_rows(report / "trials.csv")
    forced = {row["trial"]: row["forced"] for row in trials}
    assert [row["trial"] for row in trials if row["baseline"] == "True"] == ["0"]
    assert DEPTH in forced.values() and "" in forced.values()
    of_trials = {p.stem for p in (report / "data").glob("*.csv") if "trial" in read_rows(p)[0]}
    assert {"history", "slice", "parallel", "timeline"} <= of_trials
    for name in of_trials:
        for row in read_rows(report / "data" / f"{name}.csv"):
            assert row["forced"] == forced[row["trial"]], name
            assert (row["baseline"] == "True") == (row["trial"] == "0"), name
    study = analysis.load("zlayers", log_dir=report.parents[2])
    frame = analysis.frame(study)
    assert len(frame) == 24 and set(frame["forced"]) == set(forced.values())


@pytest.mark.long
def test_a_study_that_reports_rarely_and_has_many_long_names_is_drawn(tmp_path: Path):
    """Steps are not epochs everywhere, and a figure must not be as long as the largest step."""
    url = f"sqlite:///{tmp_path}/odd.db"
    study = optuna.create_study(study_name="odd", storage=url)
    names = [f"the choice of a long name, number {i}" for i in range(30)]
    step = 10**9
    for i in range(20):
        kind = optuna.distributions.CategoricalDistribution(names)
        study.add_trial(
            create_trial(
                value=1 / (i + 1),
                params={"kind": names[i % 2]},
                distributions={"kind": kind},
                intermediate_values={0: float("nan"), step: 2.0, 2 * step: 1 / (i + 1)},
            )
        )
    command.analyze(config(tmp_path, "odd", storage=url, report_dir=str(tmp_path / "out")))
    rows = read_rows(tmp_path / "out" / "data" / "foresight.csv")
    assert [int(row["epoch"]) for row in rows] == [1, step + 1, 2 * step + 1]
    assert (tmp_path / "out" / "index.html").stat().st_size < 1_500_000


def test_csv_keeps_numbers_and_defuses_formulas():
    assert to_csv([{"a": -1.5, "b": "-x"}, {"c": None}]) == "a,b,c\n-1.5,'-x,\n,,\n"


@pytest.mark.long
def test_a_study_of_plain_optuna_is_reported_from_its_own_storage(tmp_path: Path, capsys):
    url = f"sqlite:///{tmp_path}/plain.db"
    study = optuna.create_study(study_name="plain", storage=url)
    study.optimize(lambda t: (t.suggest_float("x", -5, 5) - 2) ** 2, n_trials=12)
    command.analyze(config(tmp_path / "logs", "plain", storage=url))
    summary = json.loads((tmp_path / "logs/studies/plain/report/summary.json").read_text())
    assert summary["direction"] == "minimize" and summary["pruning_audit"] is None
    assert [v["severity"] for v in summary["verdicts"] if v["code"] == "pruning_bias"] == ["note"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith("logs/studies/plain/report/index.html")


def test_a_wrong_name_lists_the_nearest_studies_and_writes_nothing(tmp_path: Path):
    make_study(tmp_path, "zlayers", 2)
    make_study(tmp_path, "other", 2)
    with pytest.raises(ValueError, match="'zlayer'.*did you mean zlayers"):
        command.analyze(config(tmp_path, "zlayer"))
    assert not (tmp_path / "studies" / "zlayer").exists()
    with pytest.raises(ValueError, match="other, zlayers"):
        command.analyze(config(tmp_path, None))
    with pytest.raises(ValueError, match="^watch"):
        command.analyze(config(tmp_path, "zlayers", watch=0))


def test_an_empty_study_is_one_clear_message(tmp_path: Path):
    make_study(tmp_path, "empty", 0)
    with pytest.raises(ValueError, match="'empty'"):
        command.analyze(config(tmp_path, "empty"))
    assert not (tmp_path / "studies" / "empty" / "report").exists()


@pytest.mark.long
def test_the_command_line_exits_with_one_and_a_message(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "analyze.py", "study=none", f"paths.log_dir={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "'none'" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.long
def test_the_command_line_leaves_nothing_but_the_report(tmp_path: Path):
    make_study(tmp_path, "small", 6)
    before = {p for p in ROOT.iterdir()}
    done = subprocess.run(
        [sys.executable, "analyze.py", "study=small", f"paths.log_dir={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert lines[0] == "study small: 6 complete"
    assert any(line.startswith("warning  few_trials") for line in lines)
    assert lines[-1] == f"report   {tmp_path}/studies/small/report/index.html"
    assert "\x1b" not in done.stdout
    assert {p for p in ROOT.iterdir()} == before
    assert {p.name for p in tmp_path.iterdir()} == {"studies"}


@pytest.mark.long
def test_watching_refreshes_until_the_budget_is_spent(tmp_path: Path, monkeypatch):
    folder = make_study(tmp_path, "busy", 10, running=2)
    pages = []

    def finish(seconds: float) -> None:
        assert seconds >= 5
        pages.append((folder / "report" / "index.html").read_text())
        study = optuna.load_study(
            study_name="busy", storage=open_storage(str(folder / "study.journal"))
        )
        for frozen in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(frozen.number, 0.5)

    monkeypatch.setattr(live.time, "sleep", finish)
    monkeypatch.setattr(catalog, "SECTIONS", catalog.SECTIONS[:1])
    command.analyze(config(tmp_path, "busy", watch=5))
    assert len(pages) == 1
    assert '<meta http-equiv="refresh" content="5">' in pages[0]
    assert "http-equiv" not in (folder / "report" / "index.html").read_text().split("<script")[0]


@pytest.mark.long
def test_ctrl_c_ends_watching_with_the_exit_code_of_the_contract(tmp_path: Path, monkeypatch):
    make_study(tmp_path, "busy", 10, running=2)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(live.time, "sleep", interrupt)
    monkeypatch.setattr(catalog, "SECTIONS", catalog.SECTIONS[:1])
    with pytest.raises(SystemExit) as end:
        command.analyze(config(tmp_path, "busy", watch=5))
    assert end.value.code == 130


def test_several_studies_are_compared(tmp_path: Path, capsys):
    make_study(tmp_path, "one", 8)
    make_study(tmp_path, "two", 12)
    command.analyze(config(tmp_path, ["one", "two"]))
    out = tmp_path / "comparisons" / "one+two"
    rows = read_rows(out / "data" / "comparison.csv")
    assert [r["study"] for r in rows] == ["one", "two"]
    assert [int(r["complete"]) for r in rows] == [8, 12]
    assert set(json.loads((out / "summary.json").read_text())["verdicts"]) == {"one", "two"}
    assert (out / "figures" / "comparison.png").exists()
    lines = capsys.readouterr().out.splitlines()
    assert {"one", "two"} <= {line.split()[0] for line in lines if line}
    assert lines[-1] == f"report   {out}/index.html"


def compared(name: str, values: list[float], error: float | None = None) -> ComparedStudy:
    steps = tuple((i + 1, 10 * (i + 1), v) for i, v in enumerate(values))
    return ComparedStudy(
        name,
        {},
        values[-1],
        error,
        None,
        None,
        None,
        None,
        10 * len(values),
        1.0,
        {},
        {},
        {},
        steps,
    )


def test_a_tie_between_studies_says_so_and_lines_that_coincide_are_named():
    rising = [0.5, 0.8, 0.9]
    one, same = compared("one", rising), compared("same", rising)
    better = compared("better", [0.6, 0.85, 0.93])
    record = Comparison("acc", True, None, (), (one, same, better), ())
    assert [e.name for e in record.leaders] == ["better"]
    assert record.coinciding == [("one", "same")]
    equal = replace(record, entries=(one, same))
    assert [e.name for e in equal.leaders] == ["one", "same"]
    assert "A tie" in comparison_figure.caption(equal) and "coincide" in comparison_figure.caption(
        record
    )
    apart = comparison_figure.caption(replace(record, apart="their data differ"))
    assert "cannot be compared: their data differ" in apart and "equal cost" not in apart
    noisy = [replace(e, best_error=0.02) for e in (one, better)]
    assert [e.name for e in replace(record, entries=tuple(noisy)).leaders] == ["better", "one"]
    least = replace(record, maximize=False)
    assert [e.name for e in least.leaders] == ["one", "same"]
    assert replace(record, entries=()).leaders == []


def test_the_final_stage_measures_how_optimistic_the_search_was(tmp_path: Path):
    folder = make_study(tmp_path, "done", 12)
    study = analysis.load("done", log_dir=tmp_path)
    with pytest.raises(analysis.Unavailable):
        analysis.final(study)
    content = {
        "winner": {"tests": [{"seed": i, "test_acc": 0.7 + i / 100} for i in range(3)]},
        "test_acc_mean": 0.71,
        "test_acc_std": 0.01,
        "test_acc_ci": [0.6852, 0.7348],
        "per_class": [{"class": "a", "precision": 0.9, "recall": 0.8}],
        "confusion_matrix": {"classes": ["a", "b"], "counts": [[8000, 2000], [1000, 9000]]},
    }
    path = folder / "final" / "summary.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    final = analysis.final(study)
    assert (final.seeds, final.scores) == ((0, 1, 2), (0.7, 0.71, 0.72))
    best = max(trial.value for trial in study.trials)
    assert final.optimism == pytest.approx(best - 0.71)
    verdict = next(v for v in analysis.judge(study) if v.code == "selection_optimism")
    assert (verdict.severity, verdict.evidence["test_mean"]) == ("warning", 0.71)
    assert summarize(Findings(study), [])["final"] == {
        "n": 3,
        "score": {"metric": "test/acc", "mean": 0.71, "std": 0.01, "ci": [0.6852, 0.7348]},
        **{key: content[key] for key in ("test_acc_mean", "test_acc_std", "test_acc_ci")},
        **{key: content[key] for key in ("per_class", "confusion_matrix")},
    }
    path.write_text(json.dumps({**content, "winner": None}))
    with pytest.raises(analysis.Unavailable):
        analysis.final(study)
