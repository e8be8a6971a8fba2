"""Writes the page of the final stage.

final/index.html, figures/*.png and data/*.csv.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from zmodel.analysis.page import html as page
from zmodel.analysis.page.head import configuration
from zmodel.analysis.page.section import make, to_html, write_files
from zmodel.analysis.rules.suggested_commands import predict_with, report_command, run_command
from zmodel.core.atomic_file import write
from zmodel.final.figures import confusion, learning_curves, mistakes, reliability, residuals
from zmodel.final.sentences import (
    baseline_sentences,
    headline_of,
    left_sentences,
    optimism_sentences,
    prediction_sentences,
    race_sentences,
    test_sentence,
    word,
)
from zmodel.final.summary import FinalResult
from zmodel.study.records import StudyRecord

OF_CLASSES: tuple[ModuleType, ...] = (confusion, mistakes, reliability)
OF_VALUES: tuple[ModuleType, ...] = (residuals,)


def write_page(result: FinalResult, summary: dict[str, Any], study: StudyRecord) -> None:
    """Write the page, and what it shows as files; `study` is the one that was searched."""
    model = summary["model"]
    found = OF_CLASSES if result.classified else OF_VALUES if result.estimated else ()
    figures = (learning_curves, *found)
    drawn = "".join(_figure(result, module) for module in figures)
    body = [_result(summary, run_command(study)), page.figures(drawn)]
    nav = [("result", "Result"), *((_name(module), module.TITLE) for module in figures)]
    if summary["per_class"]:
        body.append(_table("classes", "Precision and recall", summary["per_class"]))
        nav.append(("classes", "Classes"))
    if summary["values"]:
        body.append(_table("worst", "Worst samples", summary["values"]["worst"]))
        nav.append(("worst", "Worst samples"))
    if model:
        body.append(_model(model, result.folder))
        nav.append(("model", "Model"))
    title, head = f"{result.plan.study}: final stage", _head(result, summary, study)
    written = page.document(title, head, nav, "".join(body), page.footer())
    write(result.folder / "index.html", written)


def _head(result: FinalResult, summary: dict[str, Any], study: StudyRecord) -> str:
    """Which configuration, how good, and what to do with it."""
    report = result.folder.parent / "report"
    link = f' <a href="{page.address(report, result.folder)}index.html">The study</a>'
    text = f'<p class="headline">{page.text(headline_of(summary))}'
    text += f"{link if (report / 'index.html').is_file() else ''}</p>"
    model = summary["model"]
    if model and "skipped" not in model:
        why = "use the model on new samples"
        what = predict_with(result.folder / "model", model["takes"])
    else:
        why, what = "the study's page shows this test too", report_command(study)
    return (
        f"<h1>Final stage of study {page.text(result.plan.study)}</h1>{text}"
        f"{configuration(study, result.winner.trial)}"
        f'<div class="next"><p><strong>Next:</strong> {why}.</p>{page.command(what)}</div>'
    )


def _result(summary: dict[str, Any], again: str) -> str:
    winner = summary["winner"]
    sentences = [
        test_sentence(summary),
        *race_sentences(summary),
        *left_sentences(summary),
        *optimism_sentences(summary),
        *baseline_sentences(summary),
    ]
    if not summary["per_class"]:  # the figures of classes say it better
        sentences += prediction_sentences(summary)
    text = "".join(f"<p>{page.text(sentence)}</p>" for sentence in sentences)
    candidates = [
        {
            "trial": c["trial"],
            "won": c["trial"] == winner["trial"],
            "baseline": c["trial"] == (summary["baseline"] or {}).get("trial"),
            "validation": c["val_mean"],
            "standard deviation": c["val_std"],
            "seeds": len(c["values"]),
            **({"compared": c["score"], "can still win": c["able"]} if summary["race"] else {}),
            "in the search": c["search_value"],
            "weights": c["parameters"],
            "failed runs": len(c["failed"]) or None,
            "breaks": ", ".join(c["broken"]) or None,
        }
        for c in summary["candidates"]
    ]
    said = f"test {word(summary['score'])}" if summary["score"] else "test score"
    tests = [{"seed": t["seed"], said: t["score"]} for t in winner["tests"]]
    return (
        f'<section id="result">{text}'
        f"<h3>Candidates</h3>{page.table(candidates, label='Candidates')}"
        f"<h3>Tests of the winner</h3>{page.table(tests, label='Tests of the winner')}"
        f"<p>The winner's configuration again, as a run of its own:</p>"
        f"{page.command(again)}</section>"
    )


def _figure(result: FinalResult, module: ModuleType) -> str:
    record = module.data(result)
    said = module.nothing(record) if hasattr(module, "nothing") else None
    section = make(module, record, _name(module)) if said is None else None
    write_files(_name(module), section, result.folder)
    if section is None:
        text = f"<h3>{module.TITLE}</h3>{page.soft_list([str(said)])}"
        return f'<section id="{_name(module)}">{text}</section>'
    return to_html(section)


def _table(anchor: str, title: str, rows: list[dict[str, Any]]) -> str:
    return f'<section id="{anchor}"><h3>{title}</h3>{page.table(rows, label=title)}</section>'


def _model(model: dict[str, Any], folder: Path) -> str:
    if "skipped" in model:
        return f'<section id="model"><h3>Model</h3>{page.soft_list([model["skipped"]])}</section>'
    rows = [{"file": name, **check} for name, check in model["formats"].items()]
    return (
        f'<section id="model"><h3>Model</h3><p>Seed {model["seed"]}, the best on validation. '
        "Every file takes raw samples and gives what the module predicts.</p>"
        f"{page.table(rows, label='Files of the model')}"
        f"{page.command(predict_with(folder / 'model', model['takes']))}</section>"
    )


def _name(module: ModuleType) -> str:
    return f"final-{module.__name__.rpartition('.')[2]}"
