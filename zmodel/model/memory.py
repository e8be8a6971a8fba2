"""Estimates whether a network fits into memory.

Asked before the first step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

FLOAT = 4
"""Bytes of a number; half precision needs less for activations."""
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""What a container may use, where Linux says so."""


def check_memory(network: nn.Module, data: Any, device: torch.device) -> None:
    """Refuse what cannot fit, as far as network and data tell what they need.

    Counted are weights, gradients and two moments of the optimizer; the numbers that the backward
    pass needs of a training batch (``network.activations`` per sample); and the largest two
    layers of a validation batch (``network.widest`` per sample). Workers beside this one are not
    counted: what is let through may still be too much for all of them.

    Raises:
        ValueError: with the estimate, what is available, and what to lower.
    """
    free = available(device)
    activations, widest = getattr(network, "activations", None), getattr(network, "widest", None)
    if free is None or not hasattr(data, "largest_batches"):
        return
    if not isinstance(activations, int) or not isinstance(widest, int):
        return
    weights = 4 * FLOAT * sum(p.numel() for p in network.parameters())
    batch, evaluated = data.largest_batches
    needs = {
        "data.batch_size": weights + FLOAT * activations * batch,
        "data.eval_batch_size": weights + 2 * FLOAT * widest * evaluated,
    }
    for key, need in needs.items():
        if need > free:
            raise ValueError(
                f"the network must fit into the memory of {device}, {free / 2**30:.1f} GiB "
                f"available, but needs about {need / 2**30:.1f} GiB, of which "
                f"{weights / 2**30:.1f} GiB for its weights; lower {key}, model.width or "
                "model.z_layers."
            )


def available(device: torch.device) -> int | None:
    """Bytes that are free; ``None`` where that is not known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu" or not Path("/proc/meminfo").is_file():
        return None
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = 1024 * int(lines["MemAvailable"].split()[0])
    for limit in LIMITS:
        if Path(limit).is_file() and (text := Path(limit).read_text().strip()).isdigit():
            free = min(free, int(text))
    return free
