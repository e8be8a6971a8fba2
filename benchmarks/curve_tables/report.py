"""Writes the tables of docs/measured/stopping.md from replays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from curve_tables.replay import Result, difference, interval
from curve_tables.rules import OURS, USUAL

ByBudget = Mapping[int, Mapping[str, Result]]
OUR_RULE = "depth_halving"


COLUMNS = ("setting", "sampling", "workers", "budget", "rule", "test", "test_half_width",
           "left_behind", "begun", "completed", "studies")  # fmt: skip


def rows(settings: Mapping[str, ByBudget], sampling: str, workers: int) -> list[tuple[object, ...]]:
    """Every cell: mean test accuracy and half of its 90 % interval, share of studies with a depth
    left behind, trials begun and completed in a study."""
    return [
        (name, sampling, workers, budget, rule, *(f"{v:.4f}" for v in interval(found.test)),
         f"{(found.left_behind > 0).mean():.3f}", f"{found.trials.mean():.1f}",
         f"{found.completed.mean():.1f}", found.test.size)
        for name, by_budget in settings.items()
        for budget, results in by_budget.items()
        for rule, found in results.items()
    ]  # fmt: skip


def against_the_best(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """Of every setting and budget: our rule minus the best usual rule of that cell, minus the best
    of those that completed every depth in all studies of it, and minus no stopping."""
    lines = ["| setting | budget | best usual rule | our rule against it "
             "| best that completes every depth | against it | against no stopping |",
             "|---" * 7 + "|"]  # fmt: skip
    for name, by_budget in settings.items():
        for budget in budgets:
            results = by_budget[budget]
            to_none = _signed(*difference(results[OUR_RULE], results["none"]))
            cells = (name, str(budget), *_best(results), *_best(results, True), to_none)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def best_usual(results: Mapping[str, Result], is_complete: bool) -> str | None:
    """The usual rule with the highest mean; `is_complete`: of those that completed every depth in
    all studies of this cell, None where there is none."""
    known = [r for r in USUAL if not (is_complete and results[r].left_behind.any())]
    return max(known, key=lambda rule: results[rule].test.mean(), default=None)


def _best(results: Mapping[str, Result], is_complete: bool = False) -> tuple[str, str]:
    """The best usual rule, and our rule against it."""
    best = best_usual(results, is_complete)
    if best is None:
        return "-", "-"
    left = (results[best].left_behind > 0).mean()
    behind = f", {left:.0%} left behind" if left else ""
    named = f"{best} {_digits(results[best].test.mean())}{behind}"
    return named, _signed(*difference(results[OUR_RULE], results[best]))


def over_all(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """Each rule over all cells: loss to the best usual rule of the cell, and depths left behind."""
    cells = [by_budget[b] for by_budget in settings.values() for b in budgets]
    best = [max(r.test.mean() for name, r in cell.items() if name in USUAL) for cell in cells]
    lines = ["| rule | loss to the best usual rule: mean | worst | cells within .003 "
             "| studies with a depth left behind |", "|---" * 5 + "|"]  # fmt: skip
    for rule in (*USUAL, *OURS):
        losses = [b - cell[rule].test.mean() for b, cell in zip(best, cells, strict=True)]
        left = sum((cell[rule].left_behind > 0).mean() for cell in cells) / len(cells)
        near = sum(loss <= 0.003 for loss in losses)
        lines.append(
            f"| {rule} | {_loss(sum(losses) / len(losses))} | {_loss(max(losses))} "
            f"| {near} of {len(cells)} | {left:.0%} |"
        )
    return "\n".join(lines)


def selected_elsewhere(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """As :func:`against_the_best`, but the best rule of a cell is selected on every other
    bootstrapped table and judged on the rest, in turn: the luck of a selection does not count."""
    lines = ["| rule | within .003 of the best usual rule | ahead of it | beyond its interval |",
             "|---" * 4 + "|"]  # fmt: skip
    for rule in OURS:
        found = [_beside(by_budget[b], rule) for by_budget in settings.values() for b in budgets]
        counts = (
            sum(mean >= -0.003 for mean, _ in found),
            sum(mean > 0 for mean, _ in found),
            sum(mean > half for mean, half in found),
        )
        lines.append(f"| {rule} | {' | '.join(f'{n} of {len(found)}' for n in counts)} |")
    return "\n".join(lines)


def _beside(results: Mapping[str, Result], rule: str) -> tuple[float, float]:
    """This rule minus the usual one selected elsewhere, and half of its 90 % interval."""
    gains = np.zeros_like(results[rule].test)
    for part in (0, 1):
        best = max(USUAL, key=lambda name: results[name].test[1 - part :: 2].mean())
        gains[part::2] = (results[rule].test - results[best].test)[part::2]
    return interval(gains)


def half_the_cost(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """Our rule with half of the epochs against no stopping with all of them."""
    pairs = [(b, 2 * b) for b in budgets if 2 * b in budgets]
    head = " | ".join(f"{half} against {full}" for half, full in pairs)
    lines = [f"| setting | {head} |", "|---" * (len(pairs) + 1) + "|"]
    for name, by_budget in settings.items():
        cells = [
            _signed(*difference(by_budget[half][OUR_RULE], by_budget[full]["none"]))
            for half, full in pairs
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _digits(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _loss(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1)


def _signed(mean: float, half: float) -> str:
    return f"{1e4 * mean:+.0f} ± {1e4 * half:.0f}"
