"""Files of named arrays: safetensors, which hold numbers and nothing that could be executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_arrays(arrays: Mapping[str, NDArray[Any]], file: Path) -> None:
    """Write arrays by their names; the same arrays are the same bytes."""
    from safetensors.numpy import save

    # safetensors writes the memory of an array that is transposed or cut as if it were not, without a word.
    file.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """What `write_arrays` wrote."""
    from safetensors.numpy import load_file

    found: dict[str, NDArray[Any]] = load_file(file)
    return found
