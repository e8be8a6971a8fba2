"""Order, shards and augmentation of batches, alone and inside a Lightning Trainer."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.nn import functional as F

from zmodel.data import Arrays, Batches, InMemoryData, RandomShift
from zmodel.data.batches import BLOCK_BYTES


def numbered(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample i holds i and has label i."""
    return torch.arange(n, dtype=torch.float32)[:, None], torch.arange(n)


def labels(batches: Batches) -> list[list[int]]:
    return [y.tolist() for _, y in batches]


@pytest.mark.parametrize(
    ("n", "size", "lengths"),
    [
        (10, 4, [4, 4, 2]),
        (8, 4, [4, 4]),
        (9, 4, [4, 4]),
        (3, 1, [1, 1, 1]),
        (1, 4, [1]),
        (3, 100, [3]),
    ],
)
def test_training_batches(n: int, size: int, lengths: list[int]) -> None:
    """A last batch of one sample is left out, unless that leaves nothing."""
    batches = Batches(numbered(n), size, seed=0)
    seen = labels(batches)
    assert [len(y) for y in seen] == lengths and len(batches) == len(lengths)
    flat = sum(seen, [])
    assert len(set(flat)) == len(flat) == sum(lengths)
    assert all(torch.equal(x[:, 0], y.float()) for x, y in batches)


def test_an_epoch_of_few_samples_passes_over_them_several_times() -> None:
    batches = Batches(numbered(7), 3, seed=0, least=5)
    seen = labels(batches)
    assert (len(batches), [len(y) for y in seen]) == (6, [3, 3] * 3)
    passes = [sum(seen[i : i + 2], []) for i in (0, 2, 4)]
    assert all(len(set(one)) == 6 for one in passes) and len({str(one) for one in passes}) == 3
    assert seen[:2] == labels(Batches(numbered(7), 3, seed=0, least=2))
    assert len(Batches(numbered(7), 3, least=5)) == 3  # evaluation: each sample once


def test_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list:
        torch.manual_seed(99 + epoch)
        return labels(Batches(numbered(50), 8, seed=seed, epoch=lambda: epoch))

    assert order(0, 0) == order(0, 0)
    assert len({str(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1, 2)}) == 6


