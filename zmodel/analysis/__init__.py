"""Diagnostics that say whether a study can be believed.

Each is a function, for notebooks and scripts.

    from zmodel import analysis

    study = analysis.load("zlayers")                 # or load("X", storage="sqlite:///x.db")
    record = analysis.values(study)                  # numbers, frozen
    analysis.draw(record)                            # a matplotlib figure of them
    analysis.frame(record)                           # a pandas table of them
    analysis.frame(study)                            # a pandas table of all trials
    analysis.judge(study)                            # the verdicts

A diagnostic that lacks its data raises Unavailable with the reason. Nothing here needs torch.

Reads studies and writes reports; what trains, samples or writes studies does not belong here.
Read first: ``analyze_command``, then ``findings``, ``diagnostics`` and ``rules``, last ``page``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmodel.analysis import catalog
from zmodel.analysis.comparison import comparison_figure
from zmodel.analysis.comparison.compare import Comparison, compare
from zmodel.analysis.findings import Findings, Unavailable
from zmodel.analysis.page import trial_table as _trials
from zmodel.analysis.page.render import draw as draw_figure
from zmodel.analysis.rules.judge import judge as _judge
from zmodel.analysis.rules.verdict import Verdict
from zmodel.study.records import StudyRecord, find_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

_DIAGNOSTICS = {catalog.name_of(module): module for module in catalog.modules()}

__all__ = [
    "Unavailable", "Verdict", "compare", "draw", "frame", "judge", "load", *_DIAGNOSTICS,
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The diagnostics by name: `analysis.values(study)` and so on, see `__all__`."""
    if name in _DIAGNOSTICS:
        return _DIAGNOSTICS[name].data
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(name: str, storage: str | None = None, log_dir: str | Path = "logs") -> StudyRecord:
    """A study by name: from `storage`, else from its own journal under `log_dir`."""
    return find_study(name, Path(log_dir), storage)


def judge(study: StudyRecord) -> list[Verdict]:
    """The verdicts on a study, worst first."""
    return _judge(Findings(study))


def draw(record: Any) -> Figure:
    """The figure of a diagnostic's record; ValueError for one that is a table."""
    module = _module(record)
    if not hasattr(module, "draw"):
        raise ValueError(
            f"record must be of a diagnostic with a figure, received {type(record).__name__}, "
            "which is a table; take analysis.frame(record)"
        )
    return draw_figure(module, record)


def frame(record: Any) -> DataFrame:
    """The numbers of a diagnostic's record, or the trials of a study, as a pandas table."""
    import pandas

    if isinstance(record, StudyRecord):
        return pandas.DataFrame(_trials.rows(record))
    return pandas.DataFrame(_module(record).rows(record))


def _module(record: Any) -> Any:
    """The module that draws a record."""
    name = type(record).__module__.rsplit(".", 1)[-1]
    module = comparison_figure if isinstance(record, Comparison) else _DIAGNOSTICS.get(name)
    if module is None:
        raise ValueError(
            f"record must come from one of zmodel.analysis's diagnostics, received "
            f"{type(record).__name__}; known: {', '.join(sorted(_DIAGNOSTICS))}"
        )
    return module
