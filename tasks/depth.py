"""Depth: how many bits of a 16-bit value are used, and the one scale on which all 16-bit images of a dataset are shown.

Sensors of 10, 12 and 14 bits come in files of 16 bits a value. On the scale of the files they are nearly black; each on
a scale of its own, their brightness could not be compared. So a dataset has one depth: ingest finds it, the catalog
holds it, and every model keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

DEPTHS = (10, 12, 14, 16)  # bits a value, of sensors and of files
FULL = 16


def bits_for(largest: int) -> int:
    """The smallest of `DEPTHS` that holds a value of 0 to 65535."""
    return next(depth for depth in DEPTHS if largest <= top(depth))


def top(depth: int) -> int:
    """The value that is white: the largest of `depth` bits."""
    return (1 << int(depth)) - 1  # a number of a table may be of 8 bits


def eight_bit(values: NDArray[np.uint16], depth: int) -> NDArray[np.uint8]:
    """Values of 16 bits as they are shown: 0 to `top` of the depth becomes 0 to 255, what lies above is 255."""
    scaled = (np.minimum(values, top(depth)).astype(np.float32) * (255 / top(depth))).round()
    return np.asarray(scaled.astype(np.uint8))


def depth_of(catalog: pd.DataFrame) -> int:
    """The depth of a dataset, from the table `CATALOG`; `FULL` where no image has 16 bits a value."""
    found = catalog.loc[catalog["depth"].isin(DEPTHS), "depth"]
    return FULL if found.empty else int(found.iloc[0])
