"""Runs the final stage from start to end.

Every step is skipped when its result is already there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from zmodel.cli.overrides_of_trial import key_of
from zmodel.final.choice import Candidate, candidates_of, choose
from zmodel.final.job import FinalJob, user_overrides
from zmodel.final.plan import FinalPlan, settle_plan
from zmodel.final.race.schedule import scheduled, with_standings
from zmodel.final.sentences import number
from zmodel.final.summary import SUMMARY_FILE, FinalResult, read_summary
from zmodel.final.terminal import for_terminal
from zmodel.final.testing import test_once
from zmodel.study.constraints import parse_constraints
from zmodel.study.folder import JOURNAL, list_studies, study_folder
from zmodel.study.plain_text import in_lines, terminal_width
from zmodel.study.records import StudyRecord, TrialRecord, find_study, load_study
from zmodel.study.storage.file_lock import file_lock
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.results import write_best
from zmodel.sweep.space.override_text import parser
from zmodel.sweep.start import start_study

SETTINGS: dict[str, Any] = {
    "pruner": None, "coverage": None, "replicate": None,
    "control": None, "enqueue": None, "from_study": None, "custom_search_space": None,
    "history": None, "stopping": None, "epochs": None, "baseline": False, "constraints": None,
    "roles": None,
}  # fmt: skip
"""What the final stage decides about its sweeps whatever the configuration says."""


@dataclass(frozen=True)
class Stage:
    """One final stage. `arguments` are the task overrides of the command line."""

    settings: dict[str, Any]
    arguments: tuple[str, ...]
    job: FinalJob
    record: StudyRecord
    folder: Path
    options: dict[str, Any]

    @classmethod
    def of(cls, settings: dict[str, Any], arguments: list[str], job: FinalJob) -> Stage:
        """Find the study that the configuration names and check the arguments."""
        config = job.config
        log_dir = Path(str(config.paths.log_dir)).resolve()
        if OmegaConf.is_missing(config, "study"):
            known = ", ".join(list_studies(log_dir)) or "none yet"
            raise ValueError(f"The final stage needs study=NAME. In {log_dir} there are: {known}.")
        _check(arguments)
        options: dict[str, Any] = {str(key): value for key, value in config.final.items()}
        home = study_folder(log_dir, config.study)
        record = find_study(home.name, log_dir, options.pop("storage", None))
        return cls(settings, tuple(arguments), job, record, home / "final", options)

    def run(self) -> int:
        """Do what is missing; return the exit code of the contract."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with file_lock(self.folder / "plan.lock"):
            plan = settle_plan(self.record, self.options, self.folder)
        if (self.folder / SUMMARY_FILE).is_file():
            return self._already_done(plan)
        self._announce(plan)
        job = replace(
            self.job,
            study=plan.study,
            overrides=plan.overrides,
            stretch=plan.options["stretch"],
            directions=plan.directions,
        )
        job.check_test(plan.candidates[0], self.arguments, plan.metric)
        code, found = self._train(plan, job, self.folder, f"{plan.study}-final")
        if found is None:
            return code
        candidates = with_standings(plan, found)
        winner = choose(candidates, plan.maximize, plan.options["one_standard_error"])
        chosen: Candidate | None = winner
        retrains = retrains_winner(plan.options["retrain"], winner, job, self.arguments)
        if retrains:
            job = job.retraining(winner.median_epochs)
            code, chosen = self._retrain(plan, job, winner)
        if chosen is None:
            return code
        with file_lock(self.folder / "plan.lock"):  # a second terminal must not test as well
            if (self.folder / SUMMARY_FILE).is_file():
                return self._already_done(plan)
            tested = test_once(chosen, job, self.arguments, self.folder / "test")
            further = tuple(user_overrides(self.arguments))
            result = FinalResult(
                plan, tuple(candidates), winner, tuple(tested), further, self.folder, retrains
            )
            self._write(result, job)
        return 0

    def _retrain(
        self, plan: FinalPlan, job: FinalJob, winner: Candidate
    ) -> tuple[int, Candidate | None]:
        """The winner with its seeds on all samples; None while runs are missing."""
        _say(
            f"the winner, trial {winner.trial}, is trained again on training and validation "
            f"samples, with the same seeds, for {winner.median_epochs} epochs each"
        )
        folder = self.folder / "retrained"
        code, found = self._train(plan, job, folder, f"{plan.study}-retrained", winner)
        return code, None if found is None else choose(found, plan.maximize)

    def _train(
        self, plan: FinalPlan, job: FinalJob, folder: Path, name: str, only: Candidate | None = None
    ) -> tuple[int, list[Candidate] | None]:
        """Round after round; no candidates while runs are missing, with the exit code.

        Args:
            only: whose seeds are run, in one round; None: all that are scheduled.
        """
        trials = (only.trial,) if only else plan.candidates
        seeds = tuple(run.seed for run in only.runs) if only else plan.seeds
        fixed = {"study_name": name, "direction": list(plan.directions), "params": {
            "trial": f"choice({','.join(map(str, trials))})",
            "seed": f"choice({','.join(map(str, seeds))})",
        }}  # fmt: skip
        settings = {**self.settings, **SETTINGS, **fixed}
        while True:
            ended = _ended(name, settings["storage"], folder)
            own = [(only.trial, seed) for seed in seeds] if only else None
            runs = own or scheduled(plan, ended, folder)
            if len(ended) >= len(runs):
                return 0, candidates_of(ended, folder, parse_constraints(plan.constraints))
            listed = [{"trial": trial, "seed": seed} for trial, seed in runs]
            sampler = {"_target_": "zmodel.final.race.listed_runs.ListedRuns", "runs": listed}
            settings |= {"n_trials": len(runs), "sampler": sampler}
            if ended:
                settings["preflight"] = None  # the rounds before have shown that it works
            code = start_study(settings, list(self.arguments), folder, job)
            if code or len(_ended(name, settings["storage"], folder)) < len(runs):
                return code, None  # failed, or stopped on request

    def _write(self, result: FinalResult, job: FinalJob) -> None:
        from zmodel.final.export import export_model
        from zmodel.final.page import write_page

        model = export_model(result, job, self.arguments)
        summary = result.summary(model)
        write_page(result, summary, self.record)
        plan, winner = result.plan, result.winner
        for folder in (self.folder, self.folder.parent):
            overrides = list(plan.overrides[winner.trial])
            write_best(folder, plan.study, winner.trial, winner.mean, overrides)
        result.write(summary)
        print(for_terminal(summary, self.folder))

    def _announce(self, plan: FinalPlan) -> None:
        listed = ", ".join(f"{n} ({number(plan.search_values[n])})" for n in plan.candidates)
        options = plan.options
        how = (
            f"a race of at most {options['runs']} runs, who is worse at "
            f"{options['confidence']:.0%} leaves"
            if plan.is_race
            else f"{len(plan.seeds)} seeds each"
        )
        _say(
            f"final stage of study '{plan.study}': of {plan.completed} completed trials, "
            f"{listed}: {how}"
        )
        if plan.baseline is not None:
            _say(f"the baseline, trial {plan.baseline}, is one of them")
        wanted = options["candidates" if plan.is_race else "top"]
        if len(plan.candidates) < wanted:
            _say(f"note: there are no more than {len(plan.candidates)} distinct configurations")
        unfinished = [t for t in self.record.trials if t.state in ("running", "waiting")]
        if unfinished:
            _say(f"note: {len(unfinished)} trials of the study still run and come too late")

    def _already_done(self, plan: FinalPlan) -> int:
        _say(
            f"the final stage of study '{plan.study}' is done, and the test set is used only "
            f"once. To start again, move {self.folder} away."
        )
        print()
        print(for_terminal(read_summary(self.folder), self.folder))
        grown = len([t for t in self.record.trials if t.state == "complete"]) - plan.completed
        if grown > 0:
            print(f"note: {grown} trials of the study were completed after it")
        return 0


