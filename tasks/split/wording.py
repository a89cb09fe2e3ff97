"""How classes are named in the messages of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def named(classes: Sequence[str], chosen: np.ndarray) -> str:
    """The names of the chosen classes, in quotes."""
    return ", ".join(repr(name) for name, is_chosen in zip(classes, chosen, strict=True) if is_chosen)
