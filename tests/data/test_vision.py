"""Sets of torchvision; what all data sets must do is in test_data.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fake_torchvision
import pytest

from zmodel.data import TorchvisionData

ROOT = Path(__file__).parents[2]


def test_parts_classes_and_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torchvision.install(monkeypatch)
    data = TorchvisionData("MNIST", data_dir=tmp_path, image_size=[4, 3])
    data.setup("test")
    assert data.input_shape == (1, 4, 3) and list(data.class_names) == ["dark", "bright"]
    sizes = [
        len(getattr(data, f"{part}_dataloader")().part[0]) for part in ("train", "val", "test")
    ]
    assert sizes == [32, 8, 20]
    # decoded once: from now on the package is not needed
    monkeypatch.setitem(sys.modules, "torchvision", None)
    again = TorchvisionData("MNIST", data_dir=tmp_path, image_size=[4, 3])
    assert again.content_hash() == data.content_hash()


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="did you mean FashionMNIST"):
        TorchvisionData("FashionMnist")
    with pytest.raises(ValueError, match=r"data\.options"):
        TorchvisionData("EMNIST", options="letters")
    fake_torchvision.install(monkeypatch)
    for options, message in (
        ({"online": False}, "could not be fetched: .*not known.*copy it to .*torchvision"),
        ({"onlin": False}, r"data\.options .*torchvision\.datasets\.MNIST"),
    ):
        with pytest.raises(ValueError, match=message):
            TorchvisionData("MNIST", options=options, data_dir=tmp_path).setup("fit")
    assert not list(tmp_path.glob("*.npz"))


def test_images_of_many_sizes_need_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_torchvision.install(monkeypatch)
    resized = fake_torchvision.Image.new("L", (6, 9))
    monkeypatch.setattr(
        fake_torchvision.Squares, "__iter__", lambda self: iter([self[0], (resized, 1)]), False
    )
    with pytest.raises(ValueError, match=r"\(1, 9, 6\).* at index 1.*data.image_size"):
        TorchvisionData("MNIST", data_dir=tmp_path).setup("fit")


@pytest.mark.slow
def test_a_study_without_the_package_ends_before_a_trial_with_one_message(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torchvision'] = None; import runpy; sys.argv[0] = 'train.py'; "
    code += "runpy.run_path('train.py', run_name='__main__')"
    overrides = ["hparams_search=random", "data=torchvision", "data.name=MNIST"]
    overrides += [f"paths.log_dir={tmp_path}", f"paths.data_dir={tmp_path}"]
    overrides += ["hydra.sweeper.n_jobs=0"]
    command = [sys.executable, "-c", code, "-m", *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "zmodel[vision]" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "studies" / "random").exists()
