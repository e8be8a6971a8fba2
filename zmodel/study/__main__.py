"""python -m zmodel.study: lists, shows, stops and repairs studies."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import optuna
from optuna.trial import TrialState

from zmodel.study.cells import assignments, short_names
from zmodel.study.distribution_values import in_words
from zmodel.study.folder import list_studies
from zmodel.study.location import address_of
from zmodel.study.plain_text import in_lines, plain, terminal_width
from zmodel.study.records import StudyRecord, TrialRecord, find_study
from zmodel.study.repair.mend_journal import repair
from zmodel.study.stop_request import request_stop
from zmodel.study.storage.opening import open_storage
from zmodel.study.trial_attributes import attr, state_of


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, or 1 with a message for the user."""
    options = parse(arguments)
    try:
        options.action(options)
        sys.stdout.flush()
        return 0
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `... | head -1`: whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m zmodel.study", description=__doc__)
    parser.add_argument("--log-dir", default="logs", type=Path, help="default: logs")
    parser.add_argument("--storage", help="default: the study's own journal file")
    actions = parser.add_subparsers(required=True, metavar="ls|show|stop|repair")
    actions.add_parser("ls", help="list the studies").set_defaults(action=ls)
    show_parser = actions.add_parser("show", help="the state of one study and its best trials")
    show_parser.add_argument("name")
    show_parser.set_defaults(action=show)
    stop_parser = actions.add_parser("stop", help="workers finish their trial and end")
    stop_parser.add_argument("name")
    stop_parser.set_defaults(action=stop)
    repair_parser = actions.add_parser(
        "repair", help="repair a damaged or lost journal, keeping a backup"
    )
    repair_parser.add_argument("path", type=Path, help="the journal, or its folder")
    repair_parser.add_argument("--study-name", help="when the line that created it is lost")
    repair_parser.add_argument("--direction", nargs="+", choices=("minimize", "maximize"))
    repair_parser.set_defaults(action=mend)
    return parser.parse_args(arguments)


def record(options: argparse.Namespace, name: str) -> StudyRecord:
    return find_study(name, options.log_dir, options.storage)


def ls(options: argparse.Namespace) -> None:
    for name in list_studies(options.log_dir):
        try:
            print(one_line(record(options, name)))
        except ValueError as error:
            print(f"{name:<24} {str(error).splitlines()[0]}")


def one_line(study: StudyRecord) -> str:
    states = Counter(state_of(trial) for trial in study.trials)
    counts = "  ".join(f"{n} {state}" for state, n in states.most_common()) or "no trials"
    best = study.best_first[:1]
    value = f"best {best[0].value:.4f} (trial {best[0].number})" if best else ""
    return f"{study.name:<24} of {_budget(study)}: {counts}  {value}".rstrip()


def _budget(study: StudyRecord) -> str:
    trials, epochs = study.attrs.get("n_trials", "?"), study.attrs.get("epochs")
    if epochs is None:
        return str(trials)
    done = sum(max(trial.curve, default=-1) + 1 for trial in study.trials)
    limit = f", {trials} trials" if isinstance(trials, int) else ""
    return f"{epochs} epochs ({done} done){limit}"


def show(options: argparse.Namespace) -> None:
    study = record(options, options.name)
    print(one_line(study))
    _show_space(study)
    if study.best_first:
        metric = study.attrs.get("optimized_metric") or "value"
        first = metric if isinstance(metric, str) else metric[0]
        print(f"best ({study.directions[0]} {plain(first)})")
    for trial in study.best_first[:5]:
        _line(f"trial {trial.number:<5} {trial.value:.4f}", assignments(trial.params))
    if left := [trial for trial in study.trials if trial.state in ("running", "paused")]:
        print("not ended")
    for trial in left:
        _line(f"trial {trial.number:<5} {_progress(trial)}", assignments(trial.params))
    print(f"continue\n  {plain(study.attrs.get('command', 'unknown'))}")


def _show_space(study: StudyRecord) -> None:
    names = short_names(study.space)
    width = max(map(len, names.values()), default=0)
    print("searched")
    for name, distribution in study.space.items():
        log = ", on a logarithmic scale" if getattr(distribution, "log", False) else ""
        print(f"  {names[name]:<{width}}  {plain(in_words(distribution))}{log}")


def _line(head: str, parts: list[str]) -> None:
    """What does not fit into the terminal's width goes below the first part."""
    lines = in_lines([f"  {head}", *parts], terminal_width() - 1, len(head) + 4)
    print("\n".join(lines))


def _progress(trial: TrialRecord) -> str:
    if trial.state == "paused":
        epoch, pauses = attr(trial, "paused_at"), attr(trial, "pauses", 1)
        return f"paused at epoch {epoch}, {pauses} {'time' if pauses == 1 else 'times'} so far"
    epoch = f"epoch {max(trial.curve) + 1}" if trial.curve else "starting"
    return f"running, {epoch}, on {attr(trial, 'worker', 'an unknown worker')}"


def stop(options: argparse.Namespace) -> None:
    name = record(options, options.name).name
    storage = open_storage(address_of(options.name, options.log_dir, options.storage), create=False)
    study = optuna.load_study(study_name=name, storage=storage)
    request_stop(study)
    running = [str(t.number) for t in study.get_trials(states=(TrialState.RUNNING,))]
    trials = f"running: {', '.join(running)}" if running else "none is running"
    print(f"workers of '{options.name}' end after their current trial ({trials})")


def mend(options: argparse.Namespace) -> None:
    print(repair(options.path, study_name=options.study_name, directions=options.direction))


if __name__ == "__main__":
    sys.exit(main())
