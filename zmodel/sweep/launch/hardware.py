"""The GPUs and cores of this machine that workers may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def gpu_ids() -> list[str]:
    """The GPUs this process may use, without asking a driver library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:  # as CUDA reads it: the first entry that is no GPU ends the list
        ids = (gpu.strip() for gpu in visible.split(","))
        return list(takewhile(lambda gpu: gpu and not gpu.startswith("-"), ids))
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i in range(len(list(folder.iterdir())))] if folder.is_dir() else []


def cores() -> int:
    """The cores this process may use: those of its affinity, as far as its CPU quota reaches."""
    allowed = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return max(1, min([len(allowed), *map(int, _quotas())]))


def _quotas() -> Iterator[float]:
    """The CPU quotas, in cores, of this process's control groups and of those around them."""
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for root in (CGROUPS, CGROUPS / "cpu", CGROUPS / controllers):
            # in a container the path may be the host's; its own group then lies at the root
            inner = root / group.lstrip("/")
            around = (f for f in (inner, *inner.parents) if f.is_relative_to(root))
            yield from (quota for folder in around if (quota := _quota(folder)) is not None)


def _quota(folder: Path) -> float | None:
    """What `cpu.max` (cgroup 2) or `cpu.cfs_quota_us` (cgroup 1) allows; ``None``: no limit."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return None if quota.strip() in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None
