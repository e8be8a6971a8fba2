"""What a reader of a served page may do to the study: notes, stop, continue."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna

from zmodel.analysis.rules.suggested_commands import recorded_words
from zmodel.analysis.statistics.quiet import quiet
from zmodel.study.location import address_of
from zmodel.study.notes import write_note
from zmodel.study.records import StudyRecord, find_study
from zmodel.study.stop_request import request_stop
from zmodel.study.storage.address import scheme
from zmodel.study.storage.opening import open_storage


class Control:
    """One study, by its name and storage."""

    def __init__(self, name: str, log_dir: Path, storage: str | None) -> None:
        self.name, self.log_dir, self.storage = name, log_dir, storage
        self._process: subprocess.Popen[bytes] | None = None

    def study(self) -> StudyRecord:
        return find_study(self.name, self.log_dir, self.storage)

    def _writable(self) -> optuna.Study:
        address = address_of(self.name, self.log_dir, self.storage)
        with quiet():
            storage = open_storage(address, create=False)
            return optuna.load_study(study_name=self.study().name, storage=storage)

    def note(self, key: Any, text: Any) -> str:
        write_note(self._writable(), key, text)
        return "saved"

    def stop(self) -> str:
        request_stop(self._writable())
        return "workers end after their current trial"

    def resume(self) -> str:
        """Start the study's own command again, in a process of its own."""
        if self._process is not None and self._process.poll() is None:
            raise ValueError("the study must not run already, it was continued from here")
        study = self.study()
        words = recorded_words(study)
        if words is None:
            raise ValueError(
                "a study must have noted its command to be continued from here, this one has none"
            )
        address = address_of(self.name, self.log_dir, self.storage)
        if study.folder is None or scheme(address) != "journal":
            # whoever can write to a shared storage could put any command there
            raise ValueError(
                "a study is continued from here only when its journal is on this machine; "
                f"run yourself: {' '.join(words)}"
            )
        script = words[1] if words[0] == "python" and words[1].endswith(".py") else None
        if script and not Path(script).is_file():
            raise ValueError(f"{script} must be in {Path.cwd()}, where this page is served from")
        program = words[1:] if words[0] == "python" else ["-m", "zmodel.train", *words[1:]]
        with (study.folder / "continued.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *program],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return f"continued; it writes to {log.name}"
