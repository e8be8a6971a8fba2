"""Decodes images into arrays.

Shapes: N images, C = 1 (gray) or 3 (rgb) channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from zmodel.core.arguments import whole_numbers

GRAY = ("1", "L")
EIGHT_BIT = (*GRAY, "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


def read_images(
    paths: Sequence[Path], size: tuple[int, int] | None, gray: bool
) -> NDArray[np.uint8]:
    """uint8 (N, C, H, W), resized to `size` (H, W) if given, turned as the camera was held.

    Raises ValueError that names the file: unreadable, truncated, of more than 8 bits, too
    large to be sound, or of another size than the first when `size` is None.
    """
    first = _read(paths[0], size, gray)
    x = np.empty((len(paths), *first.shape), dtype=np.uint8)
    for i, path in enumerate(paths):
        image = _read(path, size, gray)
        if image.shape != first.shape:
            raise ValueError(
                f"{path}: all images must have one size, found {image.shape[1]} x "
                f"{image.shape[2]} (height x width), and {first.shape[1]} x {first.shape[2]} in "
                f"{paths[0]}; set data.image_size=[height,width]."
            )
        x[i] = image
    return x


def is_gray(path: Path) -> bool:
    """Whether the file says of itself that it holds a gray image."""
    with opened(path) as image:
        return image.mode in GRAY


def channels(image: Image.Image, size: tuple[int, int] | None, gray: bool) -> NDArray[np.uint8]:
    """One image as (C, H, W), resized to `size` (H, W) if given."""
    image = image.convert("L" if gray else "RGB")
    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if gray else pixels.transpose(2, 0, 1)


def checked_size(image_size: Sequence[int] | None) -> tuple[int, int] | None:
    """[height, width] as a pair. Raises ValueError for anything else."""
    if image_size is None:
        return None
    size = whole_numbers("data.image_size", image_size, "[32,32]")
    if len(size) != 2:
        raise ValueError(
            f"data.image_size must be [height, width], received {list(size)}; use for "
            "example data.image_size=[32,32]."
        )
    return size[0], size[1]


def _read(path: Path, size: tuple[int, int] | None, gray: bool) -> NDArray[np.uint8]:
    with opened(path) as raw:
        return channels(ImageOps.exif_transpose(raw) or raw, size, gray)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The image in a file; ValueError that names the file if it fails while in use."""
    try:
        with Image.open(path) as image:
            if image.mode not in EIGHT_BIT:
                raise ValueError(f"8 bits per channel are read, found mode {image.mode}")
            yield image
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path} must be a readable image, received {path.stat().st_size:,} bytes that are "
            f"not ({error}); replace, convert or remove it."
        ) from error
