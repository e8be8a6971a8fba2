"""``python train.py``, or ``zmodel-train``: one run, with ``-m`` many."""

import hydra
from dotenv import load_dotenv
from omegaconf import DictConfig

from zmodel.cli.command import command
from zmodel.cli.conf_folder import CONF
from zmodel.core.allow_list import allowed_targets
from zmodel.trackers import wandb_closed

load_dotenv(".env")  # before the allow-list is read


@command
@hydra.main(
    config_path=CONF,
    config_name="train",
    execution_whitelist=allowed_targets(),
)
def main(cfg: DictConfig) -> float | tuple[float, ...] | None:
    """Do what the configuration says; the value of its ``optimized_metric``."""
    from zmodel.run import run  # torch is imported only when something is trained

    with wandb_closed():
        return run(cfg)


if __name__ == "__main__":
    main()
