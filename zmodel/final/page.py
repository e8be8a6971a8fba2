"""final/index.html, figures/*.png and data/*.csv: the final stage for reading."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from zmodel.analysis.page import html as page
from zmodel.analysis.page.section import make, to_html, write_files
from zmodel.core.atomic_file import write
from zmodel.final.figures import confusion, learning_curves, mistakes, reliability
from zmodel.final.sentences import baseline_sentences, optimism_sentences, test_sentence
from zmodel.final.summary import FinalResult

FIGURES: tuple[ModuleType, ...] = (learning_curves, confusion, mistakes, reliability)


def write_page(result: FinalResult, model: dict[str, Any] | None) -> None:
    """Write the page, and what it shows as files."""
    summary = result.summary(model)
    body = [_result(summary), *(_figure(result, module) for module in FIGURES)]
    body.append(_per_class(summary))
    if model:
        body.append(_model(model))
    section = "".join(body)
    study = page.text(result.plan.study)
    head = f"<h1>Final stage of study {study}</h1>"
    text = f"Trial {result.winner.trial} won; test accuracy {summary['test_acc_mean']:.4f}."
    head += f'<p class="headline">{page.text(text)}</p>'
    nav = [(_name(module), module.TITLE) for module in FIGURES]
    nav += [("classes", "Classes"), *([("model", "Model")] if model else [])]
    title = f"{result.plan.study}: final stage"
    write(result.folder / "index.html", page.document(title, head, nav, section, page.footer()))


def _result(summary: dict[str, Any]) -> str:
    winner = summary["winner"]
    sentences = [
        test_sentence(summary),
        *optimism_sentences(summary),
        *baseline_sentences(summary),
    ]
    text = "".join(f"<p>{page.text(sentence)}</p>" for sentence in sentences)
    candidates = [
        {
            "trial": c["trial"],
            "won": c["trial"] == winner["trial"],
            "baseline": c["trial"] == (summary["baseline"] or {}).get("trial"),
            "validation": c["val_mean"],
            "standard deviation": c["val_std"],
            "in the search": c["search_value"],
            "weights": c["parameters"],
            "failed runs": len(c["failed"]) or None,
        }
        for c in summary["candidates"]
    ]
    tests = [{"seed": t["seed"], "test accuracy": t["test_acc"]} for t in winner["tests"]]
    return (
        f'<section id="result">{text}'
        f"{page.table(candidates, label='Candidates')}"
        f"{page.table(tests, label='Tests of the winner')}"
        f"<p>The winner's configuration again, as a run of its own:</p>"
        f"{page.command('python train.py from_study=' + summary['study'])}</section>"
    )


def _figure(result: FinalResult, module: ModuleType) -> str:
    section = make(module, module.data(result), _name(module))
    write_files(section.name, section, result.folder)
    return to_html(section)


def _per_class(summary: dict[str, Any]) -> str:
    table = page.table(summary["per_class"], label="Precision and recall of each class")
    return f'<section id="classes"><h3>Precision and recall</h3>{table}</section>'


def _model(model: dict[str, Any]) -> str:
    if "skipped" in model:
        return f'<section id="model"><h3>Model</h3>{page.soft_list([model["skipped"]])}</section>'
    rows = [{"file": name, **check} for name, check in model["formats"].items()]
    return (
        f'<section id="model"><h3>Model</h3><p>Seed {model["seed"]}, the best on validation. '
        "Every file takes raw samples and gives probabilities.</p>"
        f"{page.table(rows, label='Files of the model')}"
        f"{page.command('python -m zmodel.predict model FILE.npz')}</section>"
    )


def _name(module: ModuleType) -> str:
    return f"final-{module.__name__.rpartition('.')[2]}"
