"""One progress bar for all epochs of a run."""

from __future__ import annotations

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm


class EpochBar(ProgressBar):
    """One bar over the epochs of the fit, with the metrics; none per batch."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: tqdm | None = None

    def disable(self) -> None:
        """Lightning asks this of every rank but the first."""
        self._enabled = False

    _enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._enabled:
            limit = trainer.max_epochs
            self._bar = tqdm(
                total=None if limit == -1 else limit,
                initial=trainer.current_epoch,
                desc="fit",
                unit="epoch",
                dynamic_ncols=True,
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show(trainer)  # the epoch before: its training metrics are known by now

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show(trainer)
        if self._bar is not None:
            self._bar.close()

    def _show(self, trainer: Trainer) -> None:
        done = trainer.current_epoch
        if self._bar is not None and done > self._bar.n:
            logged = trainer.callback_metrics.items()
            now = {k: v for k, v in logged if "/" in k and not k.endswith("_best")}
            shown = {k: f"{float(v):.3f}" for k, v in now.items()}
            self._bar.set_postfix(shown, refresh=False)
            self._bar.update(done - self._bar.n)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self.on_train_end(trainer, pl_module)
