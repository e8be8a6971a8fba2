"""Tables of trained networks, configurations x splits x seeds: what a final stage chooses from.

    python benchmarks/seed_tables.py --folder logs/tables --sets digits,wine

Random multi-layer perceptrons (one to four hidden layers) on small parts of well-known data. Each
configuration trains on SPLITS validation splits with SEEDS seeds. The rest of the data, which no
network ever trains on, is a large test set: its mean over all splits and seeds is what a
configuration is truly worth. All networks of one depth and split train at once.

Shapes: C configurations, S splits, R seeds; B networks at once, N samples, F features, K classes.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zmodel.data.drawn_split import stratified_split

CONFIGURATIONS, SPLITS, SEEDS = 60, 8, 7
DEPTHS, WIDEST, BATCH, EPOCHS, STEPS = 4, 48, 16, 25, 8
MOST_TESTED = 800
POOLS = {
    "iris": 60, "wine": 70, "breast_cancer": 120, "digits": 200, "digits_600": 600,
    "noisy": 200, "mnist1d": 400,
}  # fmt: skip
"""Samples for training and validation together; a fifth validates."""


@dataclass(frozen=True)
class Samples:
    x: NDArray[np.float32]
    y: NDArray[np.int64]


def samples_of(name: str) -> Samples:
    from sklearn import datasets

    if name == "mnist1d":
        with np.load(Path(__file__).parent.parent / "data" / "mnist1d.npz") as file:
            x, y = file["x"], file["y"]
    elif name == "noisy":
        x, y = datasets.make_classification(
            3000, 20, n_informative=8, n_redundant=4, n_classes=3, flip_y=0.1, random_state=0
        )
    else:
        x, y = getattr(datasets, f"load_{name.removesuffix('_600')}")(return_X_y=True)
    x = np.asarray(x, dtype=np.float32).reshape(len(x), -1)
    return Samples(x, np.asarray(y, dtype=np.int64))


@dataclass(frozen=True)
class Configurations:
    """Columns of C random ones; `depth` counts the hidden layers."""

    depth: NDArray[np.int64]
    width: NDArray[np.int64]
    lr: NDArray[np.float64]
    decay: NDArray[np.float64]
    dropout: NDArray[np.float64]

    @classmethod
    def drawn(cls, count: int) -> Configurations:
        rng = np.random.default_rng(1)
        return cls(
            np.arange(count) % DEPTHS + 1,
            np.exp(rng.uniform(math.log(4), math.log(WIDEST), count)).round().astype(int),
            np.exp(rng.uniform(math.log(1e-3), math.log(1e-1), count)),
            np.exp(rng.uniform(math.log(1e-4), math.log(3e-1), count)),
            rng.uniform(0, 0.5, count),
        )


class Networks:
    """B networks of one depth, side by side; narrower ones are masked."""

    def __init__(self, c: Configurations, which: NDArray, f: int, k: int, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        depth = int(c.depth[which[0]])
        column = [torch.tensor(v[which], dtype=torch.float32) for v in (c.lr, c.decay, c.dropout)]
        self.lr, self.decay, self.dropout = (v.view(-1, 1, 1) for v in column)
        width = torch.tensor(c.width[which]).view(-1, 1, 1)
        self.mask = (torch.arange(WIDEST).view(1, 1, -1) < width).float()
        sizes = [f, *[WIDEST] * depth, k]
        fan = [torch.full_like(self.lr, f), *[width.float()] * depth]
        self.weights = [
            (torch.randn(len(which), a, b, generator=self.generator) * (2 / n).sqrt())
            for a, b, n in zip(sizes, sizes[1:], fan, strict=False)
        ]
        self.weights += [torch.zeros(len(which), 1, b) for b in sizes[1:]]
        self.layers = depth + 1
        for weight in self.weights:
            weight.requires_grad_(True)
        self.moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights]
        self.step = 0

    def __call__(self, x_bnf: Tensor, train: bool = False) -> Tensor:
        for i in range(self.layers):
            x_bnf = torch.baddbmm(self.weights[self.layers + i], x_bnf, self.weights[i])
            if i < self.layers - 1:
                x_bnf = torch.relu(x_bnf) * self.mask
                if train:
                    kept = torch.rand(x_bnf.shape, generator=self.generator) >= self.dropout
                    x_bnf = x_bnf * kept / (1 - self.dropout)
        return x_bnf

    def learn(self, x: Tensor, y: Tensor, scale: float) -> None:
        """One step of AdamW, its learning rate times `scale`."""
        logits = self(x, train=True)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
        gradients = torch.autograd.grad(loss / y.shape[1], self.weights)
        self.step += 1
        with torch.no_grad():
            for w, g, (m, v) in zip(self.weights, gradients, self.moments, strict=True):
                m.lerp_(g, 0.1)
                v.lerp_(g * g, 0.001)
                root = (v / (1 - 0.999**self.step)).sqrt_().add_(1e-8)
                w.mul_(1 - scale * self.lr * self.decay)
                w.sub_(scale * self.lr * m / (1 - 0.9**self.step) / root)


def accuracy(networks: Networks, x: Tensor, y: Tensor) -> Tensor:
    """(B,) of each network on its own samples, (B, N, F) and (B, N)."""
    with torch.no_grad():
        return (networks(x).argmax(-1) == y).float().mean(1)


def train_split(
    c: Configurations, pool: Samples, test: Samples, split: int, which: NDArray, seed: int
) -> tuple[NDArray, NDArray]:
    """Validation accuracy of the best epoch, and the test accuracy then."""
    rest, val = stratified_split(pool.y, 0.2, split)
    mean, std = pool.x[rest].mean(0), pool.x[rest].std(0) + 1e-6
    count = len(which)

    def parts(x: NDArray, y: NDArray) -> tuple[Tensor, Tensor]:
        tensor = torch.from_numpy((x - mean) / std)
        return tensor.expand(count, -1, -1), torch.from_numpy(y).expand(count, -1)

    (x, y), checked, tested = (
        parts(pool.x[rest], pool.y[rest]), parts(pool.x[val], pool.y[val]), parts(test.x, test.y),
    )  # fmt: skip
    classes = int(max(pool.y.max(), test.y.max())) + 1
    networks = Networks(c, which, pool.x.shape[1], classes, seed)
    best, found = torch.full((count,), -1.0), torch.zeros(count)
    rows = torch.arange(count).view(-1, 1)
    steps = max(STEPS, len(rest) // BATCH)
    for epoch in range(EPOCHS):
        for step in range(steps):
            chosen = torch.randint(len(rest), (count, BATCH), generator=networks.generator)
            done = (epoch * steps + step) / (EPOCHS * steps)
            networks.learn(x[rows, chosen], y[rows, chosen], 0.5 + 0.5 * math.cos(math.pi * done))
        now = accuracy(networks, *checked)
        better = now > best
        if better.any():
            best, found = (
                torch.where(better, now, best),
                torch.where(better, accuracy(networks, *tested), found),
            )
    return best.numpy(), found.numpy()


def make(name: str, folder: Path) -> None:
    data, c = samples_of(name), Configurations.drawn(CONFIGURATIONS)
    rest, pool = stratified_split(data.y, POOLS[name] / len(data.y), 12345)
    rest = np.random.default_rng(0).permutation(rest)[:MOST_TESTED]
    inside, test = Samples(data.x[pool], data.y[pool]), Samples(data.x[rest], data.y[rest])
    shape = (CONFIGURATIONS, SPLITS, SEEDS)
    val, tested, started = np.zeros(shape), np.zeros(shape), time.monotonic()
    for split in range(SPLITS):
        for depth in range(1, DEPTHS + 1):
            own = np.flatnonzero(c.depth == depth)
            which = np.repeat(own, SEEDS)
            found = train_split(c, inside, test, split, which, split * 10 + depth)
            val[own, split], tested[own, split] = (v.reshape(-1, SEEDS) for v in found)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"val": val.astype(np.float32), "test": tested.astype(np.float32)}
    np.savez_compressed(folder / f"{name}.npz", depth=c.depth, samples=len(pool) // 5, **arrays)
    print(f"{name}: {val.size} networks, {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default=",".join(POOLS))
    parser.add_argument("--folder", type=Path, default=Path("logs/tables"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.sets.split(","):
        make(name, options.folder)


if __name__ == "__main__":
    main()
