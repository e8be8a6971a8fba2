"""Training several networks as one computation: see docs/fused.md."""

from zmodel.fused.fusion import Fusion

__all__ = ["Fusion"]
