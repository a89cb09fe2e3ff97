"""What the other benchmarks are run on: Fashion-MNIST as image files, textures, class folders, and long tails.

Fashion-MNIST is in Debian's package ``dataset-fashion-mnist`` (``apt-get install dataset-fashion-mnist``; Xiao, Rasul
and Vollgraf 2017, MIT). The textures are those of the game UFO: Alien Invasion, photos for the most part, in Debian's
package ``ufoai-textures`` (GPL-2+ and Creative Commons licences); the first word of a file's name says what it shows.
"""

from __future__ import annotations

import gzip
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.ingest.other_files import IMAGE_SUFFIXES

SET = Path("/usr/share/datasets/fashion-mnist")
TEXTURES = Path("/usr/share/games/ufoai/base/0textures.pk3")
# What a surface is made of or belongs to: the first words that 20 colour textures or more have. Others are pictures on
# surfaces (art, sign), things (box), or the name of a place (ab, ufo, e, rail, trak).
SURFACES = [
    "bricks", "carpet", "concrete", "dirt", "door", "floor", "grass", "metal", "rock", "roof", "wall", "wallpaper",
    "window", "wood",
]  # fmt: skip
OTHER_SPELLINGS = {"metall": "metal", "brick": "bricks"}
NO_COLOURS = re.compile(r"_(nm|sm|gm|pls|norm|glow|spec|lm)\d*$")  # maps of normals, of shine, of light
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


def textures(folder: Path) -> dict[str, int]:
    """Write the textures into a folder a class, as they are stored; returns how many each has."""
    counts = dict.fromkeys(SURFACES, 0)
    with zipfile.ZipFile(TEXTURES) as packed:
        for path in map(Path, sorted(packed.namelist())):
            word = re.match("[a-z]*", path.stem.lower())
            label = OTHER_SPELLINGS.get(word.group(), word.group()) if word else ""
            if label not in counts or path.suffix not in IMAGE_SUFFIXES or NO_COLOURS.search(path.stem.lower()):
                continue
            counts[label] += 1
            file = folder / label / f"{path.parent.name}-{path.name}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(packed.read(str(path)))
    return counts


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
