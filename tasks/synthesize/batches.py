"""Images that networks make a batch at a time, so that an image doesn't depend on how many are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tasks.synthesize.generators import Wanted

SIZE = 32  # images of a batch; short ones are padded


def in_batches(wanted: Iterable[Wanted], make: Callable[[list[Wanted]], Tensor]) -> Iterator[NDArray[np.uint8]]:
    """Images, uint8, (side, side, 3), one a wish.

    Parameters
    ----------
    wanted
        The wishes.
    make
        Of `SIZE` wishes it makes (`SIZE`, c, side, side), float32, -1 to 1 or a little beyond; c is 3, or 1 for grey.
    """
    wanted = list(wanted)
    for start in range(0, len(wanted), SIZE):
        batch = wanted[start : start + SIZE]
        made = make(batch + [batch[-1]] * (SIZE - len(batch)))
        pixels = ((made.permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
        for one in pixels[: len(batch)]:
            yield one if one.shape[2] == 3 else np.repeat(one, 3, axis=2)
