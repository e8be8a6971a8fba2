"""The card of the best trial, with the command that repeats it."""

from __future__ import annotations

from pathlib import Path

from zmodel.analysis.page import html
from zmodel.analysis.rules.suggested_commands import reproduce_command
from zmodel.analysis.statistics.noise import known_validation
from zmodel.analysis.statistics.selection import (
    baseline_of,
    best,
    compared,
    objective_names,
    recorded_epochs,
    recorded_seconds,
    scored,
    sign,
)
from zmodel.study.cells import value_label
from zmodel.study.constraints import constraints_of, known_amounts
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import metrics_of, run_folder
from zmodel.study.trial_attributes import attr


def best_card(study: StudyRecord, folder: Path) -> str:
    """HTML of the card; empty when no trial has completed. `folder` is the report's."""
    if not scored(study):
        return ""
    trial = best(study)
    lines = facts(study, trial)
    items = "".join(f"<dt>{html.text(k)}</dt><dd>{html.text(v)}</dd>" for k, v in lines.items())
    run = run_folder(study, trial)
    if run is not None:
        address = html.text(html.address(run, folder))
        items += f'<dt>run folder</dt><dd><a href="{address}">{address}</a></dd>'
    again = reproduce_command(study, trial)
    repeat = f"<p>Run it again:</p>{html.command(again)}" if again else ""
    return f'<h3 id="best">Best trial</h3><dl class="card">{items}</dl>{repeat}'


def facts(study: StudyRecord, trial: TrialRecord) -> dict[str, str]:
    """What to know about one trial, in reading order."""
    found = {
        "trial": str(trial.number),
        **{
            name: f"{value:.6g}"
            for name, value in zip(objective_names(study), trial.values or (), strict=False)
        },
        **{name: value_label(value) for name, value in trial.params.items()},
    }
    found |= _beside(study, trial) | _limits(study, trial)
    if forced := attr(trial, "forced", []):
        found["forced"] = f"{', '.join(forced)}: not the sampler's choice"
    epochs, seconds = recorded_epochs(trial), recorded_seconds(trial)
    if epochs:
        best_epoch = attr(trial, "best_epoch")
        of = f", best at epoch {best_epoch + 1}" if best_epoch is not None else ""
        found["epochs"] = f"{epochs}{of}"
    if seconds:
        found["seconds"] = f"{seconds:.1f}"
    weights = attr(trial, "parameters")
    if weights is not None:
        found["weights"] = f"{weights:,}"
    metrics = metrics_of(study, trial)
    shown = [f"{k} {v:.4g}" for k, v in metrics.items() if not k.startswith("test/")]
    if shown:
        found["last metrics"] = ", ".join(shown)
    if trial.attrs.get("seed") is not None:
        found["seed"] = str(trial.attrs["seed"])
    if trial.attrs.get("git_commit") is not None:
        dirty = " with uncommitted changes" if trial.attrs.get("git_dirty") else ""
        found["commit"] = f"{trial.attrs['git_commit']}{dirty}"
    return found


def _limits(study: StudyRecord, trial: TrialRecord) -> dict[str, str]:
    """What it has of what constraints bound."""
    known = known_amounts(trial)
    constraints = [c for c in constraints_of(study.attrs) if c.name in known]
    return {f"limit of {c.name}": f"{known[c.name]:,.6g} ({c.text})" for c in constraints}


def _beside(study: StudyRecord, trial: TrialRecord) -> dict[str, str]:
    """Its value beside its noise and the baseline."""
    found = {}
    if trial.value is not None and (known := known_validation(study)) is not None:
        text = f"{known.error(trial.value):.2g}, of {known.samples:,} validation samples"
        if known.seeds is not None:
            text += f", with the spread between seeds of {known.seeds:.2g}"
        found["standard error"] = text
    if attr(trial, "baseline"):
        found["baseline"] = "this is the configuration as composed"
    elif (own := baseline_of(study)) is not None and own.value is not None:
        gain = sign(study) * ((trial.value or 0.0) - own.value)
        found["baseline"] = f"{own.value:.6g} (trial {own.number}): {compared(gain)} than it"
    return found