def _say(text: str) -> None:
    """In lines that the terminal does not break within a word."""
    print("\n".join(in_lines([text], terminal_width() - 1)), flush=True)


def retrains_winner(
    option: bool | str, winner: Candidate, job: FinalJob, arguments: Sequence[str]
) -> bool:
    """Whether the winner is trained again on all samples; folds leave no network to be tested.

    Without a validation part the last weights count. They are good where the run cooled down.
    """
    if winner.cross_validated or option is True:
        return True
    return option == "auto" and winner.cooled_down and job.trains_on_all(winner.trial, arguments)


def _ended(name: str, storage: str | None, folder: Path) -> list[TrialRecord]:
    """The trials of a sweep of this stage that have ended; none before its first start."""
    if storage is None and not (folder / JOURNAL).is_file():
        return []
    try:
        opened = open_storage(storage or str(folder / JOURNAL), create=False, read_only=True)
        trials = load_study(name, opened, folder).trials
    except ValueError:  # no such database, or no such study in it, yet
        return []
    return [t for t in trials if t.state in ("complete", "failed")]


def _check(arguments: list[str]) -> None:
    """Only `trial` and `seed` vary here, and the stage decides on both."""
    for argument in arguments:
        override = parser().parse_override(argument)
        if override.is_sweep_override():
            raise ValueError(
                f"The final stage varies only seeds and configurations, got {argument}. Search in "
                "the study itself, or give one value."
            )
        if key_of(argument) in ("trial", "seed", "from_study"):
            raise ValueError(
                f"The final stage chooses trials and seeds itself, got {argument}. Use final.top "
                "and final.seeds."
            )
