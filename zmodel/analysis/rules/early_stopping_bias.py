"""Early stopping or the epoch allowance hurt some depths more than others."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

from zmodel.analysis.diagnostics.training import stopping
from zmodel.analysis.diagnostics.training.stopping import Depth, Stopping
from zmodel.analysis.findings import Findings
from zmodel.analysis.replay.patience import LAST_PART
from zmodel.analysis.rules.suggested_commands import longer
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.could_win import could_win
from zmodel.analysis.statistics.selection import best, listed, short

CODE = "early_stopping_bias"
CHECK = "early stopping and the epoch allowance treat the depths alike"
# what a depth's best quarter, at least LEAST trials, gained on average in the last tenth of their
# epochs, as a part of the best value: with GAIN the depth is hurt, if it is beyond noise at LEVEL
# over all depths; it is a bias when another depth gained less than half of that
GAIN, LEVEL, LEAST = 0.011, 0.05, 3
# what patience may cost on average, as a part of the best value
REGRET = 0.01


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(stopping.data)
    if found is None:
        return None
    much = GAIN * abs(best(findings.study).value or 0.0)
    cut = [d for d in found.depths if d.leaders >= LEAST and _rises(d, much, len(found.depths))]
    costly = [d for d in found.depths if _costly(findings, d)]
    verdicts = []
    if costly:
        lost = {d.label: d.control_regret or 0.0 for d in costly}
        matter = any(could_win(findings.study, label, regret) for label, regret in lost.items())
        verdicts.append(_patience_verdict(findings, found, costly, matter))
    if cut:
        spared = any(d.leaders >= LEAST and d.leaders_gain < much / 2 for d in found.depths)
        matter = any(could_win(findings.study, d.label, longer=True) for d in cut)
        severity = "warning" if spared and matter else "note"
        at_stake = None if matter else NOTHING
        verdicts.append(replace(_cut_verdict(findings, found, cut, severity), at_stake=at_stake))
    return verdicts


def _rises(depth: Depth, much: float, depths: int) -> bool:
    sure = NormalDist().inv_cdf(1 - LEVEL / depths) * depth.gain_error
    return depth.leaders_gain > max(much, sure)


def _costly(findings: Findings, depth: Depth) -> bool:
    return (
        depth.control_regret is not None
        and depth.controls >= LEAST
        and depth.control_regret > REGRET * abs(best(findings.study).value or 0.0)
        and (depth.low or 0.0) > 0
    )


def _name(found: Stopping) -> str:
    return short(found.param) if found.param else "value"


def _cut_verdict(findings: Findings, found: Stopping, cut: list[Depth], severity: str) -> Verdict:
    labels = listed([d.label for d in cut])
    gain = max(d.leaders_gain for d in cut)
    where = f" at {_name(found)} = {labels}" if found.param else ""
    return Verdict(
        CODE,
        severity,
        f"The best trials{where} were still improving when their epochs ran out, by up to "
        f"{gain:.2g} on average in the last {LAST_PART:.0%}: "
        f"{'these depths' if found.param else 'they'} could have reached more.",
        found.param,
        {
            "cut": {d.label: d.leaders_cut for d in found.depths},
            "best_quarter": {d.label: d.leaders for d in found.depths},
            "gain": {d.label: d.leaders_gain for d in found.depths},
            "values": [d.label for d in cut],
        },
        longer(findings.study, "longer", "trainer.max_epochs"),
    )


def _patience_verdict(
    findings: Findings, found: Stopping, costly: list[Depth], matter: bool
) -> Verdict:
    parts = [f"{d.control_regret:.3f} at {_name(found)} = {d.label}" for d in costly]
    return Verdict(
        CODE,
        "warning" if matter else "note",
        f"Control trials show that patience {found.patience} costs {', '.join(parts)} on average.",
        found.param,
        {
            "patience": found.patience,
            "regret": {d.label: d.control_regret for d in found.depths},
            "controls": {d.label: d.controls for d in found.depths},
        },
        longer(findings.study, "patient", "callbacks.early_stopping.patience"),
        None if matter else NOTHING,
    )
