"""The command that continues a study with wider bounds."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from optuna.distributions import FloatDistribution, IntDistribution

from zmodel.analysis.rules.suggested_commands import budget_with, sweep_command
from zmodel.analysis.statistics.selection import DEPTH, fixed, short
from zmodel.study.records import StudyRecord

MORE_TRIALS = 20
PART = 3
"""A range grows by this part of its width, on the scale it is sampled on."""


def wider_command(study: StudyRecord, param: str, side: str) -> str | None:
    """The study with the bound of `param` moved; None without a command, or where numbers end."""
    distribution = study.space[param]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = distribution.low, distribution.high
    if side == "low":
        low = _moved(distribution, -1)
    else:
        high = _moved(distribution, 1)
    if (low, high) == (distribution.low, distribution.high):
        return None
    key = f"z_layers.{'min' if side == 'low' else 'max'}"
    own = fixed(study, key) if short(param) == DEPTH else None
    named = own is not None and own == (distribution.low if side == "low" else distribution.high)
    bound = {key: low if side == "low" else high}
    wider = bound if named else {param: sweep_text(distribution, low, high)}
    more = budget_with(study, MORE_TRIALS)
    return sweep_command(study, {**wider, "hydra.sweeper.on_change": "widen", **more})


def can_move(study: StudyRecord, param: str, side: str) -> bool:
    """Whether there are numbers beyond a bound: a rate or a count has none below 0."""
    distribution = study.space[param]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    edge = distribution.low if side == "low" else distribution.high
    return bool(_moved(distribution, -1 if side == "low" else 1) != edge)


def _moved(distribution: FloatDistribution | IntDistribution, way: int) -> Any:
    low, high = distribution.low, distribution.high
    if distribution.log:
        factor = (high / low) ** (1 / PART)
        far = high * factor if way > 0 else low / factor
    else:
        far = high + (high - low) / PART if way > 0 else low - (high - low) / PART
    if way < 0 and low >= 0:
        far = max(0, far)  # a count or a rate
    elif way > 0 and low >= 0 and high <= 1 and isinstance(distribution, FloatDistribution):
        far = min(far, (1 + high) / 2)  # a share
    edge = high if way > 0 else low
    if distribution.step is None:
        rounded = float(f"{far:.2g}")
        return rounded if way * rounded > way * edge else edge
    step = Decimal(str(distribution.step))
    count = math.ceil(abs(Decimal(str(far)) - Decimal(str(edge))) / step)
    if way < 0 and low >= 0:
        count = min(count, int(Decimal(str(low)) // step))
        if distribution.log:
            count = min(count, int(low) - 1)
    moved = Decimal(str(edge)) + way * count * step
    return int(moved) if isinstance(distribution, IntDistribution) else float(moved)


def sweep_text(distribution: FloatDistribution | IntDistribution, low: Any, high: Any) -> str:
    """As Hydra's sweep syntax has this distribution between other bounds."""
    if distribution.step not in (None, 1) or (
        distribution.step == 1 and isinstance(distribution, FloatDistribution)
    ):
        end = Decimal(str(high)) + Decimal(str(distribution.step))
        return f"range({low},{end},{distribution.step})"
    text = f"interval({low},{high})"
    if isinstance(distribution, IntDistribution):
        text = f"int({text})"
    return f"tag(log,{text})" if distribution.log else text
