"""Weights of classes in the training loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def weights_of_classes(given: str | Sequence[float] | None, data: Any) -> Tensor | None:
    """(C,) weights of the training loss, or ``None``; ``data`` tells ``class_counts`` (C,).

    Raises:
        ValueError: neither "balanced", "none" nor C positive numbers.
    """
    if given is None or given == "none":
        return None
    if given == "balanced" and hasattr(data, "class_counts"):
        counts = torch.as_tensor(data.class_counts)
        return (counts.sum() / (len(counts) * counts)).float()
    weights = [] if isinstance(given, str) else list(given)
    numbers = all(isinstance(w, int | float) and 0 < w < math.inf for w in weights)
    if len(weights) != data.num_classes or not numbers:
        raise ValueError(
            f"class_weights must be none, balanced or {data.num_classes} positive numbers, one "
            f"per class ({', '.join(map(str, getattr(data, 'class_names', ())))}), got {given}."
        )
    return torch.tensor(weights, dtype=torch.float32)
