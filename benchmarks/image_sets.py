"""What the other benchmarks are run on: Fashion-MNIST as image files, class folders, and long tails of either.

Fashion-MNIST is in Debian's package ``dataset-fashion-mnist`` (``apt-get install dataset-fashion-mnist``; Xiao, Rasul
and Vollgraf 2017, MIT).
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.ingest.other_files import IMAGE_SUFFIXES

SET = Path("/usr/share/datasets/fashion-mnist")
NAMES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle_boot"]


def read(which: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images and labels of `which`, ``train`` or ``t10k``."""
    with gzip.open(SET / f"{which}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(SET / f"{which}-labels-idx1-ubyte.gz") as file:
        return images, np.frombuffer(file.read(), np.uint8, offset=8)


def write(images: NDArray[np.uint8], labels: NDArray[np.uint8], chosen: NDArray[np.int64], folder: Path) -> list[Path]:
    """Write the chosen images as PNGs into a folder a class."""
    files = [folder / NAMES[labels[number]] / f"{number:05d}.png" for number in chosen]
    for number, file in zip(chosen, files, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number]).save(file)
    return files


def class_folders(folder: Path, stream: np.random.Generator) -> dict[str, list[Path]]:
    """The image files of each class folder, in an order that is drawn."""
    found = {}
    for one in sorted(folder.iterdir()):
        files = [file for file in sorted(one.rglob("*")) if file.suffix.lower() in IMAGE_SUFFIXES]
        if files:
            found[one.name] = [files[at] for at in stream.permutation(len(files))]
    return found


def tail(largest: float, factor: float, classes: int) -> list[int]:
    """Images of each class, the largest first: `factor` times the rarest, and equal steps of the logarithm between."""
    return [round(largest * factor ** (-at / (classes - 1))) for at in range(classes)]
