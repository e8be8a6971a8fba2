"""The training of ``train.py`` as a bare PyTorch loop, for the other benchmarks to compare with.

The same network, optimizer, batch order by a seeded generator, samples in memory on the device,
validation in one batch after every epoch, the same four numbers per epoch, the best weights kept
in memory and written at the end. No hooks, no logger, no configuration.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zmodel.data import MNIST1D
from zmodel.model.znet import ZNet

PAPER = {"kernel_size": [5, 3, 3], "width": 25}
"""The network of conf/model/znet.yaml."""

Parts = tuple[Tensor, Tensor, Tensor, Tensor]


def load(data_dir: str | Path, device: str = "cpu") -> Parts:
    """Training and validation samples and labels, as the data module prepares them."""
    data = MNIST1D(data_dir=data_dir)
    (x, y), (val_x, val_y) = (data.samples_of(name)[:2] for name in ("train", "val"))
    return x.to(device), y.to(device), val_x.to(device), val_y.to(device)


def train(
    parts: Parts, folder: Path, *, batch: int, epochs: int, lr: float = 0.01, seed: int = 0,
    **network: Any,
) -> float:  # fmt: skip
    """Train; write ``best.ckpt`` and ``curve.json``; return the best validation accuracy."""
    x, y, val_x, val_y = parts
    torch.manual_seed(seed)
    net = ZNet((1, 40), 10, **{**PAPER, **network}).to(x.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    best, kept, curve = -1.0, {}, []
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed + epoch))
        losses, hits = [], []
        for rows in order.to(x.device).split(batch):
            inputs, labels = x[rows], y[rows]
            logits = net(inputs)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach() * len(rows))
            hits.append((logits.detach().argmax(-1) == labels).sum())
        net.eval()
        with torch.inference_mode():
            logits = net(val_x)
            val_loss = F.cross_entropy(logits, val_y).item()
            val_acc = (logits.argmax(-1) == val_y).float().mean().item()
        train_loss, hit = torch.stack(losses).sum() / len(x), torch.stack(hits).sum() / len(x)
        curve.append([train_loss.item(), hit.item(), val_loss, val_acc])
        if val_acc > best:
            best = val_acc
            kept = {name: value.clone() for name, value in net.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(kept, folder / "best.ckpt")
    (folder / "curve.json").write_text(json.dumps(curve))
    return best


def clocks() -> tuple[float, float]:
    """CPU seconds of this process, wall seconds."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.process_time(), time.perf_counter()
