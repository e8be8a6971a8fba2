"""Early stopping that can lower the learning rate before it ends a run."""

from __future__ import annotations

import math
from typing import Any

from pytorch_lightning import LightningModule, Trainer

from zmodel.callbacks.monitor import Monitor, logged
from zmodel.callbacks.processes import in_any_process
from zmodel.core.arguments import at_least
from zmodel.core.objective import USUAL_LOSS

LEAST_FALL = 0.01
"""Share of its first value by which a loss must fall to have fallen; less is noise."""
OF_FIXED_LENGTH = ("total_steps", "T_max")
"""What a schedule has that knows where a run ends."""


class CoolDownStopping(Monitor):
    """Ends a run that makes no progress, after its learning rate has fallen to 0.

    The learning rate stays as it is while there is progress. When there has been none for long
    enough, it falls in even steps per epoch over a share of the epochs so far, and the run ends.
    The idea is that of Haegele et al. 2024 (arXiv 2405.18392); docs/log.md has what was measured.
    Any optimizer will do, and a whole epoch may be one step of Lightning's loop.

    Progress is a better `monitor`, or a lower `loss`: a network of which the validation loss still
    falls learns, although its accuracy stands still. Waiting begins when a warm-up, in which the
    learning rate rises from epoch to epoch, is over.

    Args:
        monitor: logged metric that is to improve.
        mode: "min" or "max".
        patience: validations without progress that are waited for.
        patience_steps: optimizer steps without progress that are waited for, too. An epoch of few
            steps says little.
        cooldown: share of the epochs so far over which the learning rate falls; 0: a run ends at
            once.
        min_delta: an improvement of `monitor` must be larger than this.
        loss: logged loss whose fall is progress; null: none.

    Raises:
        ValueError: an argument out of range; with a cool-down, a schedule of fixed length.
    """

    KEY = "callbacks.early_stopping.monitor"

    def __init__(
        self,
        monitor: str,
        mode: str,
        patience: int,
        patience_steps: int = 0,
        cooldown: float = 0.0,
        min_delta: float = 0.0,
        loss: str | None = USUAL_LOSS,
    ) -> None:
        super().__init__(monitor)
        key = "callbacks.early_stopping"
        at_least(f"{key}.patience", patience, 1)
        at_least(f"{key}.patience_steps", patience_steps, 0)
        if not 0 <= cooldown < math.inf:
            raise ValueError(
                f"{key}.cooldown must be a share of the epochs so far, 0 or above, received "
                f"{cooldown}; use for example {key}.cooldown=0.5."
            )
        self.mode, self.min_delta, self.loss = mode, min_delta, loss
        self.patience, self.patience_steps = patience, patience_steps
        self.cooldown = cooldown
        self.allowed: int | None = None
        """Epochs that the run may take; None: as many as it likes."""
        self.best: float | None = None
        self.first: float | None = None
        self.lowest: float | None = None
        self.waited = 0
        """Validations since the last progress."""
        self.progressed = 0
        """Optimizer steps made at the last progress."""
        self.is_warming = True
        self._seen: tuple[int, list[float]] | None = None
        """The last epoch and its learning rates, one per group of parameters."""
        self.cooled_from: int | None = None
        """Epochs done when the learning rate began to fall."""
        self.end: int | None = None
        """Epochs after which the run ends, once that is decided."""
        self._rates: list[float] = []
        """Learning rates at that time."""

    @property
    def stopped_early(self) -> bool:
        """Whether the run ended before it had used what it may take."""
        return self.end is not None and (self.allowed is None or self.end < self.allowed)

    # --- the rule ---

    def observe(self, trainer: Trainer, pl_module: LightningModule, value: float) -> None:
        self._note(value, logged(trainer).get(self.loss or ""), trainer.global_step)
        self._note_warm_up(trainer)
        if self.end is not None:
            return
        done = trainer.current_epoch + 1
        length = math.ceil(self.cooldown * done)
        last_moment = self.allowed is not None and done + length >= self.allowed
        flat = self._is_flat(trainer.global_step)
        if last_moment or in_any_process(trainer, flat):
            end = max(done + length, trainer.min_epochs or 0)
            self.end = end if self.allowed is None else max(done, min(end, self.allowed))
            if self.end > done:
                self.cooled_from = done
                assert self._seen is not None
                self._rates = self._seen[1]
        self._limit(trainer)

    def _note(self, value: float, loss: float | None, step: int) -> None:
        """Remember the best so far, and when there was progress last."""
        loss = loss if loss is not None and math.isfinite(loss) else None
        gain = math.inf if self.best is None else value - self.best
        better = (gain if self.mode == "max" or self.best is None else -gain) > self.min_delta
        better = better and not math.isnan(value)  # what is no number is nothing to be beaten
        if self.first is None:
            self.first = loss
        falls = loss is not None and (
            self.lowest is None or loss < self.lowest - LEAST_FALL * abs(self.first or 0.0)
        )
        self.best = value if better else self.best
        self.lowest = loss if falls else self.lowest
        self.waited = 0 if better or falls else self.waited + 1
        self.progressed = step if better or falls else self.progressed

    def _note_warm_up(self, trainer: Trainer) -> None:
        """What is no progress while the learning rate still rises does not count."""
        epoch, groups = trainer.current_epoch, _groups(trainer)
        rates = [group["lr"] for group in groups]
        if self._seen is not None:
            rises = any(now > before for now, before in zip(rates, self._seen[1], strict=True))
            # of several validations in an epoch, where a schedule acts once in an epoch
            lower = any(group["lr"] < group.get("initial_lr", group["lr"]) for group in groups)
            waits = epoch == self._seen[0] and lower
            self.is_warming = self.is_warming and (rises or waits)
        self._seen = epoch, rates
        if self.is_warming:
            self.waited, self.progressed = 0, trainer.global_step

    def _is_flat(self, step: int) -> bool:
        return self.waited >= self.patience and step - self.progressed >= self.patience_steps

    def _limit(self, trainer: Trainer) -> None:
        """Lightning's loop itself ends the run: it knows how to resume one that is at its end."""
        epochs = self.allowed if self.end is None else self.end
        trainer.fit_loop.max_epochs = -1 if epochs is None else epochs

    # --- the learning rate ---

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.cooled_from is not None and self.end is not None:
            passed = trainer.current_epoch - self.cooled_from + 0.5
            left = 1 - passed / (self.end - self.cooled_from)
            for group, rate in zip(_groups(trainer), self._rates, strict=True):
                group["lr"] = rate * left

    # --- set-up, and what a resumed run goes on with: the state, judged by the settings of now ---

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        given = trainer.max_epochs
        before, self.allowed = self.allowed, None if given in (None, -1) else given
        if self.end is not None and self.end == before != self.allowed:
            self.cooled_from = self.end = None  # the allowance ended it, and now is another one
        schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
        fixed = [s for s in schedules if any(hasattr(s, name) for name in OF_FIXED_LENGTH)]
        if self.cooldown and fixed:
            raise ValueError(
                "callbacks.early_stopping.cooldown needs a learning rate that does not know where "
                f"the run ends, received {type(fixed[0]).__name__}; set callbacks=default (or "
                "callbacks.early_stopping.cooldown=0), or model.scheduler=null."
            )
        if self.end is not None:
            self._limit(trainer)

    def _settings(self) -> list[Any]:
        return [self.monitor, self.mode, self.patience, self.patience_steps, self.cooldown,
                self.min_delta, self.loss]  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        kept = (
            "best", "first", "lowest", "waited", "progressed", "is_warming", "_seen",
            "cooled_from", "end", "allowed", "_rates",
        )  # fmt: skip
        return {"settings": self._settings(), **{name: getattr(self, name) for name in kept}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        decided_by = state_dict["settings"]
        now = self._settings()
        if decided_by[:2] != now[:2]:
            return  # the best by another measure is none by this one
        self.best, self.first = state_dict["best"], state_dict["first"]
        self.lowest = state_dict["lowest"]
        self.waited, self.progressed = state_dict["waited"], state_dict["progressed"]
        self.is_warming, self._seen = state_dict.get("is_warming", False), state_dict.get("_seen")
        if decided_by == now:
            self.cooled_from, self.end = state_dict["cooled_from"], state_dict["end"]
            self.allowed, self._rates = state_dict["allowed"], state_dict["_rates"]


def _groups(trainer: Trainer) -> list[dict[str, Any]]:
    return [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
