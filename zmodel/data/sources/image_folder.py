"""Images in folders, one folder per class."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known
from zmodel.data.cache import Named, cached
from zmodel.data.drawn_split import Indices
from zmodel.data.files.given_split import PART_NAMES
from zmodel.data.files.own_data import OwnData, Rows
from zmodel.data.files.pixels import checked_size, is_gray, read_images

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")


class Entry(NamedTuple):
    """One image file and what its folders say of it; `part` is "" where none is named."""

    path: Path
    part: str
    name: str


class ImageFolder(OwnData):
    """Images (1 or 3, height, width) with values 0..1; the names of folders are the classes.

    path         path/<class>/*.png, or with a given split path/{train,val,test}/<class>/*.png;
                 hidden files and other suffixes than those of images are passed over
    image_size   [height, width] to resize to; null: all images must have one size
    color        gray, rgb, or auto: what the first training image is

    Decoded once and kept in data_dir, under a name made of paths, sizes and times of the files.
    Raises ValueError that names the file or folder at fault.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        image_size: Sequence[int] | None = None,
        color: str = "auto",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        known("color", color, ("auto", "gray", "rgb"))
        self.path, self.color = Path(path).expanduser(), color
        self.image_size = checked_size(image_size)

    @property
    def source(self) -> str:
        return str(self.path)

    def rows(self) -> Rows:
        entries = list_images(self.path)
        labels = np.array([entry.name for entry in entries])
        parts = np.array([entry.part for entry in entries]) if entries[0].part else None
        return Rows(labels, parts, None, lambda indices: self._read(entries, indices))

    def _read(self, entries: list[Entry], indices: Indices) -> NDArray[np.float32]:
        paths = [entries[i].path for i in indices]

        first = next(e.path for e in entries if PART_NAMES.get(e.part) != "test")
        gray = is_gray(first) if self.color == "auto" else self.color == "gray"

        def decode() -> Named:
            return {"x": read_images(paths, self.image_size, gray)}

        pixels = cached(self.data_dir / f"images-{self._key(paths, gray)}.npz", decode)["x"]
        return pixels.astype(np.float32) / np.float32(255)

    def _key(self, paths: list[Path], gray: bool) -> str:
        key = hashlib.sha256(f"{self.image_size} gray={gray}".encode())
        for path in paths:
            state = path.stat()
            name = path.relative_to(self.path)
            key.update(f"\n{name} {state.st_size} {state.st_mtime_ns}".encode())
        return key.hexdigest()[:16]


def list_images(root: Path) -> list[Entry]:
    """All images below `root`, sorted; of at least two classes or parts of them.

    Raises ValueError for a missing folder, images outside class folders, and empty classes.
    """
    if not root.is_dir():
        raise ValueError(
            f"the folder of images must exist, received {root} (working directory {Path.cwd()}); "
            "correct data.path, or give an absolute path."
        )
    folders = _folders(root)
    named = [folder for folder in folders if folder.name in PART_NAMES and _folders(folder)]
    if named and len(named) < len(folders):
        others = ", ".join(folder.name for folder in folders if folder not in named)
        raise ValueError(
            f"{root} must hold either parts (train, val, test) or classes, found both: "
            f"{', '.join(folder.name for folder in named)} and {others}; move one of them away."
        )
    entries = []
    for part in named or [root]:
        for folder in _folders(part):
            images = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
            if not images:
                raise ValueError(
                    f"every class needs images ({', '.join(SUFFIXES)}), found none in {folder}; "
                    "add some or remove the folder."
                )
            entries += [Entry(path, part.name if named else "", folder.name) for path in images]
    if not entries:
        raise ValueError(
            f"{root} must hold a folder of images per class, found no folders; make one for each "
            f"class, {root}/<class>/*.png."
        )
    return entries


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
