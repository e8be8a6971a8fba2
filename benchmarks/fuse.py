"""Does it pay to train networks together? Steps of the same networks, alone and together.

    python benchmarks/fuse.py                    one thread of the CPU
    python benchmarks/fuse.py --device cuda      a GPU
    python benchmarks/fuse.py --quick            a few shapes
    python benchmarks/fuse.py --norm none --kind conv2d

A step is forward, backward and AdamW with dropout, norm, label smoothing and a one-cycle schedule,
on shuffled batches (signals are shifted too): what the default study trains. `alone` is the
loop of the classifier, one network after the other. Times are of the process on the CPU, which
other work on the machine disturbs little, and of the clock on a GPU; the ways are interleaved and
the median of the rounds is given, in milliseconds per step of all networks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch.nn import functional as F

from zmodel.data import RandomShift
from zmodel.data.batches import Batches
from zmodel.fused.member import Member
from zmodel.znet import ZNet

STEPS = 8
MIXED = (20, 28, 40, 56, 80, 24, 32, 48)
"""Widths as a study draws them, log-uniform in 16..96."""


SHAPES = {"conv1d": (1, 40), "conv2d": (1, 8, 8), "dense": (64,)}
"""Of a sample: MNIST-1D and the digits."""


def member(
    args: argparse.Namespace, depth: int, width: int, batch: int, seed: int, device: torch.device
) -> Member:
    torch.manual_seed(seed)
    shape = SHAPES[args.kind]
    net = ZNet(shape, 10, depth, width, 1.0, [5, 3, 3], norm=args.norm, dropout=0.1).to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=10**6)
    x = torch.randn(batch * STEPS, *shape, device=device)
    y = torch.randint(10, (len(x),), device=device)
    augment = RandomShift(2) if args.kind == "conv1d" else None
    batches = Batches(x, y, batch, seed=seed, augment=augment)
    return Member(net, optimizer, scheduler, batches, 0.1, None)


def alone(members: list[Member]) -> None:
    for m in members:
        for x, y in m.batches:
            loss = F.cross_entropy(m.net(x), y, label_smoothing=m.label_smoothing)
            m.optimizer.zero_grad()
            loss.backward()
            m.optimizer.step()
            assert m.scheduler is not None
            m.scheduler.step()


def together(members: list[Member]) -> None:
    members[0].advance(members)


def measure(ways: dict[str, Callable[[], None]], rounds: int, device: torch.device) -> list[float]:
    """Milliseconds per step of each way."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(rounds + 1):
        for name, way in ways.items():
            begun = clock()
            way()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if i:  # the first round warms up
                times[name].append((clock() - begun) / STEPS * 1e3)
    return [median(found) for found in times.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--norm", choices=["none", "batch", "layer"], default="batch")
    parser.add_argument("--kind", choices=list(SHAPES), default="conv1d")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(args.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, one thread"
    print(f"{name}, torch {torch.__version__}, {args.rounds} rounds\n")
    print("| z | widths | batch | networks | alone ms | together ms | ratio |\n" + "|---" * 7 + "|")
    counts = (2, 4, 8) if device.type == "cpu" else (2, 4, 16, 64)
    for depth in (3,) if args.quick else (1, 2, 3, 5):
        for width in ("mixed", 32) if args.quick else ("mixed", 16, 32, 64):
            for batch in (100,) if args.quick else (50, 200):
                for count in counts:
                    widths = [
                        MIXED[i % 8] if width == "mixed" else int(width) for i in range(count)
                    ]
                    ways = [
                        [member(args, depth, w, batch, i, device) for i, w in enumerate(widths)]
                        for _ in range(2)
                    ]
                    row = measure(
                        {"alone": lambda: alone(ways[0]), "together": lambda: together(ways[1])},  # noqa: B023
                        args.rounds,
                        device,
                    )
                    print(
                        f"| {depth} | {width} | {batch} | {count} | {row[0]:.2f} | {row[1]:.2f} "
                        f"| {row[0] / row[1]:.2f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
