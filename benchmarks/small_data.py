"""How well small sets are learned: 36 to 270 series, some long or of unequal length.

    python benchmarks/small_data.py --aeon /path/to/environment/bin/python
    python benchmarks/small_data.py --sets GunPoint --seeds 0,1,2 --jobs 1
    python benchmarks/small_data.py --single --sets OSULeaf,ACSF1 --seeds 0,1
    python benchmarks/small_data.py --table

The sets come with the package aeon, and so do their official splits. aeon is needed once, in an
environment of its own: it writes the data, and runs 1-NN-DTW and MiniRocket on them. Then this
runs ``train.py -m hparams_search=zlayers`` and ``hparams_search=final`` with their defaults; with
``--single`` one run per seed of the networks and the recipe that the study searches around.
Finished runs are not repeated.
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
FURTHER = ("OSULeaf", "ACSF1", "JapaneseVowels", "PickupGestureWiimoteZ")
"""Long, longer, 12 channels of unequal length, unequal lengths; studies of them take long."""
UNEQUAL = ("JapaneseVowels", "PickupGestureWiimoteZ")
RECIPE = ("model=znet_cooldown", "callbacks=cool_down")


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
            (single if options.single else study)(name, seed, options)
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
    parser.add_argument("--single", action="store_true", help="one run instead of a study")
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

    parts = {part: load_classification(name, split=part) for part in ("train", "test")}
    longest = max(series.shape[1] for x, _ in parts.values() for series in x)
    arrays: dict[str, Any] = {}
    for part, (x, y) in parts.items():
        arrays[f"x_{part}"] = padded(x, longest, np.nan)
        arrays[f"y_{part}"] = y.astype(str)
    rivals = {
        "1-NN-DTW": KNeighborsTimeSeriesClassifier(distance="dtw"),
        "MiniRocket": MiniRocketClassifier(random_state=0),
    }
    scores = {}
    held = {part: padded(x, longest, None) for part, (x, _) in parts.items()}
    for rival, classifier in rivals.items():
        classifier.fit(held["train"], arrays["y_train"])
        scores[rival] = float(np.mean(classifier.predict(held["test"]) == arrays["y_test"]))
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(scores))


def padded(x: Any, longest: int, value: float | None) -> np.ndarray:
    """Series (N, C, longest): after its end each is `value`, or by None its own last value."""
    out = np.empty((len(x), x[0].shape[0], longest), np.float32)
    for row, series in zip(out, x, strict=True):
        end = series.shape[1]
        row[:, :end] = series
        row[:, end:] = series[:, -1:] if value is None else value
    return out


def single(name: str, seed: int, options: argparse.Namespace) -> None:
    """One run, as a user would start it."""
    folder = run_folder(name, seed, options)
    if not (folder / "result.json").is_file():
        command(*RECIPE, *data_of(name, options), f"seed={seed}", f"paths.output_dir={folder}")


def run_folder(name: str, seed: int, options: argparse.Namespace) -> Path:
    changed = "-".join(options.set).replace("/", "_")
    return options.folder / "single" / f"{name}-{seed}{changed and '-' + changed}"


def data_of(name: str, options: argparse.Namespace) -> list[str]:
    unequal = ["data.unequal_lengths=true"] if name in UNEQUAL else []
    return ["data=arrays", f"data.path={options.folder / name}.npz", *unequal, *options.set]


def study(name: str, seed: int, options: argparse.Namespace) -> None:
    """Search and final stage, as a user would start them."""
    done = final_folder(name, seed, options) / "summary.json"
    if done.is_file():
        return
    called = f"{name}-{seed}"
    common = [f"paths.log_dir={options.folder}", f"hydra.sweeper.n_jobs={options.jobs}"]
    seeds = [f"seed={seed}", f"hydra.sweeper.seed={seed}"]
    data = data_of(name, options)
    command("-m", "hparams_search=zlayers", f"study_name={called}", *data, *seeds, *common)
    command("-m", "hparams_search=final", f"study={called}", *common)


def final_folder(name: str, seed: int, options: argparse.Namespace) -> Path:
    return options.folder / "studies" / f"{name}-{seed}" / "final"


def command(*overrides: str) -> None:
    words = [sys.executable, str(ROOT / "train.py"), *overrides]
    print("$ python train.py", *words[2:], flush=True)
    subprocess.run(words, cwd=ROOT, check=True)


def table(options: argparse.Namespace) -> None:
    rows = []
    for name in options.sets:
        rivals = json.loads((options.folder / f"{name}.json").read_text())
        found = [score for seed in options.seeds for score in tested(name, seed, options)]
        rows.append((name, *rivals.values(), float(np.mean(found)) if found else float("nan")))
    print("| set | 1-NN-DTW | MiniRocket | zmodel |\n|---|---|---|---|")
    for name, *scores in [*rows, ("mean", *np.mean([row[1:] for row in rows], axis=0))]:
        print(f"| {name} | {' | '.join(f'{score:.3f}' for score in scores)} |")


def tested(name: str, seed: int, options: argparse.Namespace) -> list[float]:
    """The test accuracy of a finished run or final stage."""
    if options.single:
        file, keys = run_folder(name, seed, options) / "result.json", ("metrics", "test/acc")
    else:
        file, keys = final_folder(name, seed, options) / "summary.json", ("test_acc_mean",)
    if not file.is_file():
        return []
    found = json.loads(file.read_text())
    for key in keys:
        found = found[key]
    return [found]


if __name__ == "__main__":
    sys.exit(main())
