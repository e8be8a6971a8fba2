"""The work of `python analyze.py`: find, judge and report studies."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zmodel.analysis.findings import Findings
from zmodel.analysis.live.control import Control
from zmodel.analysis.live.server import ReportServer, host_and_port
from zmodel.analysis.live.watch import Screen, watch
from zmodel.analysis.next_step import next_step
from zmodel.analysis.page.html import settled
from zmodel.analysis.reporting import Judged, Say, finished, folder_of_report, news_of, report_once
from zmodel.analysis.rules.judge import judge
from zmodel.core.atomic_file import write
from zmodel.study.folder import list_studies
from zmodel.study.plain_text import plain
from zmodel.study.records import find_study

STOPPED = 130
SERVED_EVERY = 10
"""Seconds between two reports of a study that is served."""


def analyze(cfg: Mapping[str, Any]) -> list[Judged]:
    """Report on what the configuration names; ValueError says what the user must mend."""
    names = _names(cfg["study"], Path(cfg["paths"]["log_dir"]))
    if _flag(cfg.get("next")):
        _say_next(cfg, names)
        return []
    every = _seconds(cfg["watch"])
    if cfg.get("serve") is not None:
        return _serve(cfg, names, every or SERVED_EVERY)
    if every is None:
        return report_once(cfg, names, _say)[1]
    return _watched(cfg, names, every)


def _watched(
    cfg: Mapping[str, Any], names: Sequence[str], every: int, first: str = "", on: bool = False
) -> list[Judged]:
    """Report again and again; whatever ends it, the pages stop refreshing themselves."""
    judged: list[Judged] = []
    before: list[Any] = []

    def once(say: Say) -> tuple[bool, list[Judged]]:
        studies = [find_study(n, Path(cfg["paths"]["log_dir"]), cfg["storage"]) for n in names]
        now = [news_of(study) for study in studies]
        if now == before and judged:  # the cores are for training
            return all(map(finished, studies)), judged
        before[:] = now
        if first:
            say(first)
        done, found = report_once(cfg, names, say, every, on)
        judged[:] = found or judged
        return done, found

    try:
        return watch(once, every, Screen(), on)
    except KeyboardInterrupt:
        _say("\nno longer watching; the report stays as it is")
        raise SystemExit(STOPPED) from None
    finally:
        for one in judged[:1]:
            write(one.report, settled(one.report.read_text(encoding="utf-8")))


def _serve(cfg: Mapping[str, Any], names: Sequence[str], every: int) -> list[Judged]:
    """Watch, and serve what is written, until Ctrl-C."""
    host, port = host_and_port(cfg["serve"])
    if len(names) != 1:
        raise ValueError(f"serve takes one study, received {len(names)}: {', '.join(names)}")
    log_dir = Path(cfg["paths"]["log_dir"])
    folder = folder_of_report(cfg, find_study(names[0], log_dir, cfg["storage"]))
    root, index = (folder.parent, f"{folder.name}/index.html")
    if cfg["report_dir"]:  # what lies beside it is nobody's business
        root, index = folder, "index.html"
    folder.mkdir(parents=True, exist_ok=True)
    control = Control(names[0], log_dir, cfg["storage"])
    try:
        server = ReportServer(host, port, root, index, control)
    except OSError as error:
        raise ValueError(
            f"serve must be an address that is free, received {cfg['serve']}: {error.strerror}"
        ) from None
    server.start()
    try:
        return _watched(cfg, names, every, f"serving {server.address}", on=True)
    finally:
        server.shutdown()
        server.server_close()


def _names(study: Any, log_dir: Path) -> list[str]:
    if study is None or study == [] or study == "":
        listed = ", ".join(list_studies(log_dir)[:10]) or "none yet"
        raise ValueError(
            f"study must name what to report on, received nothing: analyze.py study=NAME; studies "
            f"in {log_dir / 'studies'}: {listed}"
        )
    names = [str(study)] if isinstance(study, str | int | float) else [str(s) for s in study]
    return list(dict.fromkeys(names))


def _say(text: str) -> None:
    """Print, also when the reader has gone away (`| head`): the report is still to be written."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _flag(given: Any) -> bool:
    if not isinstance(given, bool | None):
        raise ValueError(f"next must be true or false, received {given!r}; for example next=true")
    return bool(given)


def _say_next(cfg: Mapping[str, Any], names: Sequence[str]) -> None:
    """The one command that a study asks for, and why; no report is written."""
    if len(names) != 1:
        raise ValueError(f"next=true takes one study, received {len(names)}: {', '.join(names)}")
    findings = Findings(find_study(names[0], Path(cfg["paths"]["log_dir"]), cfg["storage"]))
    step = next_step(findings, judge(findings))
    _say(plain(step.command) if step.command else "no command")
    _say(f"why: {plain(step.why)}")


def _seconds(watch: Any) -> int | None:
    if watch is None or watch is False:
        return None
    if isinstance(watch, bool) or not isinstance(watch, int | float) or watch < 1:
        raise ValueError(
            f"watch must be null or a number of seconds of at least 1, received {watch!r}; "
            "for example watch=10"
        )
    return int(watch)
