"""A network of one's own: plain torch, nothing of zmodel in it."""

from __future__ import annotations

from torch import Tensor, nn


class GatedNet(nn.Module):
    """z-layers with gates: one half of the channels decides how much of the other half passes.

    Gated linear units (Dauphin, Fan, Auli & Grangier, ICML 2017), mean over positions, a linear
    classifier. ``z_layers=0`` classifies the mean of the signal.

    Args:
        input_shape: (channels, length), told by the data.
        num_classes: told by the data.
        z_layers, width, kernel_size, dropout: whatever the configuration says.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        z_layers: int,
        width: int,
        kernel_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        if len(input_shape) != 2:
            raise ValueError(f"GatedNet needs signals (channels, length), got {input_shape}.")
        channels = input_shape[0]
        layers: list[nn.Module] = []
        for _ in range(z_layers):
            convolution = nn.Conv1d(channels, 2 * width, kernel_size, padding=kernel_size // 2)
            layers += [convolution, nn.GLU(dim=1), nn.Dropout(dropout)]
            channels = width
        self.features = nn.Sequential(*layers)
        self.classify = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, length) to logits (B, classes)."""
        return self.classify(self.features(x).mean(-1))
