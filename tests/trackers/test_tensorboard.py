"""The row of a run in TensorBoard's HParams tab."""

from __future__ import annotations

from zmodel.trackers.tensorboard import EpochTensorBoard


def test_the_depth_is_among_the_first_columns_of_the_hparams_tab(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    logger = EpochTensorBoard(tmp_path, name="", version="")
    params = {"model.width": 8, "model.norm": None, "model.z_layers": 2}
    logger.log_outcome("trial-7 of deep", params, {"val/acc_best": 0.9})
    logger.finalize("success")
    (file,) = tmp_path.glob("events*")
    events = EventAccumulator(str(file))
    events.Reload()
    told = {
        tag: HParamsPluginData.FromString(metadata.plugin_data.content)
        for tag, metadata in events.summary_metadata.items()
        if tag.startswith("_hparams_/")
    }
    row = told["_hparams_/session_start_info"].session_start_info
    assert row.group_name == "trial-7 of deep"
    assert row.hparams["model.z_layers"].number_value == 2
    assert row.hparams["model.norm"].string_value == "None"
    infos = told["_hparams_/experiment"].experiment.hparam_infos
    assert {info.name: info.differs for info in infos} == {
        "model.width": False, "model.norm": False, "model.z_layers": True,
    }  # fmt: skip
    assert [point.step for point in events.Scalars("final/val/acc_best")] == [0, 1]


def test_a_test_that_logs_nothing_leaves_no_row(tmp_path):
    logger = EpochTensorBoard(tmp_path, name="", version="")
    logger.log_metrics({"train/loss": 1.0, "epoch": 0}, 0)
    logger.finalize("success")  # as Lightning does after a test, where nothing opens it again
    logger.log_outcome("trial-7 of deep", {"model.z_layers": 2}, {})
