"""``python train.py``, or ``zmodel-train``: one run, with ``-m`` many.

From Python: ``zmodel.train([...])`` for one run, ``zmodel.sweep(...)`` for a study.
"""

from dotenv import load_dotenv
from omegaconf import DictConfig

from zmodel.cli.command import command, with_hydra
from zmodel.core.callable_module import make_callable
from zmodel.trackers import wandb_closed

load_dotenv(".env")  # before the allow-list is read


def task(cfg: DictConfig) -> float | tuple[float, ...] | None:
    """Do what the configuration says; the value of its ``optimized_metric``."""
    from zmodel.run import run, say_outcome  # torch is imported only when something is trained

    with wandb_closed():
        value = run(cfg)
    say_outcome(cfg)
    return value


main = command(with_hydra(task, "train"))

if __name__ == "__main__":
    main()
else:
    make_callable(__name__)
