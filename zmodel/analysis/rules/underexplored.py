"""Values that may still win completed too few trials."""

from __future__ import annotations

from typing import Any

from zmodel.analysis.diagnostics.space import importance, values
from zmodel.analysis.diagnostics.space.cell_trials import CellTrials, ParamTrials
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import more_trials
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.potential import CHANCE, LEAST_TO_JUDGE
from zmodel.analysis.statistics.selection import DEPTH, listed, scored, short
from zmodel.study.records import StudyRecord

CODE = "underexplored"
CHECK = "every value of the structural parameters completed enough trials, or cannot win"
# completed trials that a value needs: this part of an even share of the ended trials, within limits
SHARE_OF_EVEN = 1 / 3
FLOOR = (2, 5)


def judge(findings: Findings) -> list[Verdict] | None:
    covered = findings.get(values.data)
    if covered is None or not scored(findings.study):
        return None
    if not any(param.structural for param in covered.params):
        return None
    found = [
        verdict
        for param in covered.params
        if param.structural
        for verdict in _judge(findings, param, floor(param))
    ]
    return sorted(found, key=lambda v: -v.rank)


def floor(param: ParamTrials) -> int:
    """The completed trials a value needs in a study of this size before it counts as tried.

    Pruned trials count towards the size: they were budget, and spent.
    """
    low, high = FLOOR
    ended = sum(cell.states["complete"] + cell.states["pruned"] for cell in param.cells)
    return max(low, min(high, round(SHARE_OF_EVEN * ended / len(param.cells))))


def cannot_win(cell: CellTrials, param: ParamTrials) -> bool:
    """Whether its few completed trials speak against a value.

    Never in a study with pruned trials: survivors of a pruner all lie near the best, so what the
    other values seem to have gained is too little.
    """
    judged = cell.states["complete"] >= LEAST_TO_JUDGE and not any(param.counts("pruned"))
    return judged and cell.chance_to_win < CHANCE


def _judge(findings: Findings, param: ParamTrials, least: int) -> list[Verdict]:
    behind = [cell for cell in param.cells if cell.states["complete"] < least]
    closed = [cell for cell in behind if cannot_win(cell, param)]
    open_ = [cell for cell in behind if cell not in closed]
    verdicts = []
    if open_:
        verdicts.append(_unknown(findings, param, open_, least))
    if closed:
        verdicts.append(_given_up(param, closed))
    return verdicts


def _unknown(
    findings: Findings, param: ParamTrials, cells: list[CellTrials], least: int
) -> Verdict:
    trials = sum(cell.trials for cell in cells)
    total = sum(cell.trials for cell in param.cells)
    done = sum(cell.states["complete"] for cell in cells)
    name, values = short(param.param), listed([cell.label for cell in cells])
    text = (
        f"{name} = {values} got {trials} of {total} trials and "
        f"{'none' if done == 0 else done} completed. Nobody knows what "
        f"{'this value' if len(cells) == 1 else 'these values'} can reach."
    )
    weight = findings.get(importance.ranking) or {}
    is_first = bool(weight) and max(weight, key=lambda p: weight[p].value) == param.param
    if is_first:
        share = weight[param.param]
        interval = "" if share.low is None else f", {share.low:.2f} to {share.high:.2f}"
        text += f" {name} is the most important parameter ({share.value:.2f}{interval})."
    lost = any(not cell.states["complete"] or cell.states["pruned"] for cell in cells)
    evidence = {
        "values": [c.label for c in cells],
        "trials": trials,
        "of": total,
        "completed": done,
        "needed_each": least,
        "chance_to_win": {c.label: round(c.chance_to_win, 3) for c in cells},
    }
    severity = "alarm" if lost and (is_first or name == DEPTH) else "warning"
    action = _action(findings.study, param, max(least, FLOOR[1]), values)
    return Verdict(CODE, severity, text, param.param, evidence, action)


def _action(study: StudyRecord, param: ParamTrials, goal: int, values: str) -> str:
    """The study's command with a floor, which holds for every value, and trials enough for it."""
    missing = sum(max(0, goal - cell.states["complete"]) for cell in param.cells)
    floors = {"hydra.sweeper.coverage": _floors(study, param, goal)}
    if study.attrs.get("stopping"):  # which has floors of its own
        floors = {"hydra.sweeper.stopping.guarantee": str(goal)}
    name = short(param.param)
    command = more_trials(study, missing, floors)
    return command or f"complete at least {goal} trials at {name} = {values}"


def _floors(study: StudyRecord, param: ParamTrials, goal: int) -> str:
    """The study's floors with this one, as an override."""
    own = study.attrs.get("coverage")
    floor = {"bins": len(param.cells), "min": goal} if param.are_ranges else goal
    return _text({**(own if isinstance(own, dict) else {}), param.param: floor})


def _text(floor: Any) -> str:
    if not isinstance(floor, dict):
        return str(floor)
    return f"{{{', '.join(f'{key}: {_text(value)}' for key, value in floor.items())}}}"


def _given_up(param: ParamTrials, cells: list[CellTrials]) -> Verdict:
    values = listed([cell.label for cell in cells])
    return Verdict(
        CODE,
        "note",
        f"{short(param.param)} = {values} completed few trials, but trailed by more than the "
        "other values gained from so small a start: left with reason.",
        param.param,
        {
            "values": [c.label for c in cells],
            "chance_to_win": {c.label: round(c.chance_to_win, 3) for c in cells},
        },
        at_stake=NOTHING,
    )
