"""Embedding: from image files to feature vectors, in one-thread processes side by side.

A vector depends on its image and the parameters alone. Work is cut into batches of a fixed size, the last one filled
up with blank images, because a network's arithmetic may differ in the last bits with the size of the batch; each
process computes on one thread, because sums may differ with their number. One-thread processes are also faster than
threads that share the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.decoding import squared
from tasks.errors import InputError
from tasks.features.backbones import Backbone
from tasks.images import open_rgb
from tasks.parallel import each
from tasks.progress import Progress

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "pillow")  # beside those of the backbone they decide on last bits
BATCHES_A_CHUNK = 8  # what a process gets at a time: enough to outweigh handing it over, little enough to share out


def embed(paths: Sequence[Path], backbone: Backbone, depth: int, workers: int) -> np.ndarray:
    """The feature vectors of image files.

    Parameters
    ----------
    paths
        The files, n of them; ingest has opened each before.
    backbone
        The network, and how images are shown to it.
    depth
        Bits of 16-bit values that are shown (`tasks.images.to_rgb`).
    workers
        Number of processes; changes time only.

    Returns
    -------
    numpy.ndarray
        Shape (n, d), float32, in the order of `paths`.

    Raises
    ------
    InputError
        A file can't be read as an image.
    """
    values = np.empty((len(paths), backbone.dimensions), dtype=np.float32)
    for row, vector in enumerate(vectors_of(paths, backbone, depth, workers)):
        values[row] = vector
    return values


def embed_pixels(images: NDArray[np.uint8], backbone: Backbone, workers: int) -> np.ndarray:
    """The feature vectors of images that are at hand, (n, side, side, 3), as `embed` makes them of files: (n, d)."""
    size = backbone.batch_size
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    made = each(partial(_embed_pixels, backbone), batches, workers, chunk=BATCHES_A_CHUNK)
    vectors = [vector for batch in made for vector in batch]
    return np.array(vectors, dtype=np.float32).reshape(len(images), backbone.dimensions)


def vectors_of(paths: Sequence[Path], backbone: Backbone, depth: int, workers: int) -> Iterator[np.ndarray]:
    """The vectors that `embed` makes, one by one as they are made."""
    size = backbone.batch_size
    batches = [list(paths[start : start + size]) for start in range(0, len(paths), size)]
    made = each(partial(_embed_batch, backbone, depth), batches, workers, chunk=BATCHES_A_CHUNK)
    vectors = (vector for batch in made for vector in batch)
    yield from Progress(vectors, "images", total=len(paths))


def packages_of(backbone: Backbone) -> tuple[str, ...]:
    """Distributions whose versions decide a feature vector."""
    return (*PACKAGES, *backbone.needed())


def require_packages(backbone: Backbone) -> None:
    """Refuse to go on without a package that decides a feature vector (`InputError`)."""
    for package in packages_of(backbone):
        try:
            version(package)
        except PackageNotFoundError:
            raise InputError(f"backbone {backbone.name!r} needs the package {package}: pip install {package}") from None


def about(backbone: Backbone) -> dict[str, Any]:
    """What a reader of the features must know of their making; a model that uses them keeps it."""
    return {
        "backbone": backbone.name,
        "dimensions": backbone.dimensions,
        "preprocessing": {
            "colour": "RGB",
            "image_size": backbone.image_size,
            "resize": backbone.resize,
            "mean": list(backbone.mean),
            "deviation": list(backbone.deviation),
        },
        "precision": backbone.precision,
        "versions": {package: version(package) for package in packages_of(backbone)},
    }


def network_vectors(backbone: Backbone, images: Sequence[Image.Image] | NDArray[np.uint8]) -> np.ndarray:
    """The vectors of at most a batch of images as the network sees them, squared: computed on one thread, (n, d)."""
    import torch

    torch.set_num_threads(1)
    network = _network(backbone)
    pixels = np.zeros((backbone.batch_size, backbone.image_size, backbone.image_size, 3), dtype=np.float32)
    for row, image in enumerate(images):
        pixels[row] = np.asarray(image)
    mean, deviation = torch.tensor(backbone.mean), torch.tensor(backbone.deviation)
    shown = ((torch.from_numpy(pixels) - mean) / deviation).permute(0, 3, 1, 2)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=backbone.precision == "bfloat16"):
        vectors = network(shown)
    return vectors[: len(images)].float().numpy()


def _embed_batch(backbone: Backbone, depth: int, paths: list[Path]) -> np.ndarray:
    return network_vectors(
        backbone, [squared(open_rgb(path, depth), backbone.image_size, backbone.resize) for path in paths]
    )


def _embed_pixels(backbone: Backbone, images: NDArray[np.uint8]) -> np.ndarray:
    shown = [squared(Image.fromarray(image), backbone.image_size, backbone.resize) for image in images]
    return network_vectors(backbone, shown)


def _network(backbone: Backbone) -> Callable[[torch.Tensor], torch.Tensor]:
    """The backbone's network, loaded once a process."""
    return _loaded(type(backbone), backbone.model_dump_json(exclude={"recipes"}))


@cache
def _loaded(kind: type[Backbone], settings: str) -> Callable[[torch.Tensor], torch.Tensor]:
    return kind.model_validate_json(settings).load()
