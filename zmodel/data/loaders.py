"""Lightning's loaders over samples in memory.

Batches, epochs, devices, processes.

Shapes: x (N, *sample), y (N,), weights (N,).
"""

from __future__ import annotations

import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import Tensor

from zmodel.core.arguments import at_least
from zmodel.data.batches import Augment, Batches, Part, WholeEpochs

PER_BATCH = (
    "train_dataloader",
    "on_before_batch_transfer",
    "transfer_batch_to_device",
    "on_after_batch_transfer",
)
"""Hooks of a data module through which every training batch goes."""


class InMemoryLoaders(LightningDataModule):
    """Loaders of the parts train, val and test, which setup() puts into `parts`.

    The order of batches and the augmentation depend on the run's seed (torch.initial_seed() when
    the loader is made) and the epoch alone. Samples lie on the trainer's device, if they fit there.
    """

    def __init__(
        self, batch_size: int, eval_batch_size: int, augment: Augment | None, epoch_steps: int
    ) -> None:
        super().__init__()
        at_least("data.batch_size", batch_size, 1)
        at_least("data.eval_batch_size", eval_batch_size, 1)
        if augment is not None and not callable(augment):
            raise ValueError(
                f"data.augment must be null or an object to call, received {augment!r}; use for "
                "example 'data.augment={_target_: zmodel.data.RandomShift, max_shift: 3}'."
            )
        at_least("data.epoch_steps", epoch_steps, 1)
        self.batch_size, self.eval_batch_size, self.augment = batch_size, eval_batch_size, augment
        self.epoch_steps = epoch_steps
        self.parts: dict[str, Part] = {}

    @property
    def largest_batches(self) -> tuple[int, int]:
        """Samples of the largest batch in training, and in validation."""
        sizes = [len(self.samples_of(part)[1]) for part in ("train", "val")]
        return min(self.batch_size, sizes[0]), min(self.eval_batch_size, sizes[1])

    @property
    def offers_whole_epochs(self) -> bool:
        """Whether a module may ask for whole epochs.

        Not of a subclass with its own loaders or transfers, which are made for single batches."""
        return not any(is_overridden(name, self, InMemoryLoaders) for name in PER_BATCH)

    def train_dataloader(self) -> Batches | WholeEpochs:
        """Training batches, shuffled and augmented anew in every epoch.

        With the trainer's `overfit_batches` the same batches in every epoch, as they are. For a
        module that has set its `whole_epochs` one item per epoch, an iterator over its batches."""
        trainer = self.trainer
        whole = getattr(getattr(trainer, "lightning_module", None), "whole_epochs", False)
        overfit = bool(getattr(trainer, "overfit_batches", 0))

        def epoch() -> int:
            return trainer.current_epoch if trainer is not None and not overfit else 0

        rank, world_size = self._ranks()
        batches = Batches(
            self.samples_of("train"),
            self.batch_size,
            seed=torch.initial_seed(),
            epoch=epoch,
            augment=None if overfit else self.augment,
            least=self.epoch_steps,
            rank=rank,
            world_size=world_size,
        )
        return WholeEpochs(batches) if whole else batches

    def val_dataloader(self) -> Batches:
        return self._evaluation("val")

    def test_dataloader(self) -> Batches:
        return self._evaluation("test")

    def samples_of(self, name: str) -> Part:
        """The samples, moved once to where the network is: no batch has to be copied there."""
        if name not in self.parts:
            self.setup("test" if name == "test" else "fit")
        part = self.parts[name]
        if self.trainer is not None:
            device = self.trainer.strategy.root_device
            if part[0].device != device and _fits(part[0], device):
                self.parts[name] = tuple(tensor.to(device) for tensor in part)
        return self.parts[name]

    def _evaluation(self, name: str) -> Batches:
        rank, world_size = self._ranks()
        return Batches(
            self.samples_of(name), self.eval_batch_size, rank=rank, world_size=world_size
        )

    def _ranks(self) -> tuple[int, int]:
        trainer = self.trainer
        return (trainer.global_rank, trainer.world_size) if trainer is not None else (0, 1)


def _fits(x: Tensor, device: torch.device) -> bool:
    """Into half of the device's free memory; the rest is the network's."""
    return device.type != "cuda" or x.nbytes <= torch.cuda.mem_get_info(device)[0] // 2