def test_gathering_in_blocks_does_not_change_the_order() -> None:
    small, y = numbered(40)
    large = small.expand(40, BLOCK_BYTES // 4 // 3)  # a third of a block per sample
    assert labels(Batches((large, y), 2, seed=3)) == labels(Batches((small, y), 2, seed=3))


def test_evaluation_keeps_order_and_shields_the_data() -> None:
    x, y = numbered(10)
    batches = Batches((x, y), 4)
    assert sum(labels(batches), []) == list(range(10)) and len(batches) == 3
    for part, _ in batches:
        part.zero_()
    assert torch.equal(x, numbered(10)[0])


@pytest.mark.parametrize(("n", "size"), [(11, 3), (12, 3), (13, 4), (50, 3)])
def test_shards(n: int, size: int) -> None:
    """Every rank has as many batches; together all samples in evaluation, no sample twice."""
    for seed in (None, 5):
        shards = [Batches(numbered(n), size, seed=seed, rank=r, world_size=4) for r in range(4)]
        assert len({len(shard) for shard in shards}) == 1
        seen = [labels(shard) for shard in shards]
        assert all(len(part) == len(shards[0]) for part in seen)
        flat = [i for part in seen for batch in part for i in batch]
        assert len(set(flat)) == len(flat)
        if seed is None:
            assert sorted(flat) == list(range(n))
        else:
            assert len({str([len(batch) for batch in part]) for part in seen}) == 1
    with pytest.raises(ValueError, match="2 samples for 4 processes"):
        Batches(numbered(2), 3, world_size=4)


@pytest.mark.parametrize("shape", [(2, 12), (2, 6, 9)])
@pytest.mark.parametrize("circular", [True, False])
def test_random_shift(shape: tuple[int, ...], circular: bool) -> None:
    """Every sample is moved along its axes by one of the shifts, alike in all its channels."""
    x = torch.rand(60, *shape) + 1
    shift, before = RandomShift(2, circular), torch.get_rng_state()
    moved = shift(x, torch.Generator().manual_seed(0))
    assert torch.equal(moved, shift(x, torch.Generator().manual_seed(0)))
    assert torch.equal(before, torch.get_rng_state())
    seen = set()
    for one, other in zip(x, moved, strict=True):
        for shifts in itertools.product(range(-2, 3), repeat=len(shape) - 1):
            if torch.equal(other, rolled(one, shifts, circular)):
                seen.add(shifts)
                break
        else:
            pytest.fail("not a shift of the sample")
    assert all(set(axis) == {*range(-2, 3)} for axis in zip(*seen, strict=True))


def rolled(x: torch.Tensor, shifts: tuple[int, ...], circular: bool) -> torch.Tensor:
    x = x.roll(shifts, tuple(range(1, x.dim())))
    for dim, shift in enumerate(shifts, start=1):
        if shift and not circular:
            x.narrow(dim, 0 if shift > 0 else x.shape[dim] + shift, abs(shift)).zero_()
    return x


def test_random_shift_refuses() -> None:
    generator = torch.Generator()
    with pytest.raises(ValueError, match="max_shift .*received -1"):
        RandomShift(-1)
    x = torch.rand(2, 1, 3)
    assert torch.equal(RandomShift(0)(x, generator), x)
    vectors = torch.rand(2, 3)  # features have no order
    assert torch.equal(RandomShift(1)(vectors, generator), vectors)
    with pytest.raises(ValueError, match="received 3 for 3 positions"):
        RandomShift(3)(torch.zeros(2, 1, 3), generator)


def test_augmentation_differs_by_epoch_and_rank_only() -> None:
    def first(epoch: int, rank: int) -> torch.Tensor:
        x = torch.arange(32.0).repeat(8, 1, 1)
        keys = {"epoch": lambda: epoch, "rank": rank, "world_size": 2}
        return next(iter(Batches((x, x[:, 0, 0]), 4, seed=0, augment=RandomShift(9), **keys)))[0]

    assert torch.equal(first(0, 0), first(0, 0))
    assert not torch.equal(first(0, 0), first(1, 0))
    assert not torch.equal(first(0, 0), first(0, 1))


class Signals(InMemoryData):
    """45 signals that rise by a half from their number."""

    class_names = ("even", "odd")

    def load_train(self) -> Arrays:
        x = torch.arange(45.0)[:, None, None] + torch.linspace(0, 0.5, 6)
        return Arrays(x.numpy(), (torch.arange(45) % 2).numpy())

    def load_test(self) -> Arrays:
        return self.load_train()


class Recorder(pl.LightningModule):
    """Notes the samples of every batch per stage and epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(6, 2)
        self.seen: dict[tuple[str, int], list[list[float]]] = {}
        self.shifted: dict[str, bool] = {"train": False, "val": False, "test": False}

    def note(self, stage: str, x: torch.Tensor) -> None:
        numbers = x.amin((1, 2))
        self.seen.setdefault((stage, self.current_epoch), []).append(numbers.tolist())
        self.shifted[stage] |= bool((x[:, 0, 0] != numbers).any())

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        self.note("train", batch[0])
        return F.cross_entropy(self.net(batch[0].flatten(1)), batch[1])

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        self.note("val", batch[0])

    def test_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        self.note("test", batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)


def trained(
    ckpt_path: Path | None = None, save: Path | None = None, **settings: object
) -> Recorder:
    """The recorder after a run with seed 3, batches of 10 and a test afterwards."""
    pl.seed_everything(3, verbose=False)
    trainer = pl.Trainer(
        **{
            "max_epochs": 3,
            "accelerator": "cpu",
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
            "num_sanity_val_steps": 0,
            **settings,
        }
    )
    model = Recorder()
    data = Signals(batch_size=10, eval_batch_size=5, normalize=False, augment=RandomShift(1))
    trainer.fit(model, datamodule=data, ckpt_path=ckpt_path)
    if save:
        trainer.save_checkpoint(save)
    trainer.test(model, datamodule=data, verbose=False)
    return model


def test_trainer_resumes_with_the_order_of_the_whole_run(tmp_path: Path) -> None:
    recorder = trained()
    whole = recorder.seen
    assert recorder.shifted == {"train": True, "val": False, "test": False}
    trained(max_epochs=1, save=tmp_path / "one.ckpt")
    rest = trained(ckpt_path=tmp_path / "one.ckpt").seen
    epochs = [whole["train", epoch] for epoch in range(3)]
    assert [rest.get(("train", epoch)) for epoch in range(3)] == [None, *epochs[1:]]
    assert [len(batch) for batch in epochs[0]] == [10, 10, 10, 6]
    assert len({str(sorted(sum(epoch, []))) for epoch in epochs}) == 1
    assert len({str(epoch) for epoch in epochs}) == 3
    tests = [batches for (stage, _), batches in whole.items() if stage == "test"]
    assert [sum(batches, []) for batches in tests] == [[float(i) for i in range(45)]]


def test_trainer_limits() -> None:
    limited = trained(limit_train_batches=2, limit_val_batches=1, limit_test_batches=3).seen
    assert [len(limited[key]) for key in (("train", 0), ("val", 0), ("test", 3))] == [2, 1, 3]
    assert limited["train", 0] != limited["train", 1]
    overfit = trained(overfit_batches=2)
    assert overfit.seen["train", 0] == overfit.seen["train", 1] == overfit.seen["train", 2]
    assert len(overfit.seen["train", 0]) == 2 and not overfit.shifted["train"]
    quick = trained(fast_dev_run=True).seen
    assert {stage: len(batches) for (stage, _), batches in quick.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
