"""Decodes image files into one array.

Shapes: N images, C = 1 (gray) or 3 (rgb) channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GRAY = ("1", "L")
EIGHT_BIT = (*GRAY, "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr")


def read_images(
    paths: Sequence[Path], size: tuple[int, ...] | None, color: str
) -> NDArray[np.uint8]:
    """uint8 (N, C, H, W), resized to `size` (H, W) if given, turned as the camera was held.

    Raises ValueError that names the file: unreadable, truncated, of more than 8 bits, too
    large to be sound, or of another size than the first when `size` is None.
    """
    images = [_read(path, size) for path in paths]
    gray = color == "gray" or (color == "auto" and all(image.ndim == 2 for image in images))
    for path, image in zip(paths, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            raise ValueError(
                f"{path}: all images must have one size, found {image.shape[0]} x "
                f"{image.shape[1]} (height x width), and {images[0].shape[0]} x "
                f"{images[0].shape[1]} in {paths[0]}; set data.image_size=[height,width]."
            )
    channels = 1 if gray else 3
    x = np.empty((len(images), channels, *images[0].shape[:2]), dtype=np.uint8)
    for i, image in enumerate(images):
        x[i] = _channels(image, gray)
    return x


def _read(path: Path, size: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """(H, W) of a gray image, else (H, W, 3)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            if opened.mode not in EIGHT_BIT:
                raise ValueError(f"8 bits per channel are read, found mode {opened.mode}")
            image = ImageOps.exif_transpose(opened)
            image = image.convert("L" if image.mode in GRAY else "RGB")
            if size is not None:
                image = image.resize(size[::-1], Image.Resampling.BILINEAR)
            return np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path} must be a readable image, received {path.stat().st_size:,} bytes that are "
            f"not ({error}); replace, convert or remove it."
        ) from error


def _channels(image: NDArray[np.uint8], gray: bool) -> NDArray[np.uint8]:
    """(C, H, W); luminance by ITU-R 601, as Pillow's."""
    if gray:
        flat = image if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114])
        return flat.round().astype(np.uint8)[None]
    rgb = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    return rgb.transpose(2, 0, 1)
