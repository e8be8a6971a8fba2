"""A seeded fault: it makes studies with and without it, and names the verdict that must find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from calibration.worlds import World
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict
from zmodel.study.records import StudyRecord


@dataclass(frozen=True)
class Seeded:
    """A study; `fault`: whether it has the fault, None where that is not clear; `where`: names of
    parameters or values, one of which a verdict must name to be about this fault."""

    study: StudyRecord
    fault: bool | None
    where: frozenset[str] = frozenset()


Make = Callable[[World, int, bool], Seeded | None]


@dataclass(frozen=True)
class Fault:
    """`least`: the rank from which a verdict counts; `steady`: worlds without early stopping."""

    name: str
    rules: tuple[ModuleType, ...]
    make: Make
    least: int = 2
    steady: bool = False


def says(fault: Fault, seeded: Seeded) -> int:
    """The highest rank of a verdict of the fault's rules that names what it must; 0 for none."""
    findings = Findings(seeded.study)
    found = [v for rule in fault.rules for v in rule.judge(findings) or ()]
    return max((v.rank for v in found if _about(v, seeded.where)), default=0)


def _about(verdict: Verdict, where: frozenset[str]) -> bool:
    if not where or verdict.param in where:
        return True
    lists = (verdict.evidence.get(key) for key in ("values", "gaps", "trials"))
    named = {str(one) for found in lists if isinstance(found, list | dict) for one in found}
    return bool(where & named)
