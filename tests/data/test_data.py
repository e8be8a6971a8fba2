"""The contract of a data set, tried on every YAML of conf/data, and on a small one made here."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from pathlib import Path

import fake_torchvision
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from zmodel.data import Arrays, InMemoryData

CONF = Path(__file__).parents[2] / "conf"
DATA_SETS = sorted(path.stem for path in CONF.glob("data/*.yaml") if path.stem != "default")


class Blobs(InMemoryData):
    """Two classes of signals (2, 3) around their own means; the contract in its smallest form."""

    class_names = ("left", "right")

    def load_train(self) -> Arrays:
        np.random.seed(0)
        random.seed(0)
        torch.manual_seed(0)
        return self.blobs(60, seed=1)

    def load_test(self) -> Arrays:
        return self.blobs(30, seed=2)

    def blobs(self, n: int, seed: int) -> Arrays:
        rng = np.random.default_rng(seed)
        y = np.arange(n, dtype=np.int64) % 3 // 2
        x = rng.normal(size=(n, 2, 3)) * (1, 5, 20) + 10 * y[:, None, None]
        return Arrays(x.astype(np.float32), y)


def array_file(folder: Path) -> Path:
    x, y, _ = Blobs().blobs(90, seed=3)
    np.savez(folder / "blobs.npz", x=x, y=np.array(["left", "right"])[y])
    return folder / "blobs.npz"


def image_folder(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("häuser", "trees"):
        (folder / "images" / name).mkdir(parents=True)
        for i in range(20):
            pixels = rng.integers(0, 256, size=(5, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "images" / name / f"{i}.png")
    return folder / "images"


OWN = {"arrays": array_file, "images": image_folder}
"""Data sets with a `path` of their own: what makes one."""

Make = Callable[..., InMemoryData]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(params=["blobs", *DATA_SETS])
def make(
    request: pytest.FixtureRequest,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Make:
    """Builds one of the data sets, with changed settings."""
    if request.param == "blobs":
        return Blobs
    with initialize_config_dir(str(CONF)):
        needed = [f"+paths.data_dir={data_dir}", "+task=classification"]
        config = compose(f"data/{request.param}", needed)
    settings = OmegaConf.to_container(config.data, resolve=True)
    if request.param in OWN:
        settings["path"] = OWN[request.param](tmp_path)
    if request.param == "torchvision":
        fake_torchvision.install(monkeypatch)
        settings["name"] = "MNIST"
    module, name = settings.pop("_target_").rsplit(".", 1)
    target = getattr(importlib.import_module(module), name)
    return lambda **changed: target(**{**settings, **changed})


def tensors(data: InMemoryData, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """All of a part in its own order."""
    return getattr(data, f"{part}_dataloader")().part


def sorted_rows(*xs: torch.Tensor) -> np.ndarray:
    rows = torch.cat(xs).flatten(1).numpy()
    return rows[np.lexsort(rows.T)]


def test_shapes_classes_and_types(make: Make) -> None:
    data = make()
    data.setup("test")
    for part in ("train", "val", "test"):
        x, y = tensors(data, part)
        assert x.dtype == torch.float32 and y.dtype == torch.int64 and x.isfinite().all()
        assert x.shape == (len(y), *data.input_shape) and x.is_contiguous()
        assert y.unique().tolist() == list(range(data.num_classes))
    assert len(set(data.class_names)) == data.num_classes
    assert all(isinstance(name, str) for name in data.class_names)


def test_split_is_a_stratified_partition_and_its_own_seed_decides(make: Make) -> None:
    parts, tests = {}, []
    for run_seed, split_seed in ((1, 0), (2, 0), (2, 1)):
        torch.manual_seed(run_seed)
        np.random.seed(run_seed)
        data = make(normalize=False, split_seed=split_seed, val_fraction=0.3)
        (train, train_y), (val, val_y) = tensors(data, "train"), tensors(data, "val")
        everything, _ = tensors(make(normalize=False, train_on_all=True), "train")
        assert np.array_equal(sorted_rows(train, val), sorted_rows(everything))
        counts = torch.bincount(val_y), torch.bincount(train_y)
        assert (counts[0] - 0.3 * (counts[0] + counts[1])).abs().max() <= 1
        parts[run_seed, split_seed] = val
        data.setup("test")
        tests.append(tensors(data, "test")[0])
    assert all(torch.equal(test, tests[0]) for test in tests)
    assert torch.equal(parts[1, 0], parts[2, 0])
    assert not torch.equal(parts[2, 0], parts[2, 1])


@pytest.mark.parametrize("train_on_all", [False, True])
def test_normalisation_is_fitted_on_what_is_trained_on(make: Make, train_on_all: bool) -> None:
    raw, done = (make(normalize=on, train_on_all=train_on_all) for on in (False, True))
    for data in (raw, done):
        data.setup("test")
    fitted = tensors(raw, "train")[0].double()
    axes = (0, *range(2, fitted.dim()))
    mean, std = fitted.mean(axes, keepdim=True), fitted.std(axes, correction=0, keepdim=True)
    std = torch.where(std > 0, std, 1.0)
    for part in ("train", "val", "test"):
        expected = (tensors(raw, part)[0].double() - mean) / std
        torch.testing.assert_close(tensors(done, part)[0].double(), expected, rtol=1e-4, atol=1e-4)


def test_test_part_is_loaded_in_stage_test_only(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()
    loads = []
    load_test = type(data).load_test
    monkeypatch.setattr(
        type(data), "load_test", lambda self: loads.append("test") or load_test(self)
    )
    for stage in ("fit", "validate", "fit"):
        data.setup(stage)
    list(data.train_dataloader()), list(data.val_dataloader())
    data.content_hash(), data.input_shape, data.num_classes, data.class_names
    assert loads == []
    data.setup("test"), data.setup("test"), data.setup(None)
    assert loads == ["test"]


def test_setup_loads_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    data.setup("fit")
    monkeypatch.setattr(type(data), "load_train", None)
    data.setup("fit"), data.setup("test"), data.setup(None)
    assert len(list(data.train_dataloader())) == len(data.train_dataloader())


def test_hash_is_of_content_split_and_normalisation(make: Make) -> None:
    same = {make(**keys).content_hash() for keys in ({}, {"batch_size": 7}, {"train_on_all": True})}
    other = [make(**keys).content_hash() for keys in ({"split_seed": 1}, {"normalize": False})]
    assert len(same) == 1 and len({*same, *other}) == 3


def test_hash_changes_with_one_value_or_label() -> None:
    class Changed(Blobs):
        def blobs(self, n: int, seed: int) -> Arrays:
            x, y, _ = super().blobs(n, seed)
            x[0, 0, 0] += self.more
            y[:3] = y[:3] if self.more else y[2::-1]
            return Arrays(x, y)

    hashes = {Blobs().content_hash()}
    for more in (0.0, 1.0):
        data = Changed()
        data.more = more
        hashes.add(data.content_hash())
    assert len(hashes) == 3


def test_global_random_state_is_left_alone(make: Make, tmp_path: Path) -> None:
    def states() -> list:
        return [random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()]

    before = states()
    data = make(data_dir=tmp_path)
    data.setup("test")
    list(data.train_dataloader()), list(data.val_dataloader()), data.content_hash()
    assert states() == before


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"batch_size": 0}, "data.batch_size .*received 0"),
        ({"eval_batch_size": 0}, "data.eval_batch_size"),
        ({"val_fraction": 0}, "val_fraction"),
        ({"val_fraction": 1.0}, "val_fraction"),
        ({"split_seed": -1}, "data.split_seed"),
    ],
)
def test_bad_settings(keys: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Blobs(**keys)


def nan(x: np.ndarray, y: np.ndarray) -> tuple:
    x[7, 0, 1] = np.nan
    return x, y


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan, "NaN or infinity in 1 of 60 samples, the first at index 7"),
        (lambda x, y: (x.astype(np.float16), y), "x .*float32 .*found float16"),
        (lambda x, y: (x, y.astype(np.int32)), "y must be int64, found int32"),
        (lambda x, y: (x, y + 1), r"labels .*0\.\.1 .*found 1\.\.2"),
        (lambda x, y: (x, y - 1), r"found -1\.\.0"),
        (lambda x, y: (x, y * 0), "every class needs .* found none of 'right' among 60"),
        (lambda x, y: (x[:0], y[:0]), r"at least one; found x \(0, 2, 3\)"),
        (lambda x, y: (x[:9], y), r"same number of samples.*x \(9, 2, 3\) and y \(60,\)"),
        (lambda x, y: (x[:, 0, 0], y), r"a sample must be \(features,\).*found \(\)"),
        (lambda x, y: (x[:41], np.arange(41) // 40), "found 1 of"),
    ],
)
def test_bad_arrays(change: Callable, message: str) -> None:
    class Bad(Blobs):
        def load_train(self) -> Arrays:
            return Arrays(*change(*super().load_train()[:2]))

    with pytest.raises(ValueError, match=f"Bad, training part: .*{message}"):
        Bad().setup("fit")


def test_bad_test_part_and_single_class() -> None:
    class Longer(Blobs):
        def load_test(self) -> Arrays:
            x, y, _ = super().load_test()
            return Arrays(np.concatenate((x, x), axis=2), y)

    data = Longer()
    data.setup("fit")
    with pytest.raises(ValueError, match=r"Longer, test part: .*\(2, 3\).*found \(2, 6\)"):
        data.setup("test")

    class Lonely(Blobs):
        class_names = ("only",)

    with pytest.raises(ValueError, match="found 1 .only."):
        Lonely().setup("fit")


def test_channel_that_is_constant_to_rounding_is_only_centred() -> None:
    class Constant(Blobs):
        def load_train(self) -> Arrays:
            x, y, _ = super().load_train()
            x[:, 1] = 1000
            x[0, 1, 0] = np.nextafter(np.float32(1000), np.float32(2000))
            return Arrays(x, y)

    x, _ = tensors(Constant(), "train")
    assert x[:, 1].abs().max() < 1e-3 and abs(x[:, 0].std() - 1) < 0.1


def test_a_data_set_may_name_its_own_method_part() -> None:
    """The example of CONTRIBUTING.md does."""

    class Named(Blobs):
        def part(self, test: bool) -> None:
            raise AssertionError("the base class has no use for it")

    data = Named()
    data.setup("fit")
    assert sum(data.class_counts) == 48  # of 60, a fifth for validation
