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
    clouds = gaussian_filter(stream.normal(size=(SIDE, SIDE, 3)), (4, 4, 0)) * 150
    fine = gaussian_filter(stream.normal(size=(SIDE, SIDE, 3)), (1, 1, 0)) * 30
    ground = Image.fromarray(np.clip(stream.uniform(60, 160, 3) + clouds + fine, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(ground)
    x, y, r = *stream.uniform(20, 28, 2), stream.uniform(10, 14)
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
    """Where a picture has edges, by their direction, on a grid of 6 x 6, and its colours; float32."""
    grey = gaussian_filter(pixels.astype(np.float64).mean(axis=3), (0, 1, 1))
    down, across = np.gradient(grey, axis=(1, 2))
    strength, direction = np.hypot(down, across), np.mod(np.arctan2(down, across), np.pi)
    grid = (len(pixels), 6, SIDE // 6, 6, SIDE // 6)
    parts = [
        np.log1p((strength * (np.floor(direction / np.pi * 4) == one)).reshape(grid).mean(axis=(2, 4)))
        for one in range(4)
    ]
    colours = pixels.reshape(len(pixels), 6, SIDE // 6, 6, SIDE // 6, 3).mean(axis=(2, 4)) / 100
    return np.concatenate([np.stack(parts, axis=-1), colours], axis=-1).reshape(len(pixels), -1).astype(np.float32)


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
