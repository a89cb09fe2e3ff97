"""Pictures in every mode, and what is made of them."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.balance.derive import Copy, Made, Order, Parent
from tasks.balance.make import make
from tasks.balance.presets import Preset
from tasks.images import open_image

MODES = ("1", "L", "LA", "P", "P with transparency", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
SIZES = ((40, 30), (1, 1), (4000, 10), (2, 500))


def picture(mode: str, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A smooth picture with some noise in a mode."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: size[1], : size[0]]
    grey = np.clip(60 + 100 * x / size[0] + 40 * y / size[1] + rng.normal(0, 4, x.shape), 0, 255)
    if mode in ("I;16", "I", "F"):
        return Image.fromarray((grey * 100).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    image = Image.fromarray(np.stack([grey, grey[::-1], 255 - grey], axis=2).astype(np.uint8))
    if mode in ("LA", "RGBA", "P with transparency"):
        image.putalpha(Image.fromarray(np.where(x < size[0] // 2, 0, 255).astype(np.uint8)))
    if mode.startswith("P"):
        return image.quantize(64)
    return image.convert(mode)


def saved(mode: str, folder: Path, size: tuple[int, int] = (40, 30)) -> Path:
    """A file in a format that knows the mode."""
    path = folder / f"parent.{'tif' if mode in ('CMYK', 'I', 'F') else 'png'}"
    picture(mode, size).save(path)
    return path


def order_of(path: Path, folder: Path, copies: int = 2) -> Order:
    """New images of a file, in a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    parent = Parent(path, hashlib.sha256(path.read_bytes()).hexdigest(), 16)
    return Order(parent, tuple(Copy(number, folder / f"{path.stem}-{number}") for number in range(1, copies + 1)))


def made_from(path: Path, folder: Path, preset: Preset, copies: int = 2) -> list[Made]:
    """New images of a file."""
    return list(make([order_of(path, folder, copies)], preset.specification(), 0, workers=1))


def pixels(path: Path) -> np.ndarray:
    """The values of an image file."""
    return np.asarray(open_image(path).image)
