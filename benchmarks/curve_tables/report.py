"""Writes the tables of docs/measured/stopping.md from replays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from curve_tables.replay import Result, difference
from curve_tables.rules import OURS, USUAL

ByBudget = Mapping[int, Mapping[str, Result]]
OUR_RULE = "depth_halving"
GOAL = 0.003
"""How far our rule may be behind the best of all usual ones."""
COLUMNS = ("setting", "sampling", "workers", "budget", "rule", "test", "left_behind", "begun",
           "completed", "studies", "ours_minus_it", "half_width")  # fmt: skip


def rows(settings: Mapping[str, ByBudget], sampling: str, workers: int) -> list[tuple[object, ...]]:
    """Every cell: mean test accuracy, share of studies with a depth left behind, trials begun and
    completed in a study; our rule minus this one, in pairs, and half of its 90 % interval."""
    return [
        (name, sampling, workers, budget, rule, f"{found.test.mean():.4f}",
         f"{(found.left_behind > 0).mean():.3f}", f"{found.trials.mean():.1f}",
         f"{found.completed.mean():.1f}", found.test.size,
         *(f"{v:.4f}" for v in difference(results[OUR_RULE], found)))
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
            to_none = signed(*difference(results[OUR_RULE], results["none"]))
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
    return named, signed(*difference(results[OUR_RULE], results[best]))


def over_all(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """Each rule over all cells: loss to the best usual rule of the cell, and depths left behind."""
    cells = [by_budget[b] for by_budget in settings.values() for b in budgets]
    best = [max(r.test.mean() for name, r in cell.items() if name in USUAL) for cell in cells]
    lines = ["| rule | loss to the best usual rule: mean | worst | cells within .003 "
             "| studies with a depth left behind |", "|---" * 5 + "|"]  # fmt: skip
    for rule in (*USUAL, *OURS):
        losses = [b - cell[rule].test.mean() for b, cell in zip(best, cells, strict=True)]
        left = sum((cell[rule].left_behind > 0).mean() for cell in cells) / len(cells)
        near = sum(loss <= GOAL for loss in losses)
        lines.append(
            f"| {rule} | {_loss(sum(losses) / len(losses))} | {_loss(max(losses))} "
            f"| {near} of {len(cells)} | {left:.0%} |"
        )
    return "\n".join(lines)


def half_the_cost(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """Our rule with half of the epochs against no stopping with all of them."""
    pairs = [(b, 2 * b) for b in budgets if 2 * b in budgets]
    head = " | ".join(f"{half} against {full}" for half, full in pairs)
    lines = [f"| setting | {head} |", "|---" * (len(pairs) + 1) + "|"]
    for name, by_budget in settings.items():
        cells = [
            signed(*difference(by_budget[half][OUR_RULE], by_budget[full]["none"]))
            for half, full in pairs
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _digits(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _loss(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1)


def signed(mean: float, half: float) -> str:
    return f"{1e4 * mean:+.0f} ± {1e4 * half:.0f}"
