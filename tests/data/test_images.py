from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zmodel.data import ImageFolder


def image(path: Path, shape: tuple[int, ...] = (6, 4), value: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(abs(hash(path.name)) % 1000 if value is None else value)
    pixels = rng.integers(0, 256, size=shape, dtype=np.uint8)
    Image.fromarray(np.full_like(pixels, value) if value is not None else pixels).save(path)


def folder(root: Path, *parts: str, shape: tuple[int, ...] = (6, 4)) -> Path:
    """Every image has a gray value of its own, over 100 in class oak."""
    for i, part in enumerate(parts or (".",)):
        for label, start in (("ash", 0), ("oak", 100)):
            for k in range(10):
                image(root / part / label / f"{k}.png", shape, value=start + 10 * i + k)
    return root


def values(data: ImageFolder, part: str) -> list[tuple[int, str]]:
    """(gray value, class) of the images of a part."""
    data.setup("test")
    loader = getattr(data, f"{part}_dataloader")()
    x, y = loader.part
    grays = (x[:, 0, 0, 0] * 255).round().int().tolist()
    return sorted(zip(grays, (data.class_names[i] for i in y), strict=True))


def test_classes_from_folders_and_drawn_parts(tmp_path: Path) -> None:
    root = folder(tmp_path / "trees")
    (root / ".thumbs").mkdir()
    (root / "ash" / "notes.txt").write_text("passed over")
    data = ImageFolder(root, normalize=False, data_dir=tmp_path)
    seen = [values(data, part) for part in ("train", "val", "test")]
    assert data.input_shape == (1, 6, 4) and list(data.class_names) == ["ash", "oak"]
    assert [len(part) for part in seen] == [12, 4, 4]
    expected = [(v, "ash") for v in range(10)] + [(v, "oak") for v in range(100, 110)]
    assert sorted(sum(seen, [])) == expected


def test_given_parts(tmp_path: Path) -> None:
    root = folder(tmp_path / "trees", "train", "valid", "test")
    data = ImageFolder(root, normalize=False, data_dir=tmp_path)
    for i, part in enumerate(("train", "val", "test")):
        assert {v % 100 // 10 for v, _ in values(data, part)} == {i}


def test_size_and_color(tmp_path: Path) -> None:
    root = folder(tmp_path / "a", shape=(6, 4, 3))
    shapes = {
        (size, color): ImageFolder(
            root, image_size=size, color=color, data_dir=tmp_path, normalize=False
        ).input_shape
        for size, color in ((None, "auto"), ((3, 5), "gray"))
    }
    assert list(shapes.values()) == [(3, 6, 4), (1, 3, 5)]
    gray = folder(tmp_path / "b")
    data = ImageFolder(gray, color="rgb", data_dir=tmp_path, normalize=False)
    assert data.input_shape == (3, 6, 4) and len(values(data, "val")) == 4


def test_decoded_once_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, decoded = folder(tmp_path / "trees"), []
    opened = Image.open
    monkeypatch.setattr(Image, "open", lambda path: decoded.append(path) or opened(path))

    def load() -> int:
        decoded.clear()
        ImageFolder(root, data_dir=tmp_path).setup("test")
        return len(decoded)

    assert load() > 20
    assert load() <= 3  # auto looks at the first image each time
    changed = root / "ash" / "0.png"
    os.utime(changed, ns=(0, changed.stat().st_mtime_ns + 10**9))
    assert load() > 10


def test_channels_and_orientation(tmp_path: Path) -> None:
    """Red is the first channel; a picture from a camera held upright is turned."""
    root = folder(tmp_path / "a", shape=(6, 4, 3))
    red = np.zeros((4, 6, 3), dtype=np.uint8)
    red[0] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    for path in (root / "ash").iterdir():
        Image.fromarray(red).save(path, exif=exif)
    data = ImageFolder(root, normalize=False, duplicates="ignore", data_dir=tmp_path)
    loader = data.train_dataloader()
    x, y = loader.part
    ash = x[y == 0]
    expected = torch.zeros(3, 6, 4)
    expected[0, :, 3] = 1
    assert all(torch.equal(one, expected) for one in ash)


def test_test_images_are_not_opened_before_the_test(tmp_path: Path) -> None:
    root = folder(tmp_path / "trees", "test", "train")
    (root / "test" / "ash" / "0.png").write_bytes(b"no image")
    data = ImageFolder(root, data_dir=tmp_path)
    data.setup("fit")
    with pytest.raises(ValueError, match="test/ash/0.png"):
        data.setup("test")


def deep(root: Path) -> None:
    Image.fromarray(np.ones((6, 4), dtype=np.uint16)).save(root / "ash" / "0.png")


def cut(root: Path) -> None:
    path = root / "ash" / "4.png"
    image(path, (60, 40))
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut, "ash/4.png .*300 bytes"),
        (lambda root: (root / "oak" / "1.png").write_bytes(b""), "oak/1.png .* received 0 bytes"),
        (lambda root: image(root / "oak" / "2.png", (4, 6)), "4 x 6 .* and 6 x 4 in .*image_size"),
        (deep, "ash/0.png .*8 bits per channel"),
        (lambda root: (root / "empty").mkdir(), "every class needs images.*none in .*empty"),
        (lambda root: folder(root, "train"), "either parts .* or classes, found both: train and"),
        (lambda root: (root / "oak").rename(root.parent / "oak"), "two classes, found 1 .ash."),
        (lambda root: root.rename(root.parent / "moved"), "the folder of images must exist"),
        (lambda root: [root.rename(root.parent / "x"), root.mkdir()], "a folder of images per"),
        (lambda root: [image(root / "oak" / f"{i}.png", value=5) for i in range(10)], "not share"),
    ],
)
def test_bad_folders(tmp_path: Path, spoil: Callable, message: str) -> None:
    root = folder(tmp_path / "trees")
    spoil(root)
    with pytest.raises(ValueError, match=message):
        ImageFolder(root, data_dir=tmp_path / "cache").setup("test")


def test_bad_settings(tmp_path: Path) -> None:
    for keys, message in (
        ({"color": "grey"}, "did you mean gray"),
        ({"image_size": [3]}, "must be .height, width., received .3."),
        ({"image_size": [3, 0]}, "every entry of data.image_size"),
        ({"image_size": "33"}, "data.image_size"),
        ({"image_size": 33}, "data.image_size"),
    ):
        with pytest.raises(ValueError, match=message):
            ImageFolder(tmp_path, **keys)
