"""TensorBoard with epochs on the x axis, and names that tell runs apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

DEPTH = "z_layers"
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
        # a tag without a group would be a group of its own
        given = {k if "/" in k or k == "epoch" else f"train/{k}": v for k, v in metrics.items()}
        epoch = given.pop("epoch", None)
        if epoch is not None:
            step = int(epoch) + 1
            if any(name.startswith("test/") for name in given):
                return
            self._last = max(self._last, step)
        super().log_metrics(given, step)

    @rank_zero_only
    def log_outcome(self, name: str, params: dict[str, Any], metrics: dict[str, float]) -> None:
        """Write the run's row of the HParams tab: `name`, what was searched, what came out.

        A run that nothing judges has no row: of a test that logs nothing, say.
        """
        if not metrics:
            return
        from torch.utils.tensorboard.summary import hparams

        named = {f"{FINAL}/{key}": value for key, value in metrics.items()}
        for at in sorted({1 if self._last > 1 else 0, self._last}):  # one point alone is a dot
            super().log_metrics(named, at)
        written = {
            key: v if isinstance(v, bool | int | float) else str(v) for key, v in params.items()
        }
        experiment, start, end = hparams(written, named)
        with _content(start) as told:
            told.session_start_info.group_name = name
        with _content(experiment) as told:
            for info in told.experiment.hparam_infos:
                # the tab shows the first five of those that differ, then of the others
                info.differs = info.name.rpartition(".")[2] == DEPTH
        for summary in (experiment, start, end):
            self.experiment.file_writer.add_summary(summary)


@contextmanager
def _content(summary: Any) -> Iterator[Any]:
    """What a summary of the HParams tab says, to be changed inside the block."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    plugin = summary.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin.content)
    yield content
    plugin.content = content.SerializeToString()
