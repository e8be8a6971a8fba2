"""The commands as functions, for scripts and notebooks.

    from zmodel import train, sweep, analyze

    result = train(["data=digits", "model.z_layers=2"])
    study = sweep("zlayers", ["data=digits", "hydra.sweeper.n_trials=20"])
    judged = analyze("zlayers")

Each runs what its command runs, with the same files, and takes the words of the command line.
Ctrl-C, or a notebook's stop button, ends the running epoch and raises KeyboardInterrupt; the same
call of ``sweep`` then continues the study.
"""

from zmodel.from_python.commands import analyze, sweep, train

__all__ = ["analyze", "sweep", "train"]
