"""``python analyze.py``, or ``zmodel-analyze``: judge a study.

From Python: ``zmodel.analyze("zlayers")``.
"""

from dotenv import load_dotenv
from omegaconf import DictConfig

from zmodel.cli.command import command, with_hydra
from zmodel.core.callable_module import make_callable

load_dotenv(".env")  # a password of the storage may be kept there


def task(cfg: DictConfig) -> list:
    """Read the study, judge it, write its report; what was found about each study."""
    from zmodel.analysis.analyze_command import analyze  # imports late, so that --help is quick

    return analyze(cfg)


main = command(with_hydra(task, "analyze"))

if __name__ == "__main__":
    main()
else:
    make_callable(__name__)
