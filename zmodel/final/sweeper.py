"""The Hydra sweeper of the final stage: ``hydra/sweeper=final``.

Hydra imports this file at every start of ``train.py``: nothing heavy here.
"""

from __future__ import annotations

from typing import Any

from zmodel.sweep.sweeper import StudySweeper


class FinalSweeper(StudySweeper):
    """Retrains the best configurations of a study, tests the winner, writes what comes of it.

    Its settings are those of :class:`StudySweeper`; what the final stage decides itself
    (sampler, pruner, params, n_trials and the like) has no effect. The stage's own keys are in
    ``conf/hparams_search/final.yaml``.

    Raises:
        ValueError: for a setting that cannot work, before anything is trained.
        SystemExit: with the contract's exit code when it is not 0.
    """

    def start(self, settings: dict[str, Any], arguments: list[str]) -> int:
        from zmodel.final.job import FinalJob
        from zmodel.final.stage import Stage

        assert self.config is not None and self.hydra_context is not None, "Hydra calls setup()"
        job = FinalJob(self.hydra_context, self.task_function, self.config)
        return Stage.of(settings, arguments, job).run()

    @property
    def study_name(self) -> str:
        """The stage's runs of the candidates are a study of their own."""
        assert self.config is not None, "Hydra calls setup()"
        return f"{self.config.study}-final"
