"""Small pictures of shapes on a varied ground, features of them, and what a generator might make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from tasks.synthesize.gates.images import Made, Real

SIDE, FOLDS = 48, 5
CLASSES = ("bar", "disc", "ring")


def shape(label: str, stream: np.random.Generator) -> np.ndarray:
    """A shape of any colour, size and place on a cloudy ground, with some noise; (SIDE, SIDE, 3), uint8."""
    clouds = gaussian_filter(stream.normal(size=(SIDE, SIDE, 3)), (4, 4, 0)) * 300
    fine = gaussian_filter(stream.normal(size=(SIDE, SIDE, 3)), (1, 1, 0)) * 30
    ground = Image.fromarray(np.clip(stream.uniform(60, 160, 3) + clouds + fine, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(ground)
    x, y, r = stream.uniform(15, 33), stream.uniform(15, 33), stream.uniform(8, 13)
    colour = tuple(int(one) for one in stream.uniform(0, 255, 3))
    if label == "disc":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif label == "ring":
        pen.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=3)
    else:
        angle, width = stream.uniform(0, np.pi), int(stream.integers(4, 8))
        dx, dy = np.cos(angle) * r * 1.4, np.sin(angle) * r * 1.4
        pen.line((x - dx, y - dy, x + dx, y + dy), fill=colour, width=width)
    noisy = np.asarray(ground, dtype=np.float64) + stream.normal(0, 4, (SIDE, SIDE, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def features(pixels: np.ndarray) -> np.ndarray:
    """What a small random network sees, averaged over a grid of 4 x 4; float32."""
    stream = np.random.default_rng(7)
    filters = stream.normal(size=(24, 5, 5))
    filters -= filters.mean(axis=(1, 2), keepdims=True)
    grey = pixels.astype(np.float64).mean(axis=3) / 50
    windows = np.lib.stride_tricks.sliding_window_view(grey, (5, 5), axis=(1, 2))[:, ::2, ::2]
    seen = np.maximum(np.einsum("nyxab,fab->nyxf", windows, filters), 0)
    side = seen.shape[1] // 4 * 4
    blocks = seen[:, :side, :side].reshape(len(pixels), 4, side // 4, 4, side // 4, -1).mean(axis=(2, 4))
    return blocks.reshape(len(pixels), -1).astype(np.float32)


def real_images(counts: dict[str, int], seed: int = 0, relatives: int = 1) -> Real:
    """Real images, with `relatives` of each that differ by noise alone."""
    stream = np.random.default_rng(seed)
    labels = np.repeat(list(counts), list(counts.values()))
    pixels = []
    for at, label in enumerate(labels):
        new = at % relatives == 0 or labels[at - 1] != label
        seen = shape(str(label), stream) if new else pixels[-1]
        pixels.append(np.clip(seen + stream.normal(0, 1, seen.shape), 0, 255).astype(np.uint8))
    number = np.arange(len(labels)) // relatives
    order = stream.permutation(len(labels))
    stacked = np.stack(pixels)[order]
    return Real(
        np.array([f"{at:06d}" for at in range(len(labels))]),
        labels[order].astype(str),
        np.array([f"g{at:05d}" for at in number[order]]),
        (number[order] % FOLDS).astype(np.int64),
        stacked,
        features(stacked),
    )


Maker = Callable[[str, np.ndarray, np.random.Generator], np.ndarray]


def made_images(real: Real, make: Maker, labels: tuple[str, ...], each: int, seed: int = 1) -> Made:
    """Images of a model a fold: `make` gets a class, what the model saw of it, and a stream."""
    stream = np.random.default_rng(seed)
    pixels, of, parents, fitted, folds = [], [], [], [], []
    for fold in range(FOLDS):
        seen = real.folds == fold
        for label in labels:
            own = np.flatnonzero(seen & (real.labels == label))
            for _ in range(each // FOLDS):
                pixels.append(make(label, real.pixels[own], stream))
                of.append(label)
                parents.append(tuple(real.ids[own].tolist()))
                fitted.append(frozenset(real.ids[seen].tolist()))
                folds.append(fold)
    order = stream.permutation(len(pixels))
    stacked = np.stack(pixels)[order]
    return Made(
        np.array([f"{at:06d}" for at in range(len(pixels))]),
        np.array(of)[order],
        [parents[at] for at in order],
        [fitted[at] for at in order],
        np.array(folds, dtype=np.int64)[order],
        stacked,
        features(stacked),
    )


def honest(label: str, _: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Another real image of the class."""
    return np.clip(shape(label, stream) + stream.normal(0, 1, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
