"""Makes the epoch plan of a study from its settings.

What cannot work is refused before any trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from zmodel.core.objective import curve_of
from zmodel.study.cells import Cell, range_cells, value_cells
from zmodel.study.distribution_values import count_values
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.combinations import count_combinations
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.stopping.depth_halving import KEY, DepthHalving
from zmodel.sweep.stopping.epoch_plan import EpochPlan

ALLOWANCE = "trainer.max_epochs"
DEPTH = "model.z_layers"
FOLDS = "data.folds"
CHECKPOINT = "BestAndLast"
REPORT = "StudyReport"
MOST_GROUPS = 50


def make_plan(settings: Settings, space: SearchSpace, cfg: DictConfig) -> EpochPlan | None:
    """The plan; None where the budget is one of trials and none is paused.

    Args:
        cfg: the configuration of a trial.

    Raises:
        ValueError: a setting that cannot work, and a way on.
    """
    rule = settings.stopping
    if rule is None and settings.epochs is None:
        return None
    allowance = _allowance(space, cfg)
    epochs = settings.epochs
    if epochs is None:
        raise ValueError(
            f"{KEY} needs a budget of epochs, since it is not known before how many trials are "
            f"begun; got hydra.sweeper.epochs=null. Set hydra.sweeper.epochs="
            f"{(settings.n_trials or 40) * allowance} hydra.sweeper.n_trials=null."
        )
    if epochs < allowance:
        raise ValueError(
            f"hydra.sweeper.epochs must pay for one trial, which may take {allowance} epochs "
            f"({ALLOWANCE}, in each of its folds), got {epochs}. Raise hydra.sweeper.epochs or "
            f"lower {ALLOWANCE}."
        )
    cells: tuple[Cell, ...] = ()
    if rule is not None:
        _check_settings(settings, cfg)
        _check_task(cfg)
        cells = groups(rule, space)
        _check_guarantee(rule, cells, epochs, allowance)
        _check_number(rule, cells, settings.n_trials)
        _check_choice(settings, space, epochs // allowance)
    maximize = settings.direction[0] == "maximize"
    per_fold = OmegaConf.select(cfg, FOLDS) == "auto"
    return EpochPlan(epochs, allowance, rule, cells, maximize, settings.seed, per_fold)


def _allowance(space: SearchSpace, cfg: DictConfig) -> int:
    """Epochs that a trial may take, over its folds: the same for all."""
    given = OmegaConf.select(cfg, ALLOWANCE)
    if ALLOWANCE in space.distributions:
        given = f"a search over {space.distributions[ALLOWANCE]}"
    if isinstance(given, int) and given > 0:
        folds = OmegaConf.select(cfg, FOLDS)  # "auto": see EpochPlan.per_fold
        return given * (folds if isinstance(folds, int) else 1)
    raise ValueError(
        f"a budget of epochs needs {ALLOWANCE}, the most that any trial may take, as a number, "
        f"got {given}. Set {ALLOWANCE}=40, or a budget of trials: hydra.sweeper.epochs=null "
        "hydra.sweeper.n_trials=30."
    )


def groups(rule: DepthHalving, space: SearchSpace) -> tuple[Cell, ...]:
    """The values within which the rule compares; none: all trials are compared.

    Raises:
        ValueError: the parameter is not searched, exists under a condition, or has no end.
    """
    param = rule.within
    if param is None:
        param = DEPTH if DEPTH in space.distributions else None
    if param is None:
        return ()
    if param not in space.distributions or param in space.conditions:
        what = "exists under a condition" if param in space.conditions else "is not searched"
        raise ValueError(
            f"{KEY}.within must be a parameter that every trial has, got {param}, which {what}. "
            f"Searched: {', '.join(space.distributions)}."
        )
    distribution = space.distributions[param]
    count = count_values(distribution)
    if count is None:
        return tuple(range_cells(param, distribution, 4))
    if count > MOST_GROUPS:
        raise ValueError(
            f"{KEY}.within must have at most {MOST_GROUPS} values, got {param} with {count}. "
            "Name another parameter, or search fewer values."
        )
    return tuple(value_cells(param, space.values(param)))


def _check_guarantee(
    rule: DepthHalving, cells: Sequence[Cell], epochs: int, allowance: int
) -> None:
    need = rule.guarantee * max(1, len(cells)) * allowance
    if need > epochs:
        values = f"each of {len(cells)} values of {cells[0].param}" if cells else "the study"
        fits = epochs // (max(1, len(cells)) * allowance)
        raise ValueError(
            f"{KEY}.guarantee={rule.guarantee} completed trials for {values} may take {need} "
            f"epochs, more than hydra.sweeper.epochs={epochs}. Set hydra.sweeper.epochs={need}, "
            f"{KEY}.guarantee={fits}, or search fewer values."
        )


def _check_number(rule: DepthHalving, cells: Sequence[Cell], n_trials: int | None) -> None:
    """A number of trials, where there is one besides the epochs, must hold the promised ones."""
    need = rule.guarantee * max(1, len(cells))
    if n_trials is not None and n_trials < need:
        raise ValueError(
            f"{KEY}.guarantee={rule.guarantee} promises {need} completed trials, more than "
            f"hydra.sweeper.n_trials={n_trials}. Set hydra.sweeper.n_trials=null."
        )


def _check_choice(settings: Settings, space: SearchSpace, paid: int) -> None:
    """A sampler of all combinations does not see the paused ones, and would repeat them."""
    count = count_combinations(space, paid)
    if count is not None or settings.sampler["_target_"].endswith("BruteForceSampler"):
        some = "all" if count is None else f"all {count}"
        raise ValueError(
            f"{KEY} chooses among more trials than can be run, got {some} combinations to try. Set "
            "hydra/sweeper/stopping=none: each is tried once."
        )


def _check_settings(settings: Settings, cfg: DictConfig) -> None:
    """What contradicts a rule that pauses trials."""
    pruner = (settings.pruner or {}).get("_target_", "NopPruner")
    if not pruner.endswith("NopPruner"):
        raise ValueError(
            f"{KEY} and hydra.sweeper.pruner both end trials by comparison, got {pruner}. "
            "Set hydra/sweeper/pruner=none or hydra/sweeper/stopping=none."
        )
    if settings.control:
        raise ValueError(
            f"{KEY}.control_every spares trials, got hydra.sweeper.control={settings.control} too. "
            "Set hydra.sweeper.control=null."
        )
    if settings.replicate:
        raise ValueError(
            f"{KEY} chooses among configurations, and hydra.sweeper.replicate="
            f"{settings.replicate} repeats them. Set hydra.sweeper.replicate=null."
        )
    for key in ("coverage", "policy"):
        if getattr(settings, key):
            raise ValueError(
                f"hydra.sweeper.{key} plans a budget of trials, and {KEY} one of epochs. Set "
                f"hydra.sweeper.{key}=null; {KEY}.guarantee is the floor of each depth."
            )
    if len(settings.direction) > 1:
        raise ValueError(
            f"{KEY} needs one objective to tell which trials are best, got "
            f"{len(settings.direction)}. Set hydra/sweeper/stopping=none."
        )
    metric, way = curve_of(cfg, settings.direction)
    if way != settings.direction[0]:
        raise ValueError(
            f"{KEY} compares what trials report per epoch: it must be better as optimized_metric="
            f"{cfg.optimized_metric} is, {settings.direction[0]}; got {metric}, {way or 'either'}. "
            "Set callbacks.study_report.monitor to another metric."
        )


def _check_task(cfg: DictConfig) -> None:
    """Whether a run reports every epoch and leaves a checkpoint; a task of another kind, without
    callbacks, is trusted to."""
    if "callbacks" not in cfg:
        return
    targets = [str(target) for target in _targets(cfg.callbacks)]
    for name, why, file in (
        (CHECKPOINT, "a paused trial continues from its last.ckpt", "checkpoint"),
        (REPORT, "the rule compares what trials report", "study_report"),
    ):
        if not any(target.endswith(f".{name}") for target in targets):
            raise ValueError(
                f"{KEY} needs the callback {name}: {why}. Add callbacks=[{file}, ...] or set "
                "hydra/sweeper/stopping=none."
            )
    every = OmegaConf.select(cfg, "trainer.check_val_every_n_epoch", default=1)
    interval = OmegaConf.select(cfg, "trainer.val_check_interval")
    for key, value, is_fine in (
        ("check_val_every_n_epoch", every, every == 1),
        ("val_check_interval", interval, interval is None or isinstance(interval, float)),
    ):
        if not is_fine:
            raise ValueError(
                f"{KEY} needs the metric after every epoch, got trainer.{key}={value}. Set "
                f"trainer.{key}={'1' if key == 'check_val_every_n_epoch' else 'null'}, or "
                "hydra/sweeper/stopping=none."
            )
    if OmegaConf.select(cfg, FOLDS):
        raise ValueError(
            f"{KEY} pauses a run after an epoch, and one with data.folds={cfg.data.folds} reports "
            "one value per fold. Set data.folds=null or hydra/sweeper/stopping=none."
        )


def _targets(callbacks: Any) -> Iterator[Any]:
    return (node.get("_target_") for node in (callbacks or {}).values() if node)
