"""The end of a start of a study: messages and exit code."""

from __future__ import annotations

import sys

import optuna

from zmodel.study.budget.ledger import frequent_reasons
from zmodel.study.budget.slots import Slots
from zmodel.study.stop_request import stop_request
from zmodel.sweep.open_study import command_line
from zmodel.sweep.sampling.proposals import Proposals
from zmodel.sweep.stop_rule import told
from zmodel.sweep.stopping.epoch_plan import EpochPlan
from zmodel.sweep.workers.failure_limit import failure_limit
from zmodel.sweep.workers.session import Assignment
from zmodel.sweep.workers.worker import LIMIT

ERROR = 1
FLOORS_UNMET = 3


def explain(code: int, given: Assignment, slots: Slots, study: optuna.Study) -> int:
    """Print why a study ended before its budget was used up.

    An error has been printed before. When trials failed, it prints which combinations of values
    did not work in the rehearsal.

    Returns:
        the exit code: `code`, or 3 when every trial of a study has failed.
    """
    tally = slots.tally()
    for warning in study.user_attrs.get("warnings", []) if tally.failed else []:
        print(f"warning: {warning}", file=sys.stderr)
    if code == LIMIT:
        rate = given.settings.max_failure_rate
        reason = failure_limit(slots.ledger, given.start, rate)
        print(f"the study ended: {reason}", file=sys.stderr)
    elif tally.is_complete and tally.failed == tally.finished:
        reasons = frequent_reasons(slots.ledger.failed)
        print(f"every trial of the study failed. {reasons}", file=sys.stderr)
        return LIMIT
    elif code == 0 and not tally.is_complete and _stopped(given, study):
        ended = study.user_attrs["ended"]
        print(
            f"the study ended with {tally.progress} done: {told(ended)}. To continue, raise "
            "hydra.sweeper.n_trials, or set another hydra.sweeper.stop",
            file=sys.stderr,
        )
    elif code != ERROR and not tally.is_complete:
        _note_hours(code, given, slots, study)
        print(
            f"stopped with {tally.progress} done. To continue: {command_line(given.settings)}",
            file=sys.stderr,
        )
    return code


def check_guarantee(plan: EpochPlan | None, slots: Slots) -> int:
    """Say which depths of a finished study completed fewer trials than was promised: then 3."""
    if plan is None or not slots.tally().is_complete:
        return 0
    missing = plan.missing(slots.ledger, slots.trials())
    full = slots.ledger.free_slot(slots.n_trials) is None
    spent, key = ("no trial is", "n_trials") if full else ("too few epochs are", "epochs")
    for name, lack in missing.items():
        print(
            f"guarantee not met: {name} lacks {lack} completed trials, and {spent} left for them; "
            f"raise hydra.sweeper.{key}",
            file=sys.stderr,
        )
    return FLOORS_UNMET if missing else 0


def _stopped(given: Assignment, study: optuna.Study) -> bool:
    """Whether hydra.sweeper.stop has ended the study."""
    ended = study.user_attrs.get("ended")
    stopped = isinstance(ended, dict) and str(ended.get("by")).startswith("stop.")
    return given.settings.stop is not None and stopped


def _note_hours(code: int, given: Assignment, slots: Slots, study: optuna.Study) -> None:
    """Keep and say that the hours of the command ended the study."""
    deadline = given.start.deadline
    asked = stop_request(study) != given.start.stop
    if deadline is None or code or asked or not deadline.is_near(slots.trials()):
        return
    study.set_user_attr("ended", deadline.note())
    print(
        f"the study ended: the next trial would probably not end within "
        f"hydra.sweeper.hours={deadline.hours:g}",
        file=sys.stderr,
    )


def check_floors(study: optuna.Study, proposals: Proposals, slots: Slots) -> int:
    """Say which covered values were given up, and which floors a finished study missed: then 3."""
    if proposals.floors is None:
        return 0
    reports = proposals.floors.report(slots.trials())
    given_up = {one.trials.cell.name: one.given_up for one in reports if one.given_up}
    for value, reason in given_up.items():
        print(f"abandoned: {value}, {reason}")
    if given_up or "given_up" in study.user_attrs:
        study.set_user_attr("given_up", given_up)
    if not slots.tally().is_complete:
        return 0
    missed = [one.trials for one in reports if not one.is_met]
    for trials in missed:
        print(
            f"coverage floor not met: {trials.cell.name} has {trials.completed} of "
            f"{trials.least} completed trials ({trials.failed} failed, {trials.pruned} pruned)",
            file=sys.stderr,
        )
    return FLOORS_UNMET if missed else 0
