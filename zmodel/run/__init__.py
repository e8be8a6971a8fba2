"""One run: build, fit, test once, write ``result.json``.

It knows no study but the running trial.

Read first: ``one_run``, then ``checks`` (what is refused) and ``folds`` (cross-validation).
"""

from zmodel.run.one_run import run
from zmodel.run.outcome import say_outcome

__all__ = ["run", "say_outcome"]
