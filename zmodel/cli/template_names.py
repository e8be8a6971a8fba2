"""Answers to names that the lightning-hydra-template spells otherwise."""

from __future__ import annotations

import re

_LOGGER = (
    "zmodel ships no configuration for it. Lightning's own logger: "
    "'+logger.{0}={{_target_: pytorch_lightning.loggers.{1}}}', with the package installed."
)
_IN_MEMORY = (
    "The shipped data sets lie in memory, and no process loads them: leave it out. A "
    "LightningDataModule of your own takes it when its YAML has it."
)
_BEST_WEIGHTS = "The best weights are kept by callbacks.checkpoint, the file callbacks=checkpoint."

ANSWERS = {
    r"override 'data\.(num_workers|pin_memory|persistent_workers)'": _IN_MEMORY,
    r"data cannot be made .*(num_workers|pin_memory|persistent_workers)": _IN_MEMORY,
    r"find 'logger/comet'": _LOGGER.format("comet", "CometLogger"),
    r"find 'logger/neptune'": _LOGGER.format("neptune", "NeptuneLogger"),
    r"find 'logger/aim'": (
        "zmodel ships no configuration for it. With the package installed: ZMODEL_ALLOW=aim.* and "
        "'+logger.aim={_target_: aim.pytorch_lightning.AimLogger}'."
    ),
    r"find 'callbacks/model_checkpoint'": _BEST_WEIGHTS,
    r"override 'callbacks\.model_checkpoint": _BEST_WEIGHTS,
    r"find 'callbacks/model_summary'|override 'callbacks\.model_summary": (
        "It is an option of the trainer: trainer.enable_model_summary=true."
    ),
    r"override 'model\.net\.": (
        "The network's options stand beside each other: model.z_layers, model.width, ..."
    ),
    r"group override must be a string or a list\. Got bool": (
        "A group takes the name of a file: debug=default, not debug=true."
    ),
}
"""What Hydra says of such a name -> what to write."""


def answer(text: str) -> str | None:
    """What to write instead, if the message is about such a name."""
    return next((said for pattern, said in ANSWERS.items() if re.search(pattern, text)), None)
