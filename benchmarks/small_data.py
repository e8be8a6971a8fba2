"""Slow learners on small data: the shipped study and final stage on sets of 36 to 67 samples.

    python benchmarks/small_data.py --aeon /path/to/environment/bin/python
    python benchmarks/small_data.py --sets GunPoint --seeds 0,1,2 --jobs 1
    python benchmarks/small_data.py --table

The sets, with their official splits, are those that the package aeon brings along. It is needed
in an environment of its own, once: it writes the data, and runs 1-NN-DTW and MiniRocket on them.
Then, by defaults alone: ``train.py -m hparams_search=zlayers``, then ``hparams_search=final``.
Whatever is finished is not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
SETS = ("GunPoint", "ItalyPowerDemand", "ArrowHead", "BasicMotions")


def main() -> int:
    options = parse()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.rivals:
        for name in options.sets:
            write_rivals(name, options.folder)
        return 0
    missing = [n for n in options.sets if not (options.folder / f"{n}.json").is_file()]
    if missing and not options.aeon:
        raise SystemExit(f"--aeon must name the Python of an environment with aeon: no {missing}")
    if missing:
        command = [options.aeon, __file__, "--rivals", "--sets", ",".join(missing)]
        subprocess.run([*command, "--folder", str(options.folder)], check=True)
    for seed in [] if options.table else options.seeds:
        for name in options.sets:
            study(name, seed, options)
    table(options)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--aeon", help="Python of an environment with aeon; once")
    parser.add_argument("--sets", type=lambda t: t.split(","), default=list(SETS))
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in t.split(",")], default=[0])
    parser.add_argument("--jobs", type=int, default=2, help="workers")
    parser.add_argument("--set", action="append", default=[], help="an override for all studies")
    parser.add_argument("--folder", type=Path, default=ROOT / "logs" / "small_data")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--rivals", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder = options.folder.absolute()
    return options


def write_rivals(name: str, folder: Path) -> None:
    """In aeon's environment: the data as .npz, test accuracies of its classifiers as .json."""
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
    from aeon.datasets import load_classification

    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        x, y = load_classification(name, split=part)
        arrays[f"x_{part}"], arrays[f"y_{part}"] = x.astype(np.float32), y.astype(str)
    rivals = {
        "1-NN-DTW": KNeighborsTimeSeriesClassifier(distance="dtw"),
        "MiniRocket": MiniRocketClassifier(random_state=0),
    }
    scores = {}
    for rival, classifier in rivals.items():
        classifier.fit(arrays["x_train"], arrays["y_train"])
        scores[rival] = float(np.mean(classifier.predict(arrays["x_test"]) == arrays["y_test"]))
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(scores))


def study(name: str, seed: int, options: argparse.Namespace) -> None:
    """Search and final stage, as a user would start them."""
    done = final_folder(name, seed, options) / "summary.json"
    if done.is_file():
        return
    called = f"{name}-{seed}"
    common = [f"paths.log_dir={options.folder}", f"hydra.sweeper.n_jobs={options.jobs}"]
    seeds = [f"seed={seed}", f"hydra.sweeper.seed={seed}"]
    data = ["data=arrays", f"data.path={options.folder / name}.npz", *options.set]
    command("hparams_search=zlayers", f"study_name={called}", *data, *seeds, *common)
    command("hparams_search=final", f"study={called}", *common)


def final_folder(name: str, seed: int, options: argparse.Namespace) -> Path:
    return options.folder / "studies" / f"{name}-{seed}" / "final"


def command(*overrides: str) -> None:
    words = [sys.executable, str(ROOT / "train.py"), "-m", *overrides]
    print("$ python train.py", *words[2:], flush=True)
    subprocess.run(words, cwd=ROOT, check=True)


def table(options: argparse.Namespace) -> None:
    rows = []
    for name in options.sets:
        rivals = json.loads((options.folder / f"{name}.json").read_text())
        files = [final_folder(name, seed, options) / "summary.json" for seed in options.seeds]
        found = [json.loads(f.read_text())["test_acc_mean"] for f in files if f.is_file()]
        rows.append((name, *rivals.values(), float(np.mean(found)) if found else float("nan")))
    print("| set | 1-NN-DTW | MiniRocket | zmodel |\n|---|---|---|---|")
    for name, *scores in [*rows, ("mean", *np.mean([row[1:] for row in rows], axis=0))]:
        print(f"| {name} | {' | '.join(f'{score:.3f}' for score in scores)} |")


if __name__ == "__main__":
    sys.exit(main())
