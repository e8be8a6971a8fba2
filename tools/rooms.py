"""Who may import whom: the architecture as a table. Imports point downward and have no cycle.

`tests/house/test_imports.py` holds every file to it, `tools/architecture.py` prints it.
"""

from __future__ import annotations

TABLE: dict[str, set[str]] = {
    "core": set(),
    "compat": {"core"},
    "table": {"core"},
    "data": {"core", "compat", "table"},
    "model": {"core", "compat"},
    "callbacks": {"core", "compat"},
    "trackers": {"core", "compat"},
    "run": {"core", "compat", "callbacks"},
    "deployed": {"core", "table"},
    "predict": {"deployed"},
    "study": {"core", "compat"},
    "cli": {"core", "compat", "study"},
    "analysis": {"core", "compat", "study"},
    "sweep": {"core", "compat", "study", "cli", "analysis"},
    "final": {
        "core", "compat", "cli", "study", "sweep", "analysis", "callbacks", "model", "deployed",
        "run",
    },
    "train": {"core", "cli", "run", "trackers"},
    "analyze": {"core", "cli", "analysis"},
    "from_python": {"core", "cli", "sweep", "analysis", "train", "analyze"},
}  # fmt: skip
"""Room or command -> what it may import of zmodel, beside itself."""

TRAINING = {"torch", "pytorch_lightning"}
SEARCH = {"hydra", "optuna", "omegaconf"}
FOREIGN: dict[str, set[str]] = {
    "core": {"torch", "optuna", "hydra", "pytorch_lightning"},
    "table": TRAINING | SEARCH,
    "data": SEARCH,
    "model": SEARCH,
    "callbacks": SEARCH,
    "deployed": SEARCH | {"pytorch_lightning"},
    "predict": SEARCH | {"pytorch_lightning"},
    "study": TRAINING | {"hydra", "omegaconf"},
    "sweep": TRAINING,
    "analysis": TRAINING,
}
"""Room -> libraries that it must not import."""
