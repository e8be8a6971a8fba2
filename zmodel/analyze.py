"""``python analyze.py``, or ``zmodel-analyze``: judge a study."""

import hydra
from dotenv import load_dotenv
from omegaconf import DictConfig

from zmodel.cli.command import command
from zmodel.cli.conf_folder import CONF

load_dotenv(".env")  # a password of the storage may be kept there


@command
@hydra.main(config_path=CONF, config_name="analyze")
def main(cfg: DictConfig) -> None:
    """Read the study, judge it, write its report."""
    from zmodel.analysis.analyze_command import analyze  # imports late, so that --help is quick

    analyze(cfg)


if __name__ == "__main__":
    main()
