"""TensorBoard with epochs on the x axis, and names that tell runs apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

FINAL = "final"
"""The group of tags that hold what came out: one value each, drawn as a level line."""


class EpochTensorBoard(TensorBoardLogger):
    """Lightning's logger, with curves over epochs, counted from 1.

    Runs of different batch sizes then have one x axis. Metrics of the test are kept back: they are
    no curves, and :meth:`log_outcome` writes them.
    """

    _last = 1
    """The latest epoch that was logged."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        given = dict(metrics)
        epoch = given.pop("epoch", None)
        if epoch is not None:
            step = int(epoch) + 1
            if any(name.startswith("test/") for name in given):
                return
            self._last = max(self._last, step)
        super().log_metrics(given, step)

    @rank_zero_only
    def log_outcome(self, name: str, params: dict[str, Any], metrics: dict[str, float]) -> None:
        """Write the run's row of the HParams tab: `name`, what was searched, what came out."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
        from torch.utils.tensorboard.summary import hparams

        named = {f"{FINAL}/{key}": value for key, value in metrics.items()}
        for at in sorted({1, self._last}):
            super().log_metrics(named, at)
        written = {
            key: v if isinstance(v, bool | int | float) else str(v) for key, v in params.items()
        }
        experiment, start, end = hparams(written, named)
        plugin = start.value[0].metadata.plugin_data
        content = HParamsPluginData.FromString(plugin.content)
        content.session_start_info.group_name = name
        plugin.content = content.SerializeToString()
        for summary in (experiment, start, end):
            self.experiment.file_writer.add_summary(summary)
