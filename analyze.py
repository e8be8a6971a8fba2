"""Can this study be believed? Reads a study, judges it, writes its report. See ``--help``."""

import hydra
from omegaconf import DictConfig

from zmodel.cli import command


@command
@hydra.main(config_path="conf", config_name="analyze")
def main(cfg: DictConfig) -> None:
    from zmodel.analysis.command import analyze  # imports late, so that --help is quick

    analyze(cfg)


if __name__ == "__main__":
    main()
