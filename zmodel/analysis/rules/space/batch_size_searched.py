"""The batch size is searched as if it could make the result better."""

from __future__ import annotations

from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import structural

CODE = "batch_size_searched"
CHECK = "the batch size is not searched for quality"


def judge(findings: Findings) -> list[Verdict]:
    study = findings.study
    searched = [
        name
        for name, distribution in study.space.items()
        if name.rsplit(".", 1)[-1] == "batch_size" and not distribution.single()
    ]
    meant = {*structural(study)} if study.attrs.get("roles") else set()
    return [
        Verdict(
            CODE,
            "note",
            f"{name} is searched. With the other parameters tuned, batch size changes speed and "
            "memory, hardly what can be reached (Shallue et al. 2019): give it the value that "
            "trains fastest, and search one parameter less.",
            name,
        )
        for name in searched
        if name not in meant
    ]
