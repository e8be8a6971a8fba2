"""Train one classifier, or with ``-m`` a study of many. See README.md and ``--help``."""

import hydra
from omegaconf import DictConfig

from zmodel.allowed import allowed_targets
from zmodel.cli import command


@command
@hydra.main(
    config_path="conf",
    config_name="train",
    execution_whitelist=allowed_targets(),
)
def main(cfg: DictConfig) -> float | tuple[float, ...] | None:
    from zmodel.run import run  # torch is imported only when something is trained

    return run(cfg)


if __name__ == "__main__":
    main()
