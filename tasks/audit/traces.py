"""Traces: what a file and its borders may say of how an image was made, whatever it shows.

Everything is measured on the file at its full size, because that is where encoding, interpolation and filled borders
show; a network sees less of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.fingerprints import sharpness
from tasks.images import UnreadableError, open_image, to_rgb
from tasks.parallel import each

if TYPE_CHECKING:
    from tasks.row_store import Row, RowStore

# A property in words, and the columns that measure it: of a file, and of the pixels in it.
OF_FILES: dict[str, tuple[str, ...]] = {
    "bytes a pixel": ("bytes_a_pixel",),
    "JPEG quality": ("jpeg_quality",),
    "size of the image": ("pixels", "aspect"),
    "number of channels": ("channels",),
}
OF_PIXELS: dict[str, tuple[str, ...]] = {
    "brightness": ("brightness",),
    "contrast": ("contrast",),
    "saturation": ("saturation",),
    "sharpness": ("sharpness",),
    "noise": ("noise",),
    "gaps between grey levels": ("gaps",),
    "edges of 8 x 8 blocks": ("blocks",),
    "border against interior": ("border_mean", "border_spread"),
    "mirrored borders": ("mirrored",),
    "black corners": ("black_corners",),
    "even corners": ("even_corners",),
    "marks in the corners": ("mark_top_left", "mark_top_right", "mark_bottom_left", "mark_bottom_right"),
}
PROPERTIES = OF_FILES | OF_PIXELS
COLUMNS = tuple(column for columns in PROPERTIES.values() for column in columns)
SMALLEST = 24  # pixels a side that are measured; a smaller image is extended by its edge
BLACK = 2  # grey levels
MARK = 3  # pixels a side
REACH = 8  # pixels from the border within which a mirror line is looked for


def measure_traces(paths: Sequence[Path], keys: Sequence[str], depth: int, store: RowStore, workers: int) -> np.ndarray:
    """The traces of image files, shape (n, len(`COLUMNS`)).

    Parameters
    ----------
    paths, keys
        The files and their content hashes, in the same order.
    depth
        Bits of 16-bit values that are shown (`tasks.images.to_rgb`).
    store
        What was measured before, at this depth.
    workers
        Number of processes; changes time only.
    """
    path_of = dict(zip(keys, paths, strict=True))

    def compute(missing: list[str]) -> Iterator[Row]:
        return each(partial(traces_of, depth=depth), [path_of[key] for key in missing], workers)

    found = store.fill(keys, compute)
    return np.array([[row[column] for column in COLUMNS] for row in found], dtype=np.float64).reshape(-1, len(COLUMNS))


def traces_of(path: Path, depth: int) -> dict[str, float]:
    """The traces of one image file as it is shown at a depth, finite numbers by the names of `COLUMNS`.

    Raises
    ------
    InputError
        The file can't be read as an image.
    """
    from tasks.errors import InputError

    try:
        decoded = open_image(path)
        rgb = np.asarray(to_rgb(decoded.image, depth))
    except UnreadableError as error:
        raise InputError(
            f"{path}: not readable any more ({error}); `equipoise run --force ingest` looks again"
        ) from error
    height, width = rgb.shape[:2]
    return {
        "bytes_a_pixel": float(np.log(path.stat().st_size / (width * height))),
        "jpeg_quality": float(decoded.jpeg_quality or 0),
        "pixels": float(np.log(width * height)),
        "aspect": float(np.log(width / height)),
        "channels": float(len(decoded.image.getbands())),
        **traces_of_pixels(rgb),
    }


def traces_of_pixels(rgb: np.ndarray) -> dict[str, float]:
    """The traces of an image that don't hang on its file, by the columns of `OF_PIXELS`.

    Parameters
    ----------
    rgb
        Shape (height, width, 3), uint8.
    """
    import cv2

    cv2.setNumThreads(1)  # processes share the cores, not threads
    height, width = rgb.shape[:2]
    more = max(0, SMALLEST - height), max(0, SMALLEST - width)
    rgb = np.pad(rgb, ((0, more[0]), (0, more[1]), (0, 0)), mode="edge")
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    values = grey.astype(np.float32)
    red, green, blue = cv2.split(rgb)
    highest = cv2.max(red, cv2.max(green, blue))
    spread = (highest - cv2.min(red, cv2.min(green, blue))).astype(np.float32)
    return {
        "brightness": float(values.mean()),
        "contrast": float(values.std()),
        "saturation": float((spread / np.maximum(highest, 1)).mean()),
        "sharpness": float(np.log1p(sharpness(grey))),
        "noise": float(np.log1p(np.abs(_noise(values)).mean())),
        "gaps": _gaps(grey),
        "blocks": _blocks(values),
        "mirrored": _mirrored(values),
        **_border(values),
        **_corners(values),
    }


def _noise(values: np.ndarray) -> np.ndarray:
    """What is left where an image is smooth (Immerkaer, Fast noise variance estimation, CVIU 64, 1996)."""
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    return np.asarray(cv2.filter2D(values, cv2.CV_32F, kernel))[1:-1, 1:-1]


def _gaps(grey: np.ndarray) -> float:
    """Share of the grey levels between the 5th and the 95th percentile that no pixel has: stretched contrast."""
    low, high = (int(level) for level in np.percentile(grey, [5, 95]))
    counts = np.bincount(grey.ravel(), minlength=256)[low : high + 1]
    return float((counts == 0).mean())


def _blocks(values: np.ndarray) -> float:
    """How much larger steps are between blocks of 8 pixels than elsewhere: JPEG, also one that was encoded again."""
    ratios = []
    for steps in (np.abs(np.diff(values, axis=1)).mean(axis=0), np.abs(np.diff(values, axis=0)).mean(axis=1)):
        between = np.arange(len(steps)) % 8 == 7
        ratios.append((steps[between].mean() + 0.1) / (steps[~between].mean() + 0.1))
    return float(np.log(np.mean(ratios)))


def _mirrored(values: np.ndarray) -> float:
    """How nearly the image repeats itself mirrored at a line near one of its borders; small where it does."""
    least = np.inf
    for side in (values, values[::-1], values.T, values.T[::-1]):
        for line in range(1, REACH + 1):
            outside, inside = side[:line][::-1], side[line + 1 : 2 * line + 1]
            least = min(least, float(np.abs(outside - inside).mean()))
    return float(np.log(least + 0.1))


def _border(values: np.ndarray) -> dict[str, float]:
    """Mean and spread of the outermost sixteenth, at least a pixel, against the rest."""
    edge = max(1, min(values.shape) // 16)
    inner = values[edge:-edge, edge:-edge]
    count = values.size - inner.size
    mean = (values.sum() - inner.sum()) / count
    variance = max(0.0, float(((values**2).sum() - (inner**2).sum()) / count - mean**2))
    return {
        "border_mean": float(mean - inner.mean()),
        "border_spread": float(np.log((variance + 1) / (inner.var() + 1))),
    }


def _corners(values: np.ndarray) -> dict[str, float]:
    """Black and even pixels in the corners, and whether a block there is brighter than what is round it."""
    side = max(MARK * 2, min(values.shape) // 12)
    corners = {
        "top_left": values[:side, :side],
        "top_right": values[:side, ::-1][:, :side],
        "bottom_left": values[::-1][:side, :side],
        "bottom_right": values[::-1, ::-1][:side, :side],
    }
    black = [(corner <= BLACK).mean() for corner in corners.values()]
    even = [(np.diff(corner, axis=1) == 0).mean() for corner in corners.values()]
    around = MARK * 2
    marks = {}
    for name, corner in corners.items():
        block, near = corner[:MARK, :MARK].sum(), corner[:around, :around].sum()
        marks[f"mark_{name}"] = float(block / MARK**2 - (near - block) / (around**2 - MARK**2))
    return {"black_corners": float(np.max(black)), "even_corners": float(np.max(even)), **marks}
