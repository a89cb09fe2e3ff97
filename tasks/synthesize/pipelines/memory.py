"""Memory that a pipeline takes: looked at before it is loaded, and told where it runs out nevertheless."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from safetensors import SafetensorError, safe_open

from tasks.disk import readable_size
from tasks.errors import InputError
from tasks.model_folders.files import incomplete

NUMBER = 4  # bytes: weights are computed with in 32 bits, however a file holds them
WIDEST, HELD = 256, 4  # channels at full size where the pictures are decoded, and how many such maps live at a time


def require_memory(folder: Path, weights: Iterable[Path], side: int) -> None:
    """Refuse what will not fit, as far as that is known before: the weights, and the widest maps of one picture.

    Parameters
    ----------
    folder
        Of the checkpoint, for the message.
    weights
        Its files of weights.
    side
        Pixels a side of a picture.

    Raises
    ------
    InputError
        Less memory is free, or a file can't be read.
    """
    needed = NUMBER * (sum(map(_numbers, weights)) + HELD * WIDEST * side * side)
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"{folder} needs about {readable_size(needed)} of memory for images of {side} pixels a side, and "
            f"{readable_size(free)} are free; run fewer jobs at a time (--jobs 1), take a smaller image_size or a "
            "smaller checkpoint, or end other programs"
        )


@contextmanager
def enough_memory(side: int) -> Iterator[None]:
    """Tell in words where memory runs out in this block (`InputError`)."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        raise InputError(
            f"there is not enough memory for images of {side} pixels a side; take a smaller image_size (it grows with "
            "its square), a smaller batch_size of lora, or run fewer jobs at a time (--jobs 1)"
        ) from error


def _numbers(file: Path) -> int:
    """How many numbers a file of weights holds."""
    try:
        with safe_open(file, framework="np") as opened:
            names = opened.keys()
            return sum(math.prod(opened.get_slice(name).get_shape()) for name in names)
    except (OSError, SafetensorError) as error:
        raise incomplete(file.parent, f"{file.name}: {error}") from error
